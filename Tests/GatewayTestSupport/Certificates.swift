import Glibc
package import TLS

/// Certificates made by the `openssl` command once for the whole run, in a directory that goes away at exit.
package enum Certificates {
  package static let serverName = "server.test"

  /// The directory with the files. Nil when `openssl` is missing or failed.
  package static let directory: String? = {
    var template = Array("/tmp/tls-tests.XXXXXX".utf8CString)
    let path: String? = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
    }
    guard let path, system("cd \(path) && { \(script) ; } >log 2>&1") == 0 else { return nil }
    atexit {
      if let directory = Certificates.directory { system("rm -rf \(directory)") }
    }
    return path
  }()

  package static func path(_ file: String) -> String { "\(directory ?? "/nonexistent")/\(file)" }

  private static let script = """
    set -e
    authority() {
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
        -subj "/CN=$1" -keyout $1.key -out $1.pem
    }
    leaf() {
      openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout $1.key -out $1.csr
      printf 'subjectAltName=DNS:server.test,DNS:localhost,IP:127.0.0.1' >$1.ext
      openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days $2 -extfile $1.ext -out $1.pem
    }
    authority ca
    authority other
    leaf good 30
    leaf expired -1
    leaf renewed 30
    leaf client 30
    named() {
      openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "$2" -keyout $1.key -out $1.csr
      printf "$3" >$1.ext
      openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile $1.ext -out $1.pem
    }
    named person '/CN=Ada Lovelace' ''
    named address '/CN=ignored' 'subjectAltName=IP:10.0.0.1,email:ada@team.example,DNS:later.example'
    named workload '/CN=ignored' 'subjectAltName=URI:spiffe://team/ci'
    named onlyaddress '/CN=host' 'subjectAltName=IP:10.0.0.1'
    named twonames '/CN=ada/CN=eve' ''
    named unnamed '/O=team' ''
    named controls "/CN=ada$(printf '\\001')root" ''
    openssl req -x509 -key client.key -nodes -days 30 -subj "/CN=stranger" -out stranger.pem
    openssl ec -in good.key -aes128 -passout pass:secret -out locked.key
    """

  /// A server with the good certificate, which is valid for `serverName` and for 127.0.0.1.
  package static func serverContext(_ protocols: [String] = []) throws -> TLSServerContext {
    try TLSServerContext(
      certificateFile: path("good.pem"), keyFile: path("good.key"), applicationProtocols: protocols)
  }

  /// A client that trusts the authority of these certificates and no other.
  package static func clientContext(_ protocols: [String] = []) throws -> TLSClientContext {
    try TLSClientContext(caFile: path("ca.pem"), applicationProtocols: protocols)
  }
}

import GatewayTestSupport
import Glibc

/// Certificates made by the `openssl` command once for the whole run, in a folder that goes away at exit.
enum Certificates {
  /// The folder with the files. Nil when `openssl` is missing or failed.
  static let directory: String? = {
    guard Git.tool("openssl") else { return nil }
    var template = Array("/tmp/artifacts-gateway-tls-XXXXXX".utf8CString)
    let path: String? = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
    }
    guard let path, system("cd \(path) && { \(script) ; } >log 2>&1") == 0 else { return nil }
    atexit {
      if let directory = Certificates.directory { system("rm -rf \(directory)") }
    }
    return path
  }()

  static func path(_ file: String) -> String { "\(directory ?? "/nonexistent")/\(file)" }

  private static let script = """
    set -e
    authority() {
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
        -subj "/CN=$1" -keyout $1.key -out $1.pem
    }
    authority ca
    authority other
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=good" -keyout good.key -out good.csr
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' >good.ext
    openssl x509 -req -in good.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile good.ext -out good.pem
    """
}

import ArgumentParser
import CVersion
import Gateway
import HTTPCore
import TLS

/// What this build is made of.
enum Version {
  static let number = GatewayVersion.number
  static var commit: String { String(cString: cversion_commit()) }
  static var openSSL: String { TLSChannel.libraryVersion }
  static var nghttp2: String { HTTP2Library.version }
  #if swift(>=6.4)
  static let swift = "6.4 or later"
  #elseif swift(>=6.3)
  static let swift = "6.3"
  #else
  static let swift = "6.2"
  #endif
}

struct VersionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Print the version and those of the libraries.", discussion: GatewayExit.help)

  @Flag(help: "As one JSON object.")
  var json = false

  func run() async throws {
    if json {
      let pairs = [
        ("version", Version.number), ("commit", Version.commit), ("swift", Version.swift),
        ("openssl", Version.openSSL), ("nghttp2", Version.nghttp2),
      ]
      printLine("{" + pairs.map { "\"\($0)\":\"\($1)\"" }.joined(separator: ",") + "}")
    } else {
      printLine("artifacts-gateway \(Version.number) (commit \(Version.commit))")
      printLine("Swift \(Version.swift), \(Version.openSSL), nghttp2 \(Version.nghttp2)")
    }
  }
}

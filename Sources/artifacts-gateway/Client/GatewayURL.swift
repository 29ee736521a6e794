import EventLoop
import HTTPTransport

/// Where a running gateway is: `http://host:port`, `https://host:port` or `unix:/path`.
struct GatewayURL: Sendable, CustomStringConvertible {
  /// Where `serve` listens when nobody says otherwise.
  static let standard = "http://127.0.0.1:7080"

  let origin: Origin
  /// What stands before the gateway's own paths, without a slash at its end.
  let path: String
  /// The Unix socket, if it is one.
  let socket: SocketAddress?
  let description: String

  init?(_ text: String) {
    if text.hasPrefix("unix:") {
      guard let address = SocketAddress(parsing: text) else { return nil }
      (origin, path, socket) = (Origin(isSecure: false, host: "localhost", port: 80), "", address)
      description = text
    } else {
      guard let url = OriginURL(text) else { return nil }
      (origin, path, socket) = (url.origin, url.path, nil)
      description = "\(url.origin)\(url.path)"
    }
  }

  /// The URL of the setting `url`: the flag, else `ARTIFACTS_GATEWAY_URL`, else the standard one.
  init(_ flag: String?, _ settings: Settings) throws(StartFailure) {
    let text = try settings.text(flag, "url", default: Self.standard) ?? ""
    guard let url = GatewayURL(text) else {
      throw settings.refusal("url", "\"\(text)\" is not of the form http://host:port, https://host:port or unix:/path")
    }
    self = url
  }
}

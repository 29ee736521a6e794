import EventLoop
import HTTPCore
import HTTPTransport

/// The addresses of this gateway as its clients write them.
enum PublicURL {
  /// Scheme and host by which the request of `exchange` came: `http://localhost:7080`.
  static func base(_ exchange: ServerExchange) -> String {
    "\(scheme(exchange.listener))://\(exchange.request.fields[.host] ?? "localhost")"
  }

  /// Where the client of `exchange` finds git: the same, but for a client of an admin listener, who is on another port.
  static func git(_ exchange: ServerExchange, state: GatewayState) -> String {
    guard exchange.listener.isAdmin, let listener = state.gitListener,
      let port = listener.address.port
    else { return base(exchange) }
    let asked = exchange.request.fields[.host].flatMap { Authority($0) }
    let name = asked.map { $0.isBracketed ? "[\($0.host)]" : $0.host } ?? "localhost"
    return "\(scheme(listener))://\(name):\(port)"
  }

  private static func scheme(_ listener: ListenerInfo) -> String { listener.isSecure ? "https" : "http" }
}

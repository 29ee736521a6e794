import EventLoop
import HTTPCore
import HTTPTransport

/// What one can ask of the gateway's process, by `POST /-/<operation>`.
package enum ControlOperation: String, Hashable, Sendable {
  case quit, reload
}

/// `POST /-/quit` and `POST /-/reload`: for whoever is on this machine, or may use the admin API on a listener of its own.
struct ControlEndpoints {
  /// Nil when nobody has given any.
  let actions: ControlActions?

  /// Why a request is refused, or nil.
  func refusal(on listener: ListenerInfo) -> ProxyError? {
    if actions == nil { return ProxyError(.notFound, status: 404, "this gateway is not controlled by requests") }
    guard listener.address.isLoopback || listener.isAdmin else {
      return ProxyError(
        .forbidden, status: 403, "only on an address of this machine, a Unix socket or the admin address")
    }
    return nil
  }

  /// Does it, and answers.
  /// - Returns: what went wrong, which is still to be answered.
  func perform(_ operation: ControlOperation, on exchange: ServerExchange) async throws -> ProxyError? {
    switch operation {
    case .quit:
      await actions?.quit()
      // Nothing follows on this connection: the drain need not wait for it to become idle.
      exchange.closesConnection = true
      try await answer(exchange, 202, "leaving\n")
    case .reload:
      switch await actions?.reload() {
      case .failed(let reason):
        return ProxyError(.badConfiguration, status: 500, "the configuration is as before: \(reason)")
      case .reloaded(let changed, let needingRestart):
        var text = changed.isEmpty ? "reloaded, nothing changed\n" : "reloaded: \(changed.joined(separator: ", "))\n"
        if !needingRestart.isEmpty { text += "needs a restart: \(needingRestart.joined(separator: ", "))\n" }
        try await answer(exchange, 200, text)
      case nil: break
      }
    }
    return nil
  }

  private func answer(_ exchange: ServerExchange, _ status: Int, _ text: String) async throws(TransportError) {
    let fields = Fields([(.contentType, "text/plain; charset=utf-8"), (.cacheControl, "no-store")])
    try await exchange.respond(status: status, fields: fields, body: Array(text.utf8))
  }
}

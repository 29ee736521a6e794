import ArtifactsAPI
import HTTPCore
import HTTPTransport

/// `/livez` and `/readyz`: is the process alive, and should it be sent traffic.
struct HealthEndpoints {
  let state: GatewayState
  let configuration: GatewayConfiguration

  func live(_ exchange: ServerExchange) async throws(TransportError) {
    try await answer(exchange, 200, "ok\n")
  }

  /// 503 with a reason a line when starting, draining or unable.
  func ready(_ exchange: ServerExchange) async throws(TransportError) {
    var reasons: [String] = []
    if state.current != .ready { reasons.append(state.current.rawValue) }
    if let staticToken = configuration.staticToken {
      if staticToken() == nil { reasons.append("the file of --static-token-file cannot be read") }
    } else if configuration.endpoint.token() == nil {
      reasons.append("no API token")
    }
    let isVerbose = exchange.request.query?.hasPrefix("verbose") ?? false
    if reasons.isEmpty {
      try await answer(exchange, 200, isVerbose ? "[+] state ready\n[+] credentials\nok\n" : "ok\n")
    } else {
      try await answer(exchange, 503, reasons.map { "[-] \($0)\n" }.joined())
    }
  }

  private func answer(_ exchange: ServerExchange, _ status: Int, _ text: String) async throws(TransportError) {
    let fields = Fields([(.contentType, "text/plain; charset=utf-8"), (.cacheControl, "no-store")])
    try await exchange.respond(status: status, fields: fields, body: Array(text.utf8))
  }
}

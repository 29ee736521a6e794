import ArtifactsAPI
import HTTPCore
import HTTPTransport

/// `/livez` and `/readyz`: is the process alive, and should it be sent traffic.
struct HealthEndpoints {
  let state: GatewayState
  let configuration: GatewayConfiguration
  let hasCache: Bool

  private struct Report: Encodable {
    let ready: Bool
    let state: String
    let checks: [ReadinessCheck]
  }

  func live(_ exchange: ServerExchange) async throws(TransportError) {
    try await answer(exchange, 200, Array("ok\n".utf8))
  }

  /// 503 when starting, draining or unable, with a reason a line; with `verbose`, every check in JSON.
  func ready(_ exchange: ServerExchange) async throws(TransportError) {
    let checks = checks
    let failures = checks.filter { $0.required && !$0.ok }
    let status = failures.isEmpty ? 200 : 503
    if Self.isVerbose(exchange.request) {
      let report = Report(ready: failures.isEmpty, state: state.current.rawValue, checks: checks)
      return try await answer(exchange, status, AdminJSON.line(report), type: "application/json")
    }
    let text = failures.isEmpty ? "ok\n" : failures.map { "[-] \($0.reason)\n" }.joined()
    try await answer(exchange, status, Array(text.utf8))
  }

  static func isVerbose(_ request: RequestHead) -> Bool {
    request.query?.split(separator: "&").contains { $0 == "verbose" || $0.hasPrefix("verbose=") } ?? false
  }

  /// Asks nobody: what others would have to say is not this process's health.
  var checks: [ReadinessCheck] {
    let phase = state.current
    let listenerCount = state.listenerCount
    var checks = [
      ReadinessCheck("started", phase != .starting, phase == .starting ? "starting" : "started"),
      ReadinessCheck("draining", phase != .draining, phase == .draining ? "draining" : "not draining"),
      ReadinessCheck("listeners", listenerCount > 0, "\(listenerCount) open"), credentials,
    ]
    if configuration.cacheDirectory != nil, configuration.cacheSize > 0 {
      checks.append(
        ReadinessCheck(
          "cache_directory", hasCache, hasCache ? "in use" : "cannot be used: packs are not cached", required: false))
    }
    if state.hasCertificates {
      let fault = state.certificateFault
      checks.append(
        ReadinessCheck(
          "certificate", fault == nil, fault.map { "not reloaded, the old one goes on: \($0)" } ?? "loaded",
          required: false))
    }
    if state.configReloadFailed {
      checks.append(
        ReadinessCheck("configuration", false, "not reread, the one before goes on", required: false))
    }
    return checks
  }

  private var credentials: ReadinessCheck {
    if let staticToken = configuration.staticToken {
      let isThere = staticToken() != nil
      return ReadinessCheck(
        "credentials", isThere, isThere ? "static token" : "the file of --static-token-file cannot be read")
    }
    let isThere = configuration.endpoint.token().map { !$0.isEmpty } ?? false
    return ReadinessCheck("credentials", isThere, isThere ? "API token" : "no API token")
  }

  private func answer(
    _ exchange: ServerExchange, _ status: Int, _ body: [UInt8], type: String = "text/plain; charset=utf-8"
  ) async throws(TransportError) {
    let fields = Fields([(.contentType, type), (.cacheControl, "no-store")])
    try await exchange.respond(status: status, fields: fields, body: body)
  }
}

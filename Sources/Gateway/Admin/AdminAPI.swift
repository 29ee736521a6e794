import ArtifactsAPI
import HTTPCore
import HTTPTransport

/// The simplified JSON API under `/api/v1`: flat JSON in and out, translated into calls of the Artifacts API. Confined to its
/// loop, whose connections it uses.
struct AdminAPI {
  let client: ArtifactsClient
  let memory: RepoMemory
  let sharing: Sharing
  let configuration: GatewayConfiguration
  let state: GatewayState
  let access: Access

  /// - Parameter path: what follows `/api/v1`.
  func handle(_ exchange: ServerExchange, _ path: String, requestID: String) async throws(TransportError) {
    do throws(Problem) {
      try await route(exchange, path, requestID: requestID)
    } catch {
      (exchange.attachment as? RequestRecord)?.problem = error
      guard !exchange.hasStarted else { return exchange.abort() }
      try await error.send(on: exchange, requestID: requestID)
    }
  }

  private func route(_ exchange: ServerExchange, _ path: String, requestID: String) async throws(Problem) {
    var segments = try AdminPath(path).segments[...]
    var namespace = configuration.namespace
    let isScoped = segments.first == "namespaces" && segments.count >= 3
    if isScoped {
      namespace = segments[1]
      segments = segments.dropFirst(2)
    }
    let rows = AdminRoute.table.filter { (!isScoped || $0.isInNamespace) && $0.matches(segments) }
    guard !rows.isEmpty else { throw Problem(404, "no such call; repos are under /api/v1/repos") }
    // HEAD is GET without the body (RFC 9110 section 9.3.2).
    let method = exchange.request.method == .head ? .get : exchange.request.method
    guard let row = rows.first(where: { $0.method == method }) else {
      let allow = rows.map { $0.method == .get ? "GET, HEAD" : $0.method.rawValue }.joined(separator: ", ")
      throw Problem(405, "only \(allow) are served here", allow: allow)
    }
    if isScoped { try AdminRoute.rule(of: "namespace").check(namespace, of: "namespace") }
    let parameters = try row.parameters(of: segments)
    let query = try AdminQuery(exchange.request.query, row.query)
    var body = AdminBody()
    if let fields = row.body { body = try await AdminBody.read(exchange, fields) }
    let call = AdminCall(
      exchange: exchange, requestID: requestID, namespace: namespace, parameters: parameters,
      tail: row.tail(of: segments), query: query, body: body)
    try authorise(call, row)
    try await row.handler(self)(call)
  }

  /// Makes a call of the Artifacts API; what it meets with becomes a problem.
  func asking<Answer>(_ call: () async throws(ArtifactsError) -> Answer) async throws(Problem) -> Answer {
    do throws(ArtifactsError) { return try await call() } catch { throw Problem(error) }
  }

  // MARK: The gateway itself

  static let gatewayRoutes = [
    AdminRoute(
      .get, "status", "getStatus", .gateway, "Say how the gateway is", answers: [.json(200, .status)], AdminAPI.status),
    AdminRoute(
      .get, "openapi.json", "getDocument", .gateway, "Get this document", answers: [.object], AdminAPI.document),
  ]

  private struct Status: Encodable {
    let state: String
    let namespace: String
    let read_only: Bool
    let create_on_push: Bool
    let tokens_minted: Int
  }

  /// The document that describes all this.
  func document(_ call: AdminCall) async throws(Problem) {
    await call.answer(200, json: AdminDocument.bytes)
  }

  /// Asks nobody.
  func status(_ call: AdminCall) async throws(Problem) {
    await call.answer(
      200,
      Status(
        state: state.current.rawValue, namespace: configuration.namespace, read_only: state.isReadOnly,
        create_on_push: configuration.createsOnPush, tokens_minted: await memory.broker.mintCount))
  }
}

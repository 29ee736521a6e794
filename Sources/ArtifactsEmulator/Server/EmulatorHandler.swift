import HTTPCore
import HTTPTransport
import Logging

/// Hands each request to the control plane or to the data plane, by its path.
final class EmulatorHandler: RequestHandler {
  private static let bodyLimit = 1 << 20
  private static let base = "/client/v4"

  private let plane: ControlPlane
  private let git: GitEndpoint
  private let content: ContentEndpoint

  init(plane: ControlPlane, logger: Logger) {
    self.plane = plane
    git = GitEndpoint(store: plane.store, logger: logger)
    content = ContentEndpoint(plane: plane, logger: logger)
  }

  func handle(_ exchange: ServerExchange) async throws {
    let path = exchange.request.path
    if path.hasPrefix(Self.base + "/") {
      let route = ContentRoute(method: exchange.request.method.rawValue, path: path.dropFirst(Self.base.count))
      if let route { try await content.handle(exchange, route) } else { try await control(exchange) }
    } else if path.hasPrefix("/git/") {
      try await git.handle(exchange)
    } else {
      try await exchange.respondUnknown()
    }
  }

  private func control(_ exchange: ServerExchange) async throws {
    let head = exchange.request
    let reply: APIReply
    do throws(TransportError) {
      let body = try await exchange.readBody(limit: Self.bodyLimit)
      reply = await plane.reply(
        to: APIRequest(
          method: head.method.rawValue, path: String(head.path.dropFirst(Self.base.count)),
          query: head.query.map(String.init) ?? "", authorization: head.fields[.authorization],
          contentType: head.fields[.contentType], body: body))
    } catch {
      guard case .tooLong = error else { throw error }
      reply = .failure(.tooLarge)
    }
    try await exchange.respond(reply)
  }
}

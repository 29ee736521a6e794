import GitProtocol
import HTTPCore
import HTTPTransport
import Logging

/// Hands each request to the control plane or to the data plane, by its path.
final class EmulatorHandler: RequestHandler {
  private static let bodyLimit = 1 << 20
  private static let base = "/client/v4"

  private let plane: ControlPlane
  private let faults: FaultList
  private let git: GitEndpoint
  private let content: ContentEndpoint
  private let logger: Logger

  init(plane: ControlPlane, faults: FaultList, logger: Logger) {
    self.plane = plane
    self.faults = faults
    self.logger = logger
    git = GitEndpoint(store: plane.store, upkeep: plane.upkeep, logger: logger)
    content = ContentEndpoint(plane: plane, logger: logger)
  }

  func handle(_ exchange: ServerExchange) async throws {
    let request = Exchange(exchange)
    if let target = Self.target(of: request.request.path) {
      let actions = faults.take(target)
      if !actions.isEmpty {
        logger.info("fault", metadata: ["path": "\(request.request.path)", "actions": "\(actions)"])
        guard try await request.suffer(actions, isAPI: target == .api, store: plane.store) else { return }
      }
    }
    try await serve(request)
  }

  /// What faults call the kind of request that a path is of.
  private static func target(of path: some StringProtocol) -> Fault.Target? {
    if path.hasPrefix(base + "/") { return .api }
    return switch GitPath(path)?.route {
    case .advertisement: .refs
    case .service(.uploadPack): .uploadPack
    case .service(.receivePack): .receivePack
    case nil: nil
    }
  }

  private func serve(_ exchange: Exchange) async throws {
    let path = exchange.request.path
    if path.hasPrefix(Self.base + "/") {
      let below = path.dropFirst(Self.base.count)
      if let route = ContentRoute(method: exchange.request.method.rawValue, path: below) {
        return try await content.handle(exchange, route)
      }
      guard let request = try await whole(exchange, path: String(below)) else { return }
      try await exchange.respond(await plane.reply(to: request))
    } else if path.hasPrefix("/git/") {
      try await git.handle(exchange)
    } else if path == FaultPlane.path || path.hasPrefix(FaultPlane.path + "/") {
      guard let request = try await whole(exchange, path: String(path)) else { return }
      try await exchange.respond(FaultPlane(plane: plane, faults: faults).reply(to: request))
    } else {
      try await exchange.respondUnknown()
    }
  }

  /// The request with its body; nil when that was too long, which the client has been told.
  private func whole(_ exchange: Exchange, path: String) async throws -> APIRequest? {
    let body: [UInt8]
    do throws(TransportError) {
      body = try await exchange.readBody(limit: Self.bodyLimit)
    } catch {
      guard case .tooLong = error else { throw error }
      try await exchange.respond(.failure(.tooLarge))
      return nil
    }
    let head = exchange.request
    return APIRequest(
      method: head.method.rawValue, path: path, query: head.query.map(String.init) ?? "",
      authorization: head.fields[.authorization], contentType: head.fields[.contentType], body: body)
  }
}

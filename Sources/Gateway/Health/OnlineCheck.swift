import ArtifactsAPI
package import EventLoop
import HTTPTransport
import TLS

/// Tries, once, what the gateway needs of the API: a look at the repos, a token minted and revoked.
package enum OnlineCheck {
  package enum Outcome: Sendable {
    case minted(RepoKey)
    case noRepo
  }

  /// - Throws: `ArtifactsError` for what the API refuses, `TLSError` for a bad `caFile`.
  package static func run(_ configuration: GatewayConfiguration, on group: LoopGroup) async throws -> Outcome {
    let tls = try TLSClientContext(caFile: configuration.caFile, applicationProtocols: ["http/1.1"])
    let http2 = try configuration.upstreamHTTP.policy(caFile: configuration.caFile)
    let (timeouts, routes) = (configuration.timeouts, configuration.routes)
    let control = ControlPlane(on: group.loops[0], configuration.endpoint) {
      UpstreamPool(on: $0, resolver: Resolver(), routes: routes, tls: tls, timeouts: timeouts, http2: http2)
    }
    let outcome: Outcome
    if let first = try await control.firstRepo(configuration.namespace) {
      let repo = RepoKey(namespace: configuration.namespace, name: first.name)
      let token = try await control.createToken(repo, .read, ttl: 60)
      try await control.revokeToken(repo.namespace, id: token.id)
      outcome = .minted(repo)
    } else {
      outcome = .noRepo
    }
    await control.closeIdle()
    return outcome
  }
}

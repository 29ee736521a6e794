package import EventLoop

/// Tries, once, what the gateway needs of the API: a look at the repos, a token minted and revoked.
package enum OnlineCheck {
  package enum Outcome: Sendable {
    case minted(RepoKey)
    case noRepo
  }

  /// - Throws: `ArtifactsError` for what the API refuses, `TLSError` for a bad `caFile`.
  package static func run(_ configuration: GatewayConfiguration, on group: LoopGroup) async throws -> Outcome {
    let probe = try UpstreamProbe(configuration, on: group.loops[0])
    guard let repo = try await probe.firstRepo() else { return .noRepo }
    try await probe.mint(for: repo)
    await probe.close()
    return .minted(repo)
  }
}

package import ArtifactsAPI
import EventLoop
package import HTTPTransport

/// What a gateway needs to know to serve. Checked by whoever fills it in.
package struct GatewayConfiguration: Sendable {
  /// The namespace of `/git/<repo>`.
  package var namespace = "default"
  package var endpoint: APIEndpoint
  /// PEM file with the authorities that upstream certificates are checked against, instead of the system's.
  package var caFile: String?
  package var allowedRemoteHosts = ["*.artifacts.cloudflare.net"]
  package var allowsInsecureUpstream = false
  /// Skips the look-up of remotes: a URL with `{account}`, `{namespace}`, `{repo}`.
  package var remoteTemplate: String?
  /// One bearer token for all repos, instead of minting; asked at each use.
  package var staticToken: (@Sendable () -> Secret?)?
  /// Seconds.
  package var tokenTTL = 3600
  /// Refuses pushes.
  package var isReadOnly = false
  /// Creates a repo when the first push to it comes.
  package var createsOnPush = false
  /// Names beside loopback and the addresses listened on that clients may say in `Host`: those that `HostList.isPattern`
  /// takes.
  package var allowedHosts: [String] = []
  package var maxConnections = 1024
  package var timeouts = Timeouts()
  /// How long an upstream may be silent before an advertisement, and before an answer to a fetch or a push.
  package var refsFirstByte = Duration.seconds(30)
  package var packFirstByte = Duration.seconds(300)
  /// Seconds since 1970, by which tokens expire.
  package var wallClock: @Sendable () -> Double = { WallClock.now }

  package init(endpoint: APIEndpoint) { self.endpoint = endpoint }

  /// Origins that the operator wrote down and that need no other permission.
  var trustedOrigins: Set<Origin> {
    guard let remoteTemplate, let brace = remoteTemplate.firstIndex(of: "{"),
      let url = OriginURL(String(remoteTemplate[..<brace])), url.origin.isSecure
    else { return [] }
    return [url.origin]
  }
}

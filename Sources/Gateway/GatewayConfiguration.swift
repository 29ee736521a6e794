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
  /// Allows remotes whose names have private, link-local or loopback addresses.
  package var allowsPrivateUpstream = false
  /// Nil is the direct way.
  package var proxy: ProxySettings?
  package var upstreamHTTP = UpstreamHTTP.automatic
  /// Skips the look-up of remotes: a URL with `{account}`, `{namespace}`, `{repo}`.
  package var remoteTemplate: String?
  /// One bearer token for all repos, instead of minting; asked at each use.
  package var staticToken: (@Sendable () -> Secret?)?
  /// Seconds.
  package var tokenTTL = 3600
  /// Most requests in 10 s to git and to the API each; 0 is any number.
  package var upstreamLimit = 2000
  /// Calls of the API in a row that may fail before it is asked less often, until it is well.
  package var apiFailureLimit = 10
  /// Refuses pushes.
  package var isReadOnly = false
  /// Creates a repo when the first push to it comes.
  package var createsOnPush = false
  /// Names beside loopback and the addresses listened on that clients may say in `Host`: those that `HostList.isPattern`
  /// takes.
  package var allowedHosts: [String] = []
  /// Who may do what. Empty asks nobody.
  package var access = AccessConfiguration()
  /// Where that is read anew from when the file changes; nil for what was not read from a file.
  package var accessSource: AccessSource?
  /// Tells whose signed tokens are, instead of the OpenID providers of `access`.
  package var bearerVerifier: (any BearerVerifier)?
  /// Refuses pushes to repos whose `read_only` is set, which the service only stores.
  package var enforcesReadOnlyRepos = true
  /// The admin API and the status page are served on listeners of their own only.
  package var hasAdminListener = false
  package var maxConnections = 1024
  /// Fetches and pushes at once, on all loops together.
  package var maxTransfers = 256
  /// How long one beyond that may wait for its turn.
  package var transferPatience = Duration.seconds(5)
  /// Where packs are kept; nil keeps none.
  package var cacheDirectory: String?
  /// Most bytes of packs on the disk.
  package var cacheSize = 2 << 30
  /// How long a kept pack is served after the upstream was last seen to advertise what it was fetched by.
  package var cacheGrace = Duration.seconds(900)
  /// How long a capability advertisement of protocol v2, which names no refs, is answered without asking; zero asks always.
  package var advertisementLife = Duration.zero
  package var timeouts = Timeouts()
  /// How long an upstream may be silent before an advertisement, and before an answer to a fetch or a push.
  package var refsFirstByte = Duration.seconds(30)
  package var packFirstByte = Duration.seconds(300)
  /// Seconds since 1970, by which tokens expire.
  package var wallClock: @Sendable () -> Double = { WallClock.now }

  /// Told who did what; nil when nobody wants to know.
  package var audit: AuditLog?

  /// Nil when the process is not controlled by requests.
  package var controls: ControlActions?
  /// Told of each request but probes; nil when nobody wants to know.
  package var activity: ActivityMeter?

  package init(endpoint: APIEndpoint) { self.endpoint = endpoint }

  /// Which way connections to the upstream and the API take.
  var routes: UpstreamRoutes { routes(trusting: []) }

  /// The same with further origins that the operator wrote down.
  func routes(trusting origins: Set<Origin>) -> UpstreamRoutes {
    var routes = UpstreamRoutes()
    if let proxy { routes.proxy = { proxy.proxy(for: $0) } }
    // A name that the API gave must not lead into the operator's own network; what he wrote down may.
    let trusted = trustedOrigins.union([endpoint.base.origin]).union(origins)
    if !allowsPrivateUpstream {
      routes.allows = { address, origin in
        address.isGlobal || trusted.contains(origin) || RemotePolicy.isLoopback(origin.host)
          || SocketAddress(numericHost: origin.host, port: 0) != nil
      }
    }
    return routes
  }

  /// Origins that the operator wrote down and that need no other permission.
  var trustedOrigins: Set<Origin> {
    guard let remoteTemplate, let brace = remoteTemplate.firstIndex(of: "{"),
      let url = OriginURL(String(remoteTemplate[..<brace])), url.origin.isSecure
    else { return [] }
    return [url.origin]
  }
}

import ArtifactsAPI
import EventLoop
import Gateway
import HTTPTransport
import Logging

/// All that `serve` needs, looked up and checked.
struct ServeConfiguration: Sendable {
  /// The defaults that depend on what the gateway is for.
  struct Standard {
    let logLevel: Logger.Level
    let cacheSize: String

    /// One that serves whoever comes.
    static let service = Standard(logLevel: .info, cacheSize: "2GiB")
    /// One for a single command: it speaks up for what is wrong, and leaves the cache to those who stay.
    static let command = Standard(logLevel: .warning, cacheSize: "0")
  }

  /// The keys of the configuration file: every flag of `serve` but `--config`.
  static let keys = [
    "listen", "admin_listen", "tls_cert", "tls_key", "tls_client_ca", "local", "data_dir", "allow_loopback_import",
    "account_id", "namespace",
    "api_base", "api_token_file", "ca_file",
    "allow_remote_host", "allow_insecure_upstream", "allow_private_upstream", "upstream_http", "remote_template",
    "static_token_file",
    "token_ttl", "read_only",
    "allow_push_to_read_only",
    "create_on_push", "allow_anonymous", "access_file", "allow_host", "allow_shared_secret_files", "cache_dir",
    "cache_size", "cache_grace", "advertisement_ttl", "threads", "max_connections",
    "max_transfers", "upstream_limit",
    "shutdown_delay",
    "drain_timeout", "exit_on_idle", "audit_file", "audit_max_size", "log_format", "log_level",
  ]

  /// The settings as they were found, in the order in which they were looked up.
  let found: [Settings.Found]
  let listeners: [ListenerConfiguration]
  let isLocal: Bool
  /// The account whose remotes are meant; in local mode the one that stands in for it.
  let accountID: String?
  let dataDirectory: String
  /// The embedded service imports from http:// on this machine, too.
  let allowsLoopbackImport: Bool
  /// Zero takes one for each processor.
  let threads: Int
  let shutdownDelay: Int
  let drainTimeout: Int
  /// Seconds without a request after which the process ends; zero is never.
  let exitOnIdle: Int
  /// Nil when nothing is audited.
  let auditFile: String?
  /// Bytes; zero for any length.
  let auditMaxSize: Int
  let logFormat: LogFormat
  let logLevel: Logger.Level
  /// For local mode still without the address of the embedded service.
  let gateway: GatewayConfiguration

  /// - Parameters:
  ///   - sockets: those of the service manager.
  ///   - standard: where nobody says otherwise.
  init(
    _ options: ServeOptions, sockets: [ServiceManager.ActivatedSocket] = [], standard: Standard = .service
  ) throws(StartFailure) {
    let settings = Settings(file: try Self.file(options.config))
    let isAnonymousAllowed = try settings.isOn(options.allowAnonymous, "allow_anonymous")
    let access = try settings.text(options.accessFile, "access_file").map { (path) throws(StartFailure) in
      (path: path, configuration: try AccessFile.load(path))
    }
    let listeners = try Self.listeners(
      options, settings, sockets, isAnonymousAllowed: isAnonymousAllowed || access != nil)
    self.listeners = listeners
    isLocal = try settings.isOn(options.local, "local")
    accountID = try settings.value(
      options.accountId, "account_id", orElse: ["CLOUDFLARE_ACCOUNT_ID", "CF_ACCOUNT_ID"],
      default: isLocal ? "local" : nil)
    dataDirectory = try settings.text(options.dataDir, "data_dir", default: "./artifacts-data") ?? ""
    allowsLoopbackImport = try settings.isOn(options.allowLoopbackImport, "allow_loopback_import")
    threads = try settings.number(options.threads, "threads", in: 1...1024, default: 0)
    shutdownDelay = try settings.seconds(options.shutdownDelay, "shutdown_delay", default: "0")
    drainTimeout = try settings.seconds(options.drainTimeout, "drain_timeout", default: "60s")
    exitOnIdle = try settings.seconds(options.exitOnIdle, "exit_on_idle", default: "0")
    auditFile = try settings.text(options.auditFile, "audit_file")
    auditMaxSize = try settings.bytes(options.auditMaxSize, "audit_max_size", default: "64MiB")
    (logFormat, logLevel) = try options.log.resolve(settings, standard: standard.logLevel)
    var gateway =
      isLocal ? Self.localConfiguration() : try Self.remoteConfiguration(options, settings, account: accountID)
    try Self.fillCommon(&gateway, options, settings, isLocal: isLocal, dataDirectory: dataDirectory, standard)
    gateway.hasAdminListener = listeners.contains { $0.isAdmin }
    if let access {
      try AccessFile.check(access.configuration, path: access.path, listeners, isAnonymousAllowed: isAnonymousAllowed)
      gateway.access = access.configuration
      gateway.accessSource = AccessSource(path: access.path) { () throws(AccessFileError) in
        do throws(StartFailure) {
          let configuration = try AccessFile.load(access.path)
          try AccessFile.check(configuration, path: access.path, listeners, isAnonymousAllowed: isAnonymousAllowed)
          return configuration
        } catch {
          throw AccessFileError(error.message)
        }
      }
    }
    self.gateway = gateway
    found = settings.found
  }

  /// The file of `--config` or its variable.
  static func file(_ flag: String?) throws(StartFailure) -> ConfigurationFile? {
    guard let path = flag ?? Settings.environment(Settings.variable("config")) else { return nil }
    guard let bytes = Settings.content(ofFile: path, limit: ConfigurationFile.sizeLimit) else {
      throw StartFailure(GatewayExit.configuration, "\(path): cannot be read, or is longer than 1 MiB")
    }
    return try ConfigurationFile(String(decoding: bytes, as: UTF8.self), path: path, known: keys)
  }

  /// The configuration for the real service.
  private static func remoteConfiguration(
    _ options: ServeOptions, _ settings: Settings, account: String?
  ) throws(StartFailure) -> GatewayConfiguration {
    let template = try settings.text(options.remoteTemplate, "remote_template")
    let maybeShared = try settings.isOn(options.allowSharedSecretFiles, "allow_shared_secret_files")
    let staticFile = try settings.secretFile(options.staticTokenFile, "static_token_file", maybeShared: maybeShared)
    if staticFile != nil && template == nil {
      throw settings.refusal("static_token_file", "it needs remote_template")
    }
    let token = try settings.apiToken(file: options.apiTokenFile, maybeShared: maybeShared)
    if staticFile == nil {
      guard token != nil else { throw missing("API token", "CLOUDFLARE_API_TOKEN or --api-token-file") }
      guard account != nil else { throw missing("account id", "CLOUDFLARE_ACCOUNT_ID or --account-id") }
    }
    let isInsecureAllowed = try settings.isOn(options.allowInsecureUpstream, "allow_insecure_upstream")
    let baseText = try settings.text(options.apiBase, "api_base", default: "https://api.cloudflare.com/client/v4") ?? ""
    guard let base = OriginURL(baseText),
      base.origin.isSecure || (isInsecureAllowed && RemotePolicy.isLoopback(base.origin.host))
    else {
      throw settings.refusal(
        "api_base",
        "\"\(baseText)\" is not a plain https URL (http is for loopback, with --allow-insecure-upstream)")
    }
    var configuration = GatewayConfiguration(
      endpoint: APIEndpoint(base: base, accountID: account ?? "", token: token ?? { nil }))
    configuration.caFile = try settings.text(options.caFile, "ca_file")
    configuration.allowedRemoteHosts = try settings.list(
      options.allowRemoteHost, "allow_remote_host", default: configuration.allowedRemoteHosts)
    configuration.allowsInsecureUpstream = isInsecureAllowed
    configuration.allowsPrivateUpstream = try settings.isOn(options.allowPrivateUpstream, "allow_private_upstream")
    configuration.proxy = try settings.proxy()
    configuration.remoteTemplate = template
    if let staticFile {
      _ = try staticFile.read()
      configuration.staticToken = { staticFile.secret }
    }
    return configuration
  }

  /// The configuration for the embedded service, whose address and token are known once it runs.
  private static func localConfiguration() -> GatewayConfiguration {
    let nowhere = OriginURL.loopback(port: 1)
    return GatewayConfiguration(endpoint: APIEndpoint(base: nowhere, accountID: "local", token: { nil }))
  }

  /// The gateway's configuration with the embedded service at `port` as its upstream.
  func gateway(forServiceAt port: UInt16, token: Secret) -> GatewayConfiguration {
    var configuration = gateway
    let base = OriginURL.loopback(port: port, path: "/client/v4")
    configuration.endpoint = APIEndpoint(base: base, accountID: "local", token: { token })
    configuration.allowedRemoteHosts = [base.origin.host]
    configuration.allowsInsecureUpstream = true
    return configuration
  }

  private static func fillCommon(
    _ configuration: inout GatewayConfiguration, _ options: ServeOptions, _ settings: Settings, isLocal: Bool,
    dataDirectory: String, _ standard: Standard
  ) throws(StartFailure) {
    let namespace =
      try settings.value(
        options.namespace, "namespace", orElse: ["ARTIFACTS_NAMESPACE"], default: "default") ?? ""
    guard RepoKey.isName(namespace) else {
      throw settings.refusal("namespace", "\"\(namespace)\" is not a name of a namespace")
    }
    configuration.namespace = namespace
    let version = try settings.word(
      options.upstreamHttp, "upstream_http", among: UpstreamHTTP.allCases.map(\.rawValue), default: "auto")
    configuration.upstreamHTTP = UpstreamHTTP(rawValue: version) ?? .automatic
    configuration.tokenTTL = try settings.seconds(options.tokenTtl, "token_ttl", in: 60...31_536_000, default: "1h")
    configuration.isReadOnly = try settings.isOn(options.readOnly, "read_only")
    // On one's own disk nothing is lost by a repo too many.
    configuration.createsOnPush = try settings.isOn(options.createOnPush, "create_on_push", default: isLocal)
    if configuration.createsOnPush && configuration.remoteTemplate != nil {
      throw settings.refusal("create_on_push", "it needs the look-up that remote_template skips")
    }
    configuration.allowedHosts = try settings.list(options.allowHost, "allow_host", default: [])
    for host in configuration.allowedHosts where !HostList.isPattern(host) {
      throw settings.refusal(
        "allow_host", "\"\(host)\" is neither a name such as gateway.example, without a port, nor *.suffix")
    }
    configuration.enforcesReadOnlyRepos = try !settings.isOn(options.allowPushToReadOnly, "allow_push_to_read_only")
    configuration.cacheSize = try settings.bytes(options.cacheSize, "cache_size", default: standard.cacheSize)
    configuration.cacheDirectory = try settings.text(
      options.cacheDir, "cache_dir", default: CacheDirectory.standard(isLocal: isLocal, dataDirectory: dataDirectory))
    configuration.cacheGrace = .seconds(try settings.seconds(options.cacheGrace, "cache_grace", default: "15m"))
    configuration.advertisementLife = .seconds(
      try settings.seconds(options.advertisementTtl, "advertisement_ttl", default: "60s"))
    configuration.maxTransfers = try settings.number(
      options.maxTransfers, "max_transfers", in: 1...1_000_000, default: configuration.maxTransfers)
    configuration.maxConnections = try settings.number(
      options.maxConnections, "max_connections", in: 1...1_000_000, default: configuration.maxConnections)
    configuration.upstreamLimit = try settings.number(
      options.upstreamLimit, "upstream_limit", in: 0...1_000_000, default: configuration.upstreamLimit)
  }

  static func missing(_ what: String, _ how: String) -> StartFailure {
    StartFailure(
      GatewayExit.credentials,
      "no \(what): set \(how); or try without an account: artifacts-gateway serve --local")
  }
}

import ArtifactsAPI
import EventLoop
import Gateway
import HTTPTransport

extension ServeOptions {
  /// The addresses to listen on, checked.
  func addresses() throws(StartFailure) -> [SocketAddress] {
    let texts = Settings.list(listen, "LISTEN")
    let mayBeAnywhere = try Settings.isOn(allowAnonymous, "ALLOW_ANONYMOUS")
    var addresses: [SocketAddress] = []
    for text in texts.isEmpty ? ["127.0.0.1:7080"] : texts {
      guard let address = SocketAddress(parsing: text) else {
        throw StartFailure(
          GatewayExit.configuration,
          "LISTEN: \"\(text)\" is not an address such as 127.0.0.1:7080, [::1]:7080 or unix:/path")
      }
      guard address.isLoopback || mayBeAnywhere else {
        throw StartFailure(
          GatewayExit.configuration,
          "refusing to listen on \(address): whoever reaches it could use your repos; say --allow-anonymous if that is meant"
        )
      }
      addresses.append(address)
    }
    return addresses
  }

  /// The configuration for the real service.
  func remoteConfiguration() throws(StartFailure) -> GatewayConfiguration {
    let template = Settings.text(remoteTemplate, "REMOTE_TEMPLATE")
    let staticFile = Settings.text(staticTokenFile, "STATIC_TOKEN_FILE")
    if staticFile != nil && template == nil {
      throw StartFailure(GatewayExit.configuration, "--static-token-file needs --remote-template")
    }
    let account = Settings.value(accountId, "ACCOUNT_ID", orElse: ["CLOUDFLARE_ACCOUNT_ID", "CF_ACCOUNT_ID"])
    let token = Settings.apiToken(file: apiTokenFile)
    if staticFile == nil {
      guard token != nil else { throw Self.missing("API token", "CLOUDFLARE_API_TOKEN or --api-token-file") }
      guard account != nil else { throw Self.missing("account id", "CLOUDFLARE_ACCOUNT_ID or --account-id") }
    }
    let baseText = Settings.text(apiBase, "API_BASE") ?? "https://api.cloudflare.com/client/v4"
    let isInsecureAllowed = try Settings.isOn(allowInsecureUpstream, "ALLOW_INSECURE_UPSTREAM")
    guard let base = OriginURL(baseText),
      base.origin.isSecure || (isInsecureAllowed && RemotePolicy.isLoopback(base.origin.host))
    else {
      throw StartFailure(
        GatewayExit.configuration,
        "API_BASE: \"\(baseText)\" is not a plain https URL (http is for loopback, with --allow-insecure-upstream)")
    }
    var configuration = GatewayConfiguration(
      endpoint: APIEndpoint(base: base, accountID: account ?? "", token: token ?? { nil }))
    configuration.caFile = Settings.text(caFile, "CA_FILE")
    let hosts = Settings.list(allowRemoteHost, "ALLOW_REMOTE_HOST")
    if !hosts.isEmpty { configuration.allowedRemoteHosts = hosts }
    configuration.allowsInsecureUpstream = isInsecureAllowed
    configuration.remoteTemplate = template
    if let staticFile { configuration.staticToken = { Settings.secret(inFile: staticFile) } }
    configuration.createsOnPush = try Settings.isOn(createOnPush, "CREATE_ON_PUSH")
    if configuration.createsOnPush && template != nil {
      throw StartFailure(
        GatewayExit.configuration, "CREATE_ON_PUSH: it needs the look-up that --remote-template skips")
    }
    try fillCommon(&configuration)
    return configuration
  }

  /// The configuration for the embedded service at `base`.
  func localConfiguration(base: String, token: Secret) throws(StartFailure) -> GatewayConfiguration {
    guard let url = OriginURL("\(base)/client/v4") else {
      throw StartFailure(GatewayExit.inputOutput, "the embedded service has no address")
    }
    var configuration = GatewayConfiguration(
      endpoint: APIEndpoint(base: url, accountID: "local", token: { token }))
    configuration.allowedRemoteHosts = [url.origin.host]
    configuration.allowsInsecureUpstream = true
    // Nothing is lost by a repo too many on one's own disk, so only the twin can switch it off.
    let isOn = try Settings.isOn(createOnPush, "CREATE_ON_PUSH")
    configuration.createsOnPush = isOn || Settings.environment("\(Settings.prefix)CREATE_ON_PUSH") == nil
    try fillCommon(&configuration)
    return configuration
  }

  private func fillCommon(_ configuration: inout GatewayConfiguration) throws(StartFailure) {
    let namespace = Settings.text(self.namespace, "NAMESPACE", orElse: ["ARTIFACTS_NAMESPACE"]) ?? "default"
    guard RepoKey.isName(namespace) else {
      throw StartFailure(GatewayExit.configuration, "NAMESPACE: \"\(namespace)\" is not a name of a namespace")
    }
    configuration.namespace = namespace
    configuration.tokenTTL = try Settings.seconds(tokenTtl, "TOKEN_TTL", default: 3600)
    guard (60...31_536_000).contains(configuration.tokenTTL) else {
      throw StartFailure(GatewayExit.configuration, "TOKEN_TTL: tokens live from 60 to 31,536,000 seconds")
    }
    configuration.isReadOnly = try Settings.isOn(readOnly, "READ_ONLY")
    configuration.maxConnections = try Settings.number(
      maxConnections, "MAX_CONNECTIONS", in: 1...1_000_000, default: configuration.maxConnections)
  }

  private static func missing(_ what: String, _ how: String) -> StartFailure {
    StartFailure(
      GatewayExit.credentials,
      "no \(what): set \(how); or try without an account: artifacts-gateway serve --local")
  }
}

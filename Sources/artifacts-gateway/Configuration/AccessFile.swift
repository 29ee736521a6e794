import EventLoop
import Gateway
import TLS

/// The access file: TOML that says who may do what.
enum AccessFile {
  /// The longest file read, bytes.
  private static let sizeLimit = 1 << 20

  /// Reads the file at `path`.
  /// - Throws: naming the file, the line and the key of what is wrong.
  static func load(_ path: String) throws(StartFailure) -> AccessConfiguration {
    guard let bytes = Settings.content(ofFile: path, limit: sizeLimit) else {
      throw StartFailure(GatewayExit.configuration, "\(path): cannot be read, or is longer than 1 MiB")
    }
    return try parse(String(decoding: bytes, as: UTF8.self), path: path)
  }

  /// Checks the configuration of the file at `path` against the rest: the files that it names load, the listeners that it names
  /// are there, and nobody is let in by an address beyond loopback who has shown nothing, unless that is meant.
  static func check(
    _ access: AccessConfiguration, path: String, _ listeners: [ListenerConfiguration], isAnonymousAllowed: Bool
  ) throws(StartFailure) {
    do throws(AccessFileError) { _ = try AccessSnapshot(access) } catch {
      throw StartFailure(GatewayExit.configuration, error.description)
    }
    func refusal(_ reason: String) -> StartFailure {
      StartFailure(GatewayExit.configuration, "\(path): \(reason)")
    }
    for rule in access.authentication?.listenerRules ?? []
    where !listeners.contains(where: { $0.address == rule.address }) {
      throw refusal("auth.listener.address: nothing listens on \(rule.address)")
    }
    let verifying = listeners.filter { $0.tls?.clientAuthorities != nil }
    if access.authentication?.usesCertificates == true, verifying.isEmpty {
      throw refusal("auth.client_certificates: it needs tls_client_ca, and a listener with TLS")
    }
    for rule in access.authentication?.listenerRules ?? []
    where rule.accepted.contains(.certificate) && !verifying.contains(where: { $0.address == rule.address }) {
      throw refusal("auth.listener.accept: \(rule.address) asks for no certificates")
    }
    for provider in access.providers where provider.caFile != nil {
      do throws(TLSError) { _ = try TLSClientContext(caFile: provider.caFile) } catch {
        throw refusal("oidc.ca_file: \(error)")
      }
    }
    // A client that shows a certificate of the operator's own authority is not anonymous.
    let exposed = listeners.filter {
      !isAnonymousAllowed && !$0.address.isLoopback && $0.tls?.clientAuthorities == nil
    }
    guard let authentication = access.authentication else {
      guard let listener = exposed.first else { return }
      throw refusal(
        "without [auth] whoever reaches \(listener.address) could use your repos; say how they show who they are")
    }
    // Rules that refuse nothing keep nobody out.
    for rule in authentication.listenerRules
    where access.mode == .report && rule.accepted.contains(.anonymous)
      && exposed.contains(where: { $0.address == rule.address })
    {
      throw refusal(
        "auth.listener.accept: with mode = \"report\" and \"anonymous\" whoever reaches \(rule.address) could use your "
          + "repos; say --allow-anonymous if that is meant")
    }
  }

  /// Reads `text`, the content of the file at `path`.
  static func parse(_ text: String, path: String) throws(StartFailure) -> AccessConfiguration {
    let file = try AccessSection(text, path: path)
    try file.expect(["mode", "auth", "oidc", "group", "rule", "limit", "push_guard"])
    var access = AccessConfiguration()
    if let mode = try file.word("mode", among: AccessConfiguration.Mode.allCases.map(\.rawValue)) {
      access.mode = AccessConfiguration.Mode(rawValue: mode) ?? .enforce
    }
    try readProviders(file, into: &access)
    access.authentication = try authentication(file)
    try readPolicy(file, into: &access)
    try readLimits(file, into: &access)
    try readPushGuard(file, into: &access)
    return access
  }

  /// `[auth]`, and what of it follows from `[[oidc]]`. Nil when there is neither.
  private static func authentication(_ file: AccessSection) throws(StartFailure) -> AuthenticationConfiguration? {
    guard let section = try file.section("auth") else {
      return file.has("oidc") ? AuthenticationConfiguration() : nil
    }
    try section.expect(
      ["token_file", "htpasswd_file", "client_certificates", "unix_peers", "realm", "listener"])
    var authentication = AuthenticationConfiguration()
    if section.has("token_file") { authentication.tokenFile = try section.requiredText("token_file") }
    if section.has("htpasswd_file") { authentication.passwordFile = try section.requiredText("htpasswd_file") }
    authentication.usesCertificates = try section.flag("client_certificates") ?? false
    authentication.usesUnixPeers = try section.flag("unix_peers") ?? false
    if let realm = try section.text("realm") {
      // It stands in a header field between quotes.
      guard !realm.isEmpty, realm.utf8.count <= 128,
        realm.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") })
      else { throw section.refusal("realm", "1 to 128 printable ASCII characters but \" and \\ are wanted") }
      authentication.realm = realm
    }
    for listener in try section.sections("listener") {
      let rule = try listenerRule(listener, authentication, hasProviders: file.has("oidc"), hasRules: file.has("rule"))
      guard !authentication.listenerRules.contains(where: { $0.address == rule.address }) else {
        throw listener.refusal("address", "\(rule.address) is named twice")
      }
      authentication.listenerRules.append(rule)
    }
    if authentication.accepted(on: .unix(""), isVerifying: file.has("oidc")).isEmpty,
      !authentication.listenerRules.contains(where: { !$0.accepted.isEmpty })
    {
      throw section.refusal(
        "it says no way to show who one is: token_file, htpasswd_file, client_certificates or unix_peers")
    }
    return authentication
  }

  private static func listenerRule(
    _ section: AccessSection, _ authentication: AuthenticationConfiguration, hasProviders: Bool, hasRules: Bool
  ) throws(StartFailure) -> AuthenticationConfiguration.ListenerRule {
    try section.expect(["address", "accept"])
    let text = try section.requiredText("address")
    let scheme = ["https://", "http://"].first { text.hasPrefix($0) }
    guard let address = SocketAddress(parsing: String(text.dropFirst(scheme?.count ?? 0))) else {
      throw section.refusal("address", "\"\(text)\" is not an address such as 127.0.0.1:7080, [::1]:7080 or unix:/path")
    }
    guard let words = try section.list("accept", among: Identity.Source.allCases.map(\.rawValue)), !words.isEmpty else {
      throw section.refusal("\"accept\" is missing, or empty")
    }
    let needs: [(Identity.Source, Bool, String)] = [
      (.token, authentication.tokenFile != nil, "auth.token_file"),
      (.password, authentication.passwordFile != nil, "auth.htpasswd_file"),
      (.certificate, authentication.usesCertificates, "auth.client_certificates"),
      (.unix, authentication.usesUnixPeers, "auth.unix_peers"),
      (.oidc, hasProviders, "[[oidc]]"),
    ]
    let accepted = Set(words.compactMap { Identity.Source(rawValue: $0) })
    for (source, isThere, key) in needs where accepted.contains(source) && !isThere {
      throw section.refusal("accept", "\"\(source.rawValue)\" needs \(key)")
    }
    // Without rules, whoever is let in may do everything.
    if accepted.contains(.anonymous), !hasRules {
      throw section.refusal(
        "accept", "\"anonymous\" needs [[rule]], or whoever reaches \(address) could use your repos")
    }
    if accepted.contains(.unix), address.port != nil {
      throw section.refusal("accept", "\"unix\" is for Unix sockets, and \(address) is none")
    }
    return AuthenticationConfiguration.ListenerRule(address, accepted: accepted)
  }
}

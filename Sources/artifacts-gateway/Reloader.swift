import ArtifactsAPI
import Gateway
import Logging
import Synchronization

/// Rereads the configuration while the gateway runs: the whole of it or nothing. What cannot change without a restart is told.
actor Reloader {
  /// The settings that count at once, by their keys. Files with secrets are read at each use anyway; here another one may be
  /// named.
  private static let live: Set<String> = [
    "log_level", "allow_host", "access_file", "read_only", "api_token_file", "static_token_file", "max_connections",
    "max_transfers", "shutdown_delay", "drain_timeout",
  ]

  /// Where secrets are read from, shared with the running gateway.
  private final class SecretSource: Sendable {
    private let read: Mutex<@Sendable () -> Secret?>

    init(_ read: @escaping @Sendable () -> Secret?) { self.read = Mutex(read) }

    var secret: Secret? { read.withLock { $0 }() }

    func set(_ new: @escaping @Sendable () -> Secret?) { read.withLock { $0 = new } }
  }

  private let read: @Sendable () throws(StartFailure) -> ServeConfiguration
  private let log: Logger
  private let threshold: LogThreshold
  private nonisolated let start: ServeConfiguration
  /// As it is in effect but for what needs a restart.
  private(set) var current: ServeConfiguration
  private let apiToken: SecretSource
  private let staticToken: SecretSource?
  private var gateway: Gateway?
  private var settingsInEffect: RuntimeSettings

  /// - Parameters:
  ///   - configuration: that of the start.
  ///   - threshold: the level of `log`.
  ///   - read: looks the settings up again.
  init(
    _ configuration: ServeConfiguration, log: Logger, threshold: LogThreshold,
    read: @escaping @Sendable () throws(StartFailure) -> ServeConfiguration
  ) {
    start = configuration
    current = configuration
    settingsInEffect = RuntimeSettings(configuration.gateway)
    self.log = log
    self.threshold = threshold
    self.read = read
    apiToken = SecretSource(configuration.gateway.endpoint.token)
    staticToken = configuration.gateway.staticToken.map { SecretSource($0) }
  }

  /// Makes a configuration read its secrets by way of this reloader. Not for the embedded service's, which has its own.
  nonisolated func adopt(_ configuration: inout GatewayConfiguration) {
    if !start.isLocal { configuration.endpoint.token = { [apiToken] in apiToken.secret } }
    if let staticToken { configuration.staticToken = { staticToken.secret } }
  }

  /// From here on there is a gateway to change.
  func attach(_ gateway: Gateway) { self.gateway = gateway }

  /// Rereads, and changes the gateway.
  func reload() -> ReloadOutcome {
    let new: ServeConfiguration
    do throws(StartFailure) {
      new = try read()
      try apply(RuntimeSettings(new.gateway))
    } catch {
      gateway?.state.noteReload(isGood: false)
      log.error("configuration not reloaded; the one before goes on", metadata: ["reason": "\(error.message)"])
      return .failed(error.message)
    }
    let needingRestart = Self.keys(differingIn: start, new).filter { !isLive($0, new) }
    let changed = Self.keys(differingIn: current, new).filter { isLive($0, new) }
    threshold.level = new.logLevel
    apiToken.set(new.gateway.endpoint.token)
    if let read = new.gateway.staticToken { staticToken?.set(read) }
    gateway?.state.noteReload(isGood: true)
    current = new
    log.notice("configuration reloaded", metadata: ["changed": "\(changed.joined(separator: " "))"])
    if !needingRestart.isEmpty {
      log.warning("settings differ that need a restart", metadata: ["keys": "\(needingRestart.joined(separator: " "))"])
    }
    return .reloaded(changed: changed, needingRestart: needingRestart)
  }

  private func apply(_ new: RuntimeSettings) throws(StartFailure) {
    var settings = new
    // Nobody stops being asked who he is without a restart.
    if settings.accessSource == nil {
      settings.access = settingsInEffect.access
      settings.accessSource = settingsInEffect.accessSource
    }
    do throws(AccessFileError) { try gateway?.apply(settings) } catch {
      throw StartFailure(GatewayExit.configuration, error.description)
    }
    settingsInEffect = settings
  }

  /// Whether a setting counts at once. A token for all repos cannot take the place of minted ones, nor the other way about.
  private func isLive(_ key: String, _ new: ServeConfiguration) -> Bool {
    if key == "access_file", (new.gateway.accessSource == nil) != (start.gateway.accessSource == nil) { return false }
    if key == "static_token_file", (new.gateway.staticToken == nil) != (staticToken == nil) { return false }
    return Self.live.contains(key)
  }

  /// The keys whose values differ, in the order of the flags.
  private static func keys(differingIn old: ServeConfiguration, _ new: ServeConfiguration) -> [String] {
    let values = [old, new].map { configuration in
      Dictionary(configuration.found.map { ($0.key, $0.value) }) { $1 }
    }
    return Set(values[0].keys).union(values[1].keys).filter { values[0][$0] != values[1][$0] }.sorted()
  }
}

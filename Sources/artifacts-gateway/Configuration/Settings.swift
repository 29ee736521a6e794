import ArtifactsAPI
import Gateway
import Glibc

/// Settings from flags, the environment, the configuration file and defaults, in this order of precedence.
///
/// A setting has one name, its key in the file: `token_ttl`. Its flag is `--token-ttl`, its variable
/// `ARTIFACTS_GATEWAY_TOKEN_TTL`. What was looked up is remembered with its origin, for `check`.
final class Settings {
  /// Where a value came from.
  enum Origin: CustomStringConvertible {
    case flag(String)
    case environment(String)
    case file(String, line: Int)
    case standard

    var description: String {
      switch self {
      case .flag(let name): name
      case .environment(let name): name
      case .file(let path, let line): "\(path):\(line)"
      case .standard: "default"
      }
    }
  }

  /// A setting as it was found.
  struct Found {
    let key: String
    let value: String
    let origin: Origin
  }

  private let file: ConfigurationFile?
  /// What was looked up so far, in order.
  private(set) var found: [Found] = []

  init(file: ConfigurationFile? = nil) { self.file = file }

  // MARK: Names

  static func flag(_ key: String) -> String { "--" + String(key.map { $0 == "_" ? "-" : $0 }) }
  static func variable(_ key: String) -> String { "ARTIFACTS_GATEWAY_" + key.uppercased() }

  /// The value of an environment variable, or nil when it is unset or empty.
  static func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }

  // MARK: Looking up

  /// A text, or nil when nobody has set it.
  /// - Parameter others: other variables that people have set.
  func text(_ flag: String?, _ key: String, orElse others: [String] = [], default standard: String? = nil)
    throws(StartFailure) -> String?
  {
    if let given = given(flag, key, orElse: others) { return note(key, given.value, given.origin) }
    if let value = file?[key] {
      switch value {
      case .text(let text): return note(key, text, origin(key))
      case .number(let number): return note(key, "\(number)", origin(key))
      default: throw bad(key, value.kind, origin(key), "a string is wanted")
      }
    }
    if let standard { return note(key, standard, .standard) }
    return nil
  }

  /// A list: the flags, else the variable's comma-separated values, else the file's.
  func list(_ flags: [String], _ key: String, default standard: [String]) throws(StartFailure) -> [String] {
    if !flags.isEmpty { return note(key, flags, .flag(Self.flag(key))) }
    if let value = Self.environment(Self.variable(key)) {
      return note(key, value.split(separator: ",").map { String($0).trimmed }, .environment(Self.variable(key)))
    }
    switch file?[key] {
    case nil: return note(key, standard, .standard)
    case .list(let list): return note(key, list, origin(key))
    case .text(let text): return note(key, [text], origin(key))
    case .some(let value): throw bad(key, value.kind, origin(key), "a list of strings is wanted")
    }
  }

  /// A switch.
  func isOn(_ flag: Bool, _ key: String, default standard: Bool = false) throws(StartFailure) -> Bool {
    if flag { return note(key, true, .flag(Self.flag(key))) }
    if let value = Self.environment(Self.variable(key)) {
      let origin = Origin.environment(Self.variable(key))
      switch value.lowercased() {
      case "1", "true", "yes", "on": return note(key, true, origin)
      case "0", "false", "no", "off": return note(key, false, origin)
      default: throw bad(key, "\"\(value)\"", origin, "true or false is wanted")
      }
    }
    switch file?[key] {
    case nil: return note(key, standard, .standard)
    case .flag(let value): return note(key, value, origin(key))
    case .some(let value): throw bad(key, value.kind, origin(key), "true or false is wanted")
    }
  }

  /// A whole number in `range`.
  func number(_ flag: Int?, _ key: String, in range: ClosedRange<Int>, default standard: Int) throws(StartFailure)
    -> Int
  {
    let text = try text(flag.map(String.init), key, default: "\(standard)") ?? ""
    guard let number = Int(text), range.contains(number) || number == standard else {
      throw bad(key, "\"\(text)\"", lastOrigin, "a number from \(range.lowerBound) to \(range.upperBound) is wanted")
    }
    return number
  }

  /// A number of bytes: `1000000`, `500MB`, `2GiB`.
  func bytes(_ flag: String?, _ key: String, default standard: String) throws(StartFailure) -> Int {
    let text = try text(flag, key, default: standard) ?? ""
    guard let bytes = Self.bytes(text) else {
      throw bad(key, "\"\(text)\"", lastOrigin, "a size such as 1000000, 500MB or 2GiB is wanted")
    }
    return bytes
  }

  /// Reads `1000000`, `500MB`, `2GiB`.
  static func bytes(_ text: String) -> Int? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let units = [
      "": 1, "B": 1, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000, "TB": 1_000_000_000_000,
      "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40,
    ]
    guard let number = Int(digits), let unit = units[text.dropFirst(digits.count).uppercased()],
      case let (bytes, isOver) = number.multipliedReportingOverflow(by: unit), !isOver
    else { return nil }
    return bytes
  }

  /// A span of time in seconds: `90`, `90s`, `15m`, `1h`.
  func seconds(_ flag: String?, _ key: String, in range: ClosedRange<Int> = 0...31_536_000, default standard: String)
    throws(StartFailure) -> Int
  {
    let text = try text(flag, key, default: standard) ?? ""
    guard let seconds = Self.seconds(text), range.contains(seconds) else {
      throw bad(
        key, "\"\(text)\"", lastOrigin,
        "a time such as 90, 90s, 15m or 1h is wanted, from \(range.lowerBound) to \(range.upperBound) seconds")
    }
    return seconds
  }

  /// Reads `90`, `90s`, `15m`, `1h`, `30d`.
  static func seconds(_ text: String) -> Int? {
    let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    let unit = text.last.flatMap { units[$0] }
    let digits = unit == nil ? text[...] : text.dropLast()
    guard let number = Int(digits), (0...31_536_000).contains(number) else { return nil }
    return number * (unit ?? 1)
  }

  /// One of a few words.
  func word(_ flag: String?, _ key: String, among words: [String], default standard: String) throws(StartFailure)
    -> String
  {
    let text = try text(flag, key, default: standard) ?? standard
    guard words.contains(text) else {
      throw bad(key, "\"\(text)\"", lastOrigin, "one of \(words.joined(separator: ", ")) is wanted")
    }
    return text
  }

  /// An error about the setting that was looked up last.
  func refusal(_ key: String, _ reason: String) -> StartFailure { Self.refusal(key, reason, in: found) }

  /// The same about one of `found`.
  static func refusal(_ key: String, _ reason: String, in found: [Found]) -> StartFailure {
    let last = found.last { $0.key == key }
    return StartFailure(GatewayExit.configuration, "\(last?.origin ?? .standard): \(key): \(reason)")
  }

  // MARK: Secrets

  /// A file with a secret that a setting names; nil when nobody has named one.
  func secretFile(_ flag: String?, _ key: String, maybeShared: Bool) throws(StartFailure) -> SecretFile? {
    guard let path = try text(flag, key) else { return nil }
    return SecretFile(path: path, origin: lastOrigin, maybeShared: maybeShared)
  }

  /// Where the API token is read from at each use: the file of the flag, the environment, or systemd's credentials.
  /// Nil when nobody has set one.
  /// - Throws: when the file that was named holds none.
  func apiToken(file flag: String?, maybeShared: Bool) throws(StartFailure) -> (@Sendable () -> Secret?)? {
    let key = "api_token_file"
    if let file = try secretFile(flag, key, maybeShared: maybeShared) { return try Self.reader(of: file) }
    for name in ["CLOUDFLARE_API_TOKEN", "CF_API_TOKEN"] {
      if let value = Self.environment(name) {
        let secret = Secret(value)
        _ = note("api_token", secret.description, .environment(name))
        return { secret }
      }
      let twin = Origin.environment(name + "_FILE")
      if let path = Self.environment(twin.description) {
        return try Self.reader(of: SecretFile(path: note(key, path, twin), origin: twin, maybeShared: maybeShared))
      }
    }
    let systemd = Origin.environment("CREDENTIALS_DIRECTORY")
    guard let directory = Self.environment(systemd.description) else { return nil }
    let path = "\(directory)/cloudflare-api-token"
    guard access(path, R_OK) == 0 else { return nil }
    // Guarded by systemd, whose access control lists show as the group's permission.
    return try Self.reader(of: SecretFile(path: note(key, path, systemd), origin: systemd, maybeShared: true))
  }

  private static func reader(of file: SecretFile) throws(StartFailure) -> @Sendable () -> Secret? {
    _ = try file.read()
    return { file.secret }
  }

  /// The proxy of the environment, by the names that other programs read.
  func proxy() throws(StartFailure) -> ProxySettings? {
    for name in ["HTTPS_PROXY", "https_proxy"] {
      guard let url = Self.environment(name).map({ Secret($0) }) else { continue }
      let exceptions = Self.environment("NO_PROXY") ?? Self.environment("no_proxy") ?? ""
      guard let proxy = ProxySettings(url: url, exceptions: exceptions) else {
        throw StartFailure(GatewayExit.configuration, "\(name): not of the form http://host:port")
      }
      _ = note("https_proxy", proxy.description, .environment(name))
      return proxy
    }
    return nil
  }

  /// A plain value that may also come from a file named by a `_FILE` twin.
  func value(_ flag: String?, _ key: String, orElse names: [String], default standard: String? = nil)
    throws(StartFailure)
    -> String?
  {
    if let value = try text(flag, key, orElse: names) { return value }
    for name in [Self.variable(key)] + names {
      let twin = Origin.environment(name + "_FILE")
      guard let path = Self.environment(twin.description) else { continue }
      return note(key, try SecretFile(path: path, origin: twin, maybeShared: true).read().exposed, twin)
    }
    if let standard { return note(key, standard, .standard) }
    return nil
  }

  /// The bytes of a file, or nil when it cannot be read or is longer than `limit`.
  static func content(ofFile path: String, limit: Int) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { _ = close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: limit + 1)
    var count = 0
    while count < bytes.count {
      let taken = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress.map { $0 + count }, $0.count - count) }
      if taken < 0 { return nil }
      if taken == 0 { break }
      count += taken
    }
    return count > limit ? nil : Array(bytes[..<count])
  }

  // MARK: Bookkeeping

  private func given(_ flag: String?, _ key: String, orElse others: [String]) -> (value: String, origin: Origin)? {
    if let flag { return (flag, .flag(Self.flag(key))) }
    for name in [Self.variable(key)] + others {
      if let value = Self.environment(name) { return (value, .environment(name)) }
    }
    return nil
  }

  private func origin(_ key: String) -> Origin { .file(file?.path ?? "", line: file?.line(of: key) ?? 1) }
  private var lastOrigin: Origin { found.last?.origin ?? .standard }

  private func note<Value>(_ key: String, _ value: Value, _ origin: Origin) -> Value {
    found.append(Found(key: key, value: "\(value)", origin: origin))
    return value
  }

  private func bad(_ key: String, _ value: String, _ origin: Origin, _ wanted: String) -> StartFailure {
    StartFailure(GatewayExit.configuration, "\(origin): \(key): \(value) does not do: \(wanted)")
  }
}

extension String {
  fileprivate var trimmed: String {
    var text = self[...]
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}

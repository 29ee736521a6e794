import ArtifactsAPI
import Glibc

/// Settings from flags and the environment, in this order of precedence.
struct Settings {
  static let prefix = "ARTIFACTS_GATEWAY_"

  /// The value of an environment variable, or nil when it is unset or empty.
  static func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }

  /// A flag's value, else that of its environment twin, else of the other names that people have set.
  static func text(_ flag: String?, _ twin: String, orElse names: [String] = []) -> String? {
    flag ?? environment(prefix + twin) ?? names.lazy.compactMap { environment($0) }.first
  }

  /// A list: the flags, else the twin's comma-separated values.
  static func list(_ flags: [String], _ twin: String) -> [String] {
    guard flags.isEmpty, let value = environment(prefix + twin) else { return flags }
    return value.split(separator: ",").map { String($0).trimmed }
  }

  /// A switch: on by its flag, else by its twin.
  static func isOn(_ flag: Bool, _ twin: String) throws(StartFailure) -> Bool {
    guard !flag, let value = environment(prefix + twin) else { return flag }
    switch value.lowercased() {
    case "1", "true", "yes", "on": return true
    case "0", "false", "no", "off": return false
    default: throw StartFailure(GatewayExit.configuration, "\(prefix)\(twin): \"\(value)\" is neither true nor false")
    }
  }

  /// A whole number in `range`.
  static func number(_ flag: Int?, _ twin: String, in range: ClosedRange<Int>, default value: Int)
    throws(StartFailure) -> Int
  {
    let text = flag.map(String.init) ?? environment(prefix + twin)
    guard let text else { return value }
    guard let number = Int(text), range.contains(number) else {
      throw StartFailure(
        GatewayExit.configuration, "\(twin): \"\(text)\" is not a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// A span of time: `90`, `90s`, `15m`, `1h`, in seconds.
  static func seconds(_ flag: String?, _ twin: String, default value: Int) throws(StartFailure) -> Int {
    guard let text = text(flag, twin) else { return value }
    let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    let unit = text.last.flatMap { units[$0] }
    let digits = unit == nil ? text[...] : text.dropLast()
    guard let number = Int(digits), number >= 0, number <= 31_536_000 else {
      throw StartFailure(GatewayExit.configuration, "\(twin): \"\(text)\" is not a time such as 90, 90s, 15m or 1h")
    }
    return number * (unit ?? 1)
  }

  // MARK: Secrets

  /// Where the API token is read from at each use: the file of the flag, the environment, or systemd's credentials.
  /// Nil when nobody has set one.
  static func apiToken(file flag: String?) -> (@Sendable () -> Secret?)? {
    let names = ["CLOUDFLARE_API_TOKEN", "CF_API_TOKEN"]
    if let file = text(flag, "API_TOKEN_FILE") { return { secret(inFile: file) } }
    for name in names {
      if let value = environment(name) {
        let secret = Secret(value)
        return { secret }
      }
      if let file = environment(name + "_FILE") { return { secret(inFile: file) } }
    }
    if let directory = environment("CREDENTIALS_DIRECTORY") {
      let file = "\(directory)/cloudflare-api-token"
      if access(file, R_OK) == 0 { return { secret(inFile: file) } }
    }
    return nil
  }

  /// A plain value that may also come from a file named by a `_FILE` twin.
  static func value(_ flag: String?, _ twin: String, orElse names: [String]) -> String? {
    text(flag, twin, orElse: names)
      ?? ([prefix + twin] + names).lazy.compactMap { environment($0 + "_FILE") }.compactMap { secret(inFile: $0)?.exposed }
      .first
  }

  /// The content of a file of at most 64 KiB, less one newline at its end; nil when it cannot be read or is empty.
  static func secret(inFile path: String) -> Secret? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { _ = close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = read(descriptor, &bytes, bytes.count)
    guard count > 0 else { return nil }
    var content = bytes[..<count]
    if content.last == 0x0a { content.removeLast() }
    if content.last == 0x0d { content.removeLast() }
    return content.isEmpty ? nil : Secret(String(decoding: content, as: UTF8.self))
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

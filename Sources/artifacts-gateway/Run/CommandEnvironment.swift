/// The environment of a command that `run` starts: that of this process, less its secrets, and with what leads git to the
/// gateway.
struct CommandEnvironment {
  /// What no command is to see: it has the gateway instead.
  private static let secrets: Set<String> = [
    "CLOUDFLARE_API_TOKEN", "CF_API_TOKEN", "CLOUDFLARE_API_TOKEN_FILE", "CF_API_TOKEN_FILE", "CLOUDFLARE_API_KEY",
    "CF_API_KEY", "ARTIFACTS_GATEWAY_API_TOKEN_FILE", "ARTIFACTS_GATEWAY_STATIC_TOKEN_FILE", "CREDENTIALS_DIRECTORY",
  ]
  private static let loopback = ["localhost", "127.0.0.1", "::1"]

  /// `NAME=value`, each.
  private(set) var entries: [[UInt8]]

  /// - Parameter entries: the environment to begin with, as bytes.
  init(_ entries: [[UInt8]]) {
    self.entries = entries.filter { entry in
      !Self.secrets.contains(String(decoding: entry.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self))
    }
  }

  subscript(name: String) -> String? {
    get {
      let beginning = Array("\(name)=".utf8)
      return entries.first { $0.starts(with: beginning) }.map {
        String(decoding: $0.dropFirst(beginning.count), as: UTF8.self)
      }
    }
    set {
      let beginning = Array("\(name)=".utf8)
      entries.removeAll { $0.starts(with: beginning) }
      if let newValue { entries.append(beginning + Array(newValue.utf8)) }
    }
  }

  /// Adds settings of git behind those that are there.
  /// - Throws: when `GIT_CONFIG_COUNT` is no number, which git would refuse, too.
  mutating func add(_ settings: GitSettings) throws(StartFailure) {
    let text = self["GIT_CONFIG_COUNT"] ?? ""
    guard let count = text.isEmpty ? 0 : Int(text), (0...1_000_000).contains(count) else {
      throw StartFailure(GatewayExit.configuration, "GIT_CONFIG_COUNT: \"\(text)\" is not a number that git takes")
    }
    for (number, entry) in zip(count..., settings.entries) {
      self["GIT_CONFIG_KEY_\(number)"] = entry.key
      self["GIT_CONFIG_VALUE_\(number)"] = entry.value
    }
    self["GIT_CONFIG_COUNT"] = "\(count + settings.entries.count)"
  }

  /// Keeps what is on this machine away from the proxies of the environment.
  mutating func addLoopbackToNoProxy() {
    // Programs differ in which of the two they read first.
    let names = ["NO_PROXY", "no_proxy"]
    let values = names.map { self[$0] }
    for (name, other) in zip(names, values.reversed()) {
      let value = self[name] ?? other ?? ""
      let hosts = value.split(separator: ",").map { String($0.drop { $0 == " " }) }
      guard !hosts.contains("*") else { continue }
      self[name] = (hosts + Self.loopback.filter { !hosts.contains($0) }).joined(separator: ",")
    }
  }
}

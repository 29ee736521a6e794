import ArtifactsAPI
import EventLoop

/// The secrets that the process was given in its environment. They are taken out of it once, at the start: from then on
/// neither `/proc/<pid>/environ` nor a program that the process starts has them.
enum EnvironmentSecrets {
  /// What opens the account. The keys are not for this program, and kept from others all the same.
  private static let credentials = ["CLOUDFLARE_API_TOKEN", "CF_API_TOKEN", "CLOUDFLARE_API_KEY", "CF_API_KEY"]
  /// What may hold a password beside an address that git and other programs need, too.
  private static let proxies = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]

  private static let taken: [String: Secret] = {
    for name in proxies where Settings.environment(name)?.contains("@") == true { ProcessEnvironment.hide(name) }
    var taken: [String: Secret] = [:]
    for name in credentials {
      if let value = ProcessEnvironment.take(name) { taken[name] = Secret(String(decoding: value, as: UTF8.self)) }
    }
    return taken
  }()

  /// Takes them. To be called before anything else runs.
  static func take() { _ = taken }

  /// One of them, or nil when it was unset or empty.
  static subscript(name: String) -> Secret? { taken[name].flatMap { $0.isEmpty ? nil : $0 } }
}

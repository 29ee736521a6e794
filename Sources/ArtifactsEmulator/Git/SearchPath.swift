import Glibc

/// Where programs are looked for.
enum SearchPath {
  /// This process's `PATH`, or the usual one without it.
  static let current: String = {
    guard let value = getenv("PATH") else { return "/usr/local/bin:/usr/bin:/bin" }
    return String(cString: value)
  }()
}

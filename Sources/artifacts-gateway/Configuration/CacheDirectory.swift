/// Where packs are kept when nobody says where.
enum CacheDirectory {
  /// systemd's directory for caches, the user's, or beside the repos of local mode. Nil when there is none.
  static func standard(isLocal: Bool, dataDirectory: String) -> String? {
    if isLocal { return "\(dataDirectory)/cache" }
    if let directory = Settings.environment("CACHE_DIRECTORY") { return directory }
    if let caches = Settings.environment("XDG_CACHE_HOME") { return "\(caches)/artifacts-gateway" }
    return Settings.environment("HOME").map { "\($0)/.cache/artifacts-gateway" }
  }
}

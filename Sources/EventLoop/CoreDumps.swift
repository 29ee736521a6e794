import CLinux

/// Whether the kernel may write the memory of this process, with the secrets in it, to a file.
package enum CoreDumps {
  private static let resource = __rlimit_resource_t(RLIMIT_CORE.rawValue)
  private static let limitAtStart: rlimit = {
    var limit = rlimit()
    getrlimit(resource, &limit)
    return limit
  }()

  /// Forbids it for the rest of the process's life, and debuggers of the same user with it (`PR_SET_DUMPABLE`, prctl(2)).
  ///
  /// What `/proc` has of the process is root's from then on; the process itself reads it as before. Programs that it starts
  /// inherit the limit only.
  package static func forbid() {
    // Where a service manager forbids either call, the other is left; neither failure is worth an end.
    _ = clinux_set_dumpable(0)
    // The soft limit only, so that it can be raised again for others.
    var limit = limitAtStart
    limit.rlim_cur = 0
    _ = setrlimit(resource, &limit)
  }

  /// Runs `body` with the limit that the process was started with, for programs started in it.
  package static func withLimitAtStart<Result>(_ body: () -> Result) -> Result {
    var now = rlimit()
    getrlimit(resource, &now)
    var start = limitAtStart
    _ = setrlimit(resource, &start)
    defer { _ = setrlimit(resource, &now) }
    return body()
  }
}

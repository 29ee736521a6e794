/// The routes that read what is in a repo, by method and path below `/client/v4`.
struct ContentRoute: Equatable {
  enum Read: Equatable {
    case log
    case commit(String)
    case tree(String)
    case blob(String)
    case file
    /// The first segment is the whole ref, so that the path may have any number of segments.
    case raw(ref: String, path: String)
  }

  let namespace: String
  let repo: String
  let read: Read

  /// Finds the route of a percent-encoded path. Returns nil for any other path or method.
  init?(method: String, path: some StringProtocol) {
    guard method == "GET", let segments = Route.segments(String(path)), segments.count >= 4, segments[1] == "repos"
    else { return nil }
    namespace = segments[0]
    repo = segments[2]
    switch (segments[3], segments.count) {
    case ("log", 4): read = .log
    case ("file", 4): read = .file
    case ("commit", 5): read = .commit(segments[4])
    case ("tree", 5): read = .tree(segments[4])
    case ("blob", 5): read = .blob(segments[4])
    case ("raw", 6...): read = .raw(ref: segments[4], path: segments[5...].joined(separator: "/"))
    default: return nil
    }
  }
}

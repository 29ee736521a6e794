package import EventLoop

/// Why the store could not do something. The first two are about its folder, the others are answers to a client.
package enum StoreError: Error, CustomStringConvertible {
  /// Another process, or another instance in this one, holds the data directory.
  case inUse(path: String, holder: String)
  /// A file of the store does not hold what it must; nothing was changed.
  case damaged(path: String, reason: String)
  case system(path: String, SystemError)
  case namespaceNotFound
  case namespaceExists
  case repoNotFound
  case repoExists(name: String)
  case tokenNotFound
  /// The repo is still being filled.
  case notReady(RepoStatus)

  package var description: String {
    switch self {
    case .inUse(let path, let holder): "the data directory \(path) is in use by another process\(holder)"
    case .damaged(let path, let reason): "\(path) is damaged: \(reason)"
    case .system(let path, let error): "\(path): \(error)"
    case .namespaceNotFound: "no such namespace"
    case .namespaceExists: "the namespace exists"
    case .repoNotFound: "no such repo"
    case .repoExists(let name): "the repo \(name) exists"
    case .tokenNotFound: "no such token"
    case .notReady(let status): "the repo is still \(status.rawValue)"
    }
  }
}

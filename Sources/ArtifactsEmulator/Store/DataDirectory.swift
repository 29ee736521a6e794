import EventLoop
import FoundationEssentials
import Glibc
import Synchronization

/// The folder that one store owns, and the paths in it.
///
///     lock                                    held while a process uses the folder
///     namespaces/<ns>/namespace.json
///     namespaces/<ns>/repos/<id>/repo.json
///     namespaces/<ns>/repos/<id>/tokens.jsonl  mode 0600
///     namespaces/<ns>/repos/<id>/git/          a bare git repository
///
/// Names that begin with a dot are half-made or half-removed things, which the next start sweeps.
final class DataDirectory: Sendable {
  let path: String
  /// Nil once the folder is given up.
  private let lock: Mutex<CInt?>

  /// Makes the folder if there is none and takes its lock, or throws `.inUse`.
  init(_ name: String) throws(StoreError) {
    // Made absolute, since git is run in another folder than this process.
    let path = name.hasPrefix("/") ? name : "\(FileManager.default.currentDirectoryPath)/\(name)"
    self.path = path
    do {
      // 0700: the folder holds tokens, and the repos that they open.
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw .damaged(path: path, reason: "not a folder, and none can be made there: \(error)")
    }
    let lockPath = path + "/lock"
    let number = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard number >= 0 else { throw .system(path: lockPath, SystemError("open")) }
    let file = OwnedDescriptor(owning: number)
    guard flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      if code != EWOULDBLOCK { throw .system(path: lockPath, SystemError("flock", code)) }
      throw .inUse(path: path, holder: Self.holder(lockPath))
    }
    let process = Array("\(getpid())\n".utf8)
    _ = ftruncate(file.rawValue, 0)
    _ = process.withUnsafeBytes { write(file.rawValue, $0.baseAddress, $0.count) }
    lock = Mutex(file.release())
    try DurableFile.makeFolder(namespaces)
    try DurableFile.syncFolder(path)
  }

  deinit { unlock() }

  /// Gives the folder free for another owner.
  func unlock() {
    lock.withLock { number in
      if let number {
        // Closing alone would leave the lock with a child that is being started at this moment.
        _ = flock(number, LOCK_UN)
        _ = close(number)
      }
      number = nil
    }
  }

  private static func holder(_ lockPath: String) -> String {
    guard let bytes = try? DurableFile.read(lockPath),
      let text = Int(String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self))
    else { return "" }
    return " (process \(text))"
  }

  private var namespaces: String { path + "/namespaces" }
  func folder(of namespace: String) -> String { "\(namespaces)/\(namespace)" }
  func record(of namespace: String) -> String { folder(of: namespace) + "/namespace.json" }
  func repos(in namespace: String) -> String { folder(of: namespace) + "/repos" }
  func folder(of repo: RepoRecord) -> String { "\(repos(in: repo.namespace))/\(repo.id)" }
  func git(of repo: RepoRecord) -> String { folder(of: repo) + "/git" }
  func tokens(of repo: RepoRecord) -> String { folder(of: repo) + "/tokens.jsonl" }

  /// A name beside `path` that the next start sweeps.
  static func hidden(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." + path }
    return "\(path[...slash]).\(path[path.index(after: slash)...])-\(Identifier.fresh())"
  }

  /// The namespaces that are whole. Leftovers are removed on the way.
  func sweptNamespaces() -> [String] { swept(namespaces) }

  /// The ids of the repos that are whole. Leftovers are removed on the way.
  func sweptRepos(in namespace: String) -> [String] { swept(repos(in: namespace)) }

  private func swept(_ folder: String) -> [String] {
    DurableFile.names(in: folder).filter { name in
      guard name.hasPrefix(".") else { return true }
      DurableFile.remove("\(folder)/\(name)")
      return false
    }
  }
}

import Glibc

/// A configuration file of git, changed as git changes it: under a lock, and in one step.
struct GitConfigurationFile {
  /// What becomes of the file.
  enum Change {
    case none
    case content([UInt8])
    case removal
  }

  private static let sizeLimit = 8 << 20

  /// Without symbolic links, so that a link to the file stays one.
  let path: String

  init(_ path: String) {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    self.path = realpath(path, &buffer).map { String(cString: $0) } ?? path
  }

  /// The file of the user, as git finds it (git-config(1), FILES).
  static func global() throws(StartFailure) -> GitConfigurationFile {
    if let path = Settings.environment("GIT_CONFIG_GLOBAL") { return GitConfigurationFile(path) }
    guard let home = Settings.environment("HOME") else {
      throw StartFailure(GatewayExit.configuration, "HOME is not set; name a file by --file")
    }
    let usual = "\(home)/.gitconfig"
    let other = "\(Settings.environment("XDG_CONFIG_HOME") ?? "\(home)/.config")/git/config"
    let isOther = access(usual, F_OK) != 0 && access(other, F_OK) == 0
    return GitConfigurationFile(isOther ? other : usual)
  }

  /// The file of the repo in the working directory.
  static func local() async throws(StartFailure) -> GitConfigurationFile {
    let outcome = await GitTool().run(["rev-parse", "--git-path", "config"])
    guard let outcome, outcome.code == 0 else {
      throw StartFailure(GatewayExit.configuration, "--local: \(outcome?.firstLine ?? "git was not found")")
    }
    return GitConfigurationFile(outcome.firstLine)
  }

  /// Changes the file. Others, git among them, change it before or after, never at the same time.
  /// - Parameter body: gets the content, or nil when there is no file.
  func edit(_ body: ([UInt8]?) throws(StartFailure) -> Change) throws(StartFailure) {
    var status = stat()
    let isThere = stat(path, &status) == 0
    // The lock becomes the file, so it has the file's permissions.
    let lock = "\(path).lock"
    let mode = isThere ? status.st_mode & 0o777 : 0o644
    let descriptor = open(lock, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else {
      throw failure(errno == EEXIST ? "\(lock) is there: another program is changing it, or has died doing so" : reason)
    }
    var isLocked = true
    defer {
      _ = close(descriptor)
      if isLocked { unlink(lock) }
    }
    let content = isThere ? Settings.content(ofFile: path, limit: Self.sizeLimit) : nil
    if isThere && content == nil { throw failure("it cannot be read, or is longer than 8 MiB") }
    switch try body(content) {
    case .none: return
    case .removal:
      guard unlink(path) == 0 else { throw failure(reason) }
    case .content(let bytes):
      if isThere {
        fchmod(descriptor, mode)
        // Only root can keep another's file another's; for others it is their own already.
        _ = fchown(descriptor, status.st_uid, status.st_gid)
      }
      guard put(bytes, to: descriptor), fsync(descriptor) == 0, rename(lock, path) == 0 else { throw failure(reason) }
      isLocked = false
    }
  }

  private func put(_ bytes: [UInt8], to descriptor: CInt) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 || errno == EINTR else { return false }
      rest = rest.dropFirst(max(0, count))
    }
    return true
  }

  private var reason: String { String(cString: strerror(errno)) }

  private func failure(_ text: String) -> StartFailure { StartFailure(GatewayExit.inputOutput, "\(path): \(text)") }
}

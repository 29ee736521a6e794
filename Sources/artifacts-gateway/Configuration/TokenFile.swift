import ArgumentParser
import Gateway
import Glibc

/// The file with the hashes of static tokens, as commands change it: one at a time, and whole or not at all.
struct TokenFile {
  /// The longest file read, bytes.
  private static let sizeLimit = 4 << 20

  /// Links followed: what is replaced is the file itself.
  private let path: String

  init(_ path: String) {
    let real = realpath(path, nil)
    defer { free(real) }
    self.path = real.map { String(cString: $0) } ?? path
  }

  /// The file that a command is about.
  /// - Parameters:
  ///   - file: given for the command.
  ///   - accessFile: the access file that names it, if that was given.
  static func named(_ file: String?, accessFile: String?) throws(StartFailure) -> TokenFile {
    if let file { return TokenFile(file) }
    guard let accessFile = accessFile ?? Settings.environment(Settings.variable("access_file")) else {
      throw StartFailure(.validationFailure, "which file? Give --file, or --access-file for the one that it names")
    }
    guard let named = try AccessFile.load(accessFile).authentication?.tokenFile else {
      throw StartFailure(GatewayExit.configuration, "\(accessFile): it names no auth.token_file")
    }
    return TokenFile(named)
  }

  /// What is in it. A file that is not there is empty.
  func table() throws(StartFailure) -> TokenTable { try Self.parse(text(), path) }

  /// Changes the text. Others that do the same wait meanwhile.
  /// - Parameter change: given the text and what is in it, gives the new text.
  func update(_ change: (String, TokenTable) throws(StartFailure) -> String) throws(StartFailure) {
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    let place = folder.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : folder
    let directory = open(place, O_RDONLY | O_CLOEXEC | O_DIRECTORY)
    guard directory >= 0 else { throw failure("cannot open the folder") }
    // Closing it also gives the lock back. The folder is locked, since the file is another one after each change.
    defer { _ = close(directory) }
    while flock(directory, LOCK_EX) != 0 { guard errno == EINTR else { throw failure("cannot lock the folder") } }
    let old = try text()
    let new = try change(old, Self.parse(old, path))
    _ = try Self.parse(new, path)
    try replace(with: new)
    _ = fsync(directory)
  }

  private static func parse(_ text: String, _ path: String) throws(StartFailure) -> TokenTable {
    do throws(AccessFileError) { return try TokenTable(text, path: path) } catch {
      throw StartFailure(GatewayExit.configuration, error.description)
    }
  }

  private func text() throws(StartFailure) -> String {
    var status = stat()
    if stat(path, &status) != 0, errno == ENOENT { return "" }
    guard let bytes = Settings.content(ofFile: path, limit: Self.sizeLimit) else {
      throw failure("cannot be read, or is longer than 4 MiB")
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Writes another file and puts it in the place of this one, with its owner.
  private func replace(with text: String) throws(StartFailure) {
    let draft = "\(path).\(getpid()).new"
    _ = unlink(draft)
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw failure("cannot be written") }
    var isWritten = write(text, to: descriptor)
    var status = stat()
    if stat(path, &status) == 0 {
      // A gateway that runs as another user must still be able to read it.
      if status.st_uid != geteuid() || status.st_gid != getegid() {
        isWritten = fchown(descriptor, status.st_uid, status.st_gid) == 0 && isWritten
      }
      isWritten = fchmod(descriptor, status.st_mode & 0o040 | 0o600) == 0 && isWritten
    }
    isWritten = fsync(descriptor) == 0 && isWritten
    isWritten = close(descriptor) == 0 && isWritten
    guard isWritten, rename(draft, path) == 0 else {
      let error = failure("cannot be written")
      _ = unlink(draft)
      throw error
    }
  }

  private func write(_ text: String, to descriptor: CInt) -> Bool {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 || errno == EINTR else { return false }
      rest = rest.dropFirst(max(0, count))
    }
    return true
  }

  private func failure(_ text: String) -> StartFailure {
    StartFailure(GatewayExit.inputOutput, "\(path): \(text): \(String(cString: strerror(errno)))")
  }
}

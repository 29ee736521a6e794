import ArtifactsAPI
import Glibc

/// A file that holds a secret. It is read anew at each use, so a rotated one counts from the next use on.
struct SecretFile: Sendable {
  /// The longest content taken, bytes.
  private static let sizeLimit = 65_536

  let path: String
  /// What named the file, for messages.
  let origin: Settings.Origin
  /// Whether the file may be readable by others than its owner.
  let maybeShared: Bool

  /// The content less one line end, or nil when there is none to be had.
  var secret: Secret? { try? read() }

  /// Reads the content, less one line end.
  /// - Throws: with the path and what is wrong: not readable, readable by too many, empty or too long.
  func read() throws(StartFailure) -> Secret {
    try checkMode()
    guard var content = Settings.content(ofFile: path, limit: Self.sizeLimit)?[...] else {
      throw failure("cannot be read, or is longer than 64 KiB")
    }
    if content.last == 0x0a { content.removeLast() }
    if content.last == 0x0d { content.removeLast() }
    guard !content.isEmpty else { throw failure("is empty") }
    return Secret(String(decoding: content, as: UTF8.self))
  }

  /// Refuses a file that its group or everybody may read, unless that is meant.
  func checkMode() throws(StartFailure) {
    var status = stat()
    guard stat(path, &status) == 0 else { throw failure("cannot be read: \(String(cString: strerror(errno)))") }
    guard maybeShared || status.st_mode & 0o044 == 0 else {
      throw failure(
        "is readable by others than its owner; chmod 600 it, or say --allow-shared-secret-files if that is meant")
    }
  }

  private func failure(_ text: String) -> StartFailure {
    StartFailure(GatewayExit.credentials, "\(origin): \(path) \(text)")
  }
}

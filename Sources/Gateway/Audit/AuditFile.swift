import EventLoop
import Glibc

/// The file of an audit log: only ever added to, by whole lines. When it would become too long it is renamed to `.1`, that one
/// to `.2` and so on, and a new one begun; when somebody else has renamed or removed it, a new one is begun, too. What is no
/// plain file, such as a device or a pipe, is neither measured nor renamed.
struct AuditFile: ~Copyable {
  /// Older files that are kept.
  static let keptCount = 5

  private let path: String
  /// Bytes; zero for any length.
  private let limit: Int
  /// Owned: closed by `deinit`.
  private var descriptor: CInt
  /// The last line in the file has no end: what comes next must begin another.
  private var isTorn = false

  /// Opens the file, or makes it, readable by its owner alone.
  init(_ path: String, limit: Int) throws(SystemError) {
    self.path = path
    self.limit = limit
    descriptor = Self.open(path)
    if descriptor < 0 { throw SystemError("open") }
  }

  deinit { close(descriptor) }

  private static func open(_ path: String) -> CInt {
    // Without O_NONBLOCK a pipe that nobody reads would hold up the start.
    retryingOnInterrupt {
      Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode_t(0o600))
    }
  }

  /// Adds lines.
  /// - Returns: those that could not be written whole, with `errno` set.
  mutating func append(_ lines: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var rest = lines
    while !rest.isEmpty {
      let part = rest.prefix(portion(of: rest))
      if isTorn {
        guard LogSink.write([UInt8(ascii: "\n")], to: descriptor).isEmpty else { return rest }
        isTorn = false
      }
      let left = LogSink.write(part, to: descriptor)
      guard left.isEmpty else {
        let written = part[..<left.startIndex]
        let whole = written.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? written.startIndex
        isTorn = whole < written.endIndex
        return rest[whole...]
      }
      rest = rest[part.endIndex...]
    }
    return rest
  }

  /// Opens the file by its name again. When that fails, the one that is open goes on.
  mutating func reopen() {
    let new = Self.open(path)
    guard new >= 0 else { return }
    close(descriptor)
    descriptor = new
    isTorn = false
  }

  /// How many bytes of whole lines go into the file that has the name now.
  private mutating func portion(of lines: ArraySlice<UInt8>) -> Int {
    guard var size = follow(), limit > 0 else { return lines.count }
    if size > 0, size + Self.firstLine(of: lines) > limit {
      // Better a file that is too long than lines that are lost.
      guard rotate() else { return lines.count }
      size = 0
    }
    let room = limit - size
    if lines.count <= room { return lines.count }
    let end = lines.prefix(max(0, room)).lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 - lines.startIndex }
    return end ?? Self.firstLine(of: lines)
  }

  private static func firstLine(of lines: ArraySlice<UInt8>) -> Int {
    lines.firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 - lines.startIndex } ?? lines.count
  }

  /// Goes over to the file that has the name now.
  /// - Returns: its length; nil for what is no plain file.
  private mutating func follow() -> Int? {
    var own = stat()
    guard fstat(descriptor, &own) == 0, own.st_mode & S_IFMT == S_IFREG else { return nil }
    var named = stat()
    if stat(path, &named) == 0, named.st_ino == own.st_ino, named.st_dev == own.st_dev { return Int(own.st_size) }
    reopen()
    guard fstat(descriptor, &own) == 0, own.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int(own.st_size)
  }

  /// - Returns: whether there is a new file.
  private mutating func rotate() -> Bool {
    for number in stride(from: Self.keptCount - 1, through: 1, by: -1) {
      _ = rename("\(path).\(number)", "\(path).\(number + 1)")
    }
    guard rename(path, "\(path).1") == 0 else { return false }
    reopen()
    return true
  }
}

import GitProtocol
import PackCache

/// The most that a push may bring. Zero is no limit.
package struct PushLimits: Hashable, Sendable {
  /// Bytes of one object of it, inflated.
  package var file = 0
  /// Bytes of its body as they come over the wire.
  package var push = 0

  package init(file: Int = 0, push: Int = 0) {
    self.file = file
    self.push = push
  }

  package var isOn: Bool { file > 0 || push > 0 }
}

/// Follows the body of a push as it streams by, and finds what is too large at the first bytes that show it. What it cannot
/// follow it lets pass: the upstream will say it better. Confined to its loop.
final class PushSizes: PackObserver {
  private enum Place {
    case commands
    case options
    case pack
    /// Nothing more can be said about it.
    case over
  }

  private let limits: PushLimits
  private let scanner: PackScanner?
  private var place = Place.commands
  private var commands = PushCommands()
  /// Bytes of the body that the commands were looked for in.
  private var commandBytes = 0
  /// The beginning of a packet with a push option.
  private var begun: [UInt8] = []
  private var byteCount = 0

  /// What is too large.
  private enum Excess {
    case push
    case object(size: Int, number: Int)
  }

  private var excess: Excess?
  private var objectCount = 0
  private var trees: PushTrees?
  /// The running id of the file that is too large.
  private var digest: Digest?
  private var objectID: [UInt8]?

  /// - Parameters:
  ///   - declared: the length of the body, if it was told.
  ///   - isPlain: the body is not compressed as a whole; one that is, is small and passes by its own length only.
  init(_ limits: PushLimits, declared: Int?, isPlain: Bool) {
    self.limits = limits
    scanner = isPlain && limits.file > 0 ? try? PackScanner() : nil
    if scanner == nil { place = .over }
    if limits.push > 0, let declared, declared > limits.push { excess = .push }
    scanner?.observer = self
  }

  /// Something is too large: nothing more of the push may go upstream. More bytes may still tell what it is called.
  var isExceeded: Bool { excess != nil }

  /// Looks at the next bytes of the body.
  func follow(_ bytes: UnsafeRawBufferPointer) {
    byteCount += bytes.count
    if limits.push > 0, byteCount > limits.push, excess == nil { excess = .push }
    var rest = bytes[...]
    while !rest.isEmpty, place != .over { rest = rest.dropFirst(step(UnsafeRawBufferPointer(rebasing: rest))) }
  }

  /// Returns how many bytes have been looked at.
  private func step(_ bytes: UnsafeRawBufferPointer) -> Int {
    switch place {
    case .commands:
      let before = commandBytes
      commandBytes += bytes.count
      do throws(RequestError) { try commands.feed(bytes) } catch { return end(bytes) }
      guard commands.isEnded else { return bytes.count }
      trees = PushTrees(commands.capabilities.contains("object-format=sha256") ? .sha256 : .sha1)
      place = commands.capabilities.contains("push-options") ? .options : .pack
      return commands.byteCount - before
    case .options:
      begun.append(contentsOf: bytes)
      var reader = PktLineReader(begun)
      do throws(PktLineError) {
        while let packet = try reader.next() {
          guard packet == .flush else { continue }
          place = .pack
          begun = []
          return bytes.count - reader.rest.count
        }
      } catch { return end(bytes) }
      begun = Array(reader.rest)
      return bytes.count
    case .pack:
      guard let scanner else { return end(bytes) }
      _ = scanner.scan(bytes)
      // What a delta makes is not told when it begins.
      if excess == nil, scanner.largestObject > limits.file {
        excess = .object(size: scanner.largestObject, number: objectCount)
      }
      return scanner.isLost || scanner.isAtEnd ? end(bytes) : bytes.count
    case .over: return bytes.count
    }
  }

  private func end(_ bytes: UnsafeRawBufferPointer) -> Int {
    place = .over
    return bytes.count
  }

  // MARK: Objects

  func began(at offset: Int, kind: UInt8, size: Int, distance: Int) {
    objectCount += 1
    if kind == Self.tree { trees?.begin(size) }
    guard excess == nil, size > limits.file else { return }
    excess = .object(size: size, number: objectCount)
    guard kind == Self.blob, let trees else { return }
    digest = Digest(trees.algorithm)
    Array("blob \(size)\0".utf8).withUnsafeBytes { digest?.update($0) }
  }

  func took(_ bytes: UnsafeRawBufferPointer) {
    digest?.update(bytes)
    trees?.take(bytes)
  }

  func ended() {
    trees?.end()
    if let whole = digest.take() { objectID = whole.finish() }
  }

  private static let tree: UInt8 = 2
  private static let blob: UInt8 = 3

  // MARK: What is said

  /// Why the push is refused, with what is known by now of the name of the object.
  var refusal: ProxyError? {
    switch excess {
    case nil: nil
    case .push:
      ProxyError(
        .tooLarge, status: 413,
        "this push brings more than the \(ByteCount(limits.push)) that one may bring; push fewer commits at once")
    case .object(let size, let number):
      ProxyError(
        .tooLarge, status: 413,
        "\(name(number)) has \(ByteCount(size)), more than the \(ByteCount(limits.file)) that a file may have; take it out of "
          + "the commits that are pushed (git rebase -i, git filter-repo) and push again")
    }
  }

  private func name(_ number: Int) -> String {
    guard let objectID else { return "object \(number) of this push" }
    let digits = objectID.map { String($0 >> 4, radix: 16) + String($0 & 0x0f, radix: 16) }.joined()
    return trees?.path(to: objectID).map { "\"\($0)\" (object \(digits.prefix(12)))" } ?? "object \(digits)"
  }
}

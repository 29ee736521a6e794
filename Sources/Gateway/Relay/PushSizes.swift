import GitProtocol
import PackCache

/// The most that a push may bring. Zero is no limit.
package struct PushLimits: Hashable, Sendable {
  /// Bytes of one object of it, inflated.
  package var file = 0
  /// Bytes of its body, inflated where that is compressed as a whole.
  package var push = 0

  package init(file: Int = 0, push: Int = 0) {
    self.file = file
    self.push = push
  }

  package var isOn: Bool { file > 0 || push > 0 }
}

/// Follows the body of a push as it streams by, and finds what is too large at the first bytes that show it. What it cannot
/// follow is refused: the upstream may read it in another way. Confined to its loop.
final class PushSizes: PackObserver {
  private enum Place {
    case commands
    case options
    case pack
    /// Nothing more can be said about it.
    case over
  }

  /// What a push that is compressed as a whole may come to, bytes. Git sends none, and other clients small ones only.
  static let inflatedLimit = 4 << 20

  private let limits: PushLimits
  private let coding: BodyCoding
  /// Nil when the body is plain, or is not inflated any further.
  private var inflate: Inflate?
  private var scanner: PackScanner?
  private var place = Place.commands
  private var commands = PushCommands()
  /// Bytes of the body that the commands were looked for in.
  private var commandBytes = 0
  /// The beginning of a packet with a push option.
  private var begun: [UInt8] = []
  private var byteCount = 0

  private enum Fault {
    case push
    case object(size: Int, number: Int)
    /// It cannot be followed.
    case unreadable(ProxyError)
  }

  private var fault: Fault?
  private var objectCount = 0
  private var trees: PushTrees?
  /// The running id of the file that is too large.
  private var digest: Digest?
  private var objectID: [UInt8]?

  /// - Parameters:
  ///   - declared: the length of the body, if it was told.
  ///   - coding: of the body.
  init(_ limits: PushLimits, declared: Int?, coding: BodyCoding) {
    self.limits = limits
    self.coding = coding
    if limits.file == 0 { place = .over }
    if limits.push > 0, let declared, declared > limits.push { fault = .push }
    guard coding == .gzip else { return }
    inflate = try? Inflate(limit: Self.inflatedLimit)
    if inflate == nil { refuse(.unreadable(Self.unreadable)) }
  }

  /// Nothing more of the push may go upstream. More bytes may still tell what it is called that is too large.
  var isRefused: Bool { fault != nil }

  private func refuse(_ fault: Fault) { if self.fault == nil { self.fault = fault } }

  /// Looks at the next bytes of the body, as they come over the wire.
  func follow(_ bytes: UnsafeRawBufferPointer) {
    guard coding == .gzip else { return look(at: bytes) }
    guard let inflate else { return }
    var plain: [UInt8] = []
    var failure: InflateError?
    do throws(InflateError) { try inflate.feed(bytes, into: &plain) } catch { failure = error }
    plain.withUnsafeBytes { look(at: $0) }
    guard let failure else { return }
    self.inflate = nil
    if case .tooLarge = failure {
      refuse(.unreadable(Self.tooCompressed))
    } else {
      refuse(.unreadable(Self.unreadable))
    }
  }

  private func look(at bytes: UnsafeRawBufferPointer) {
    byteCount += bytes.count
    if limits.push > 0, byteCount > limits.push { refuse(.push) }
    var rest = bytes[...]
    while !rest.isEmpty, place != .over { rest = rest.dropFirst(step(UnsafeRawBufferPointer(rebasing: rest))) }
  }

  /// Returns how many bytes have been looked at.
  private func step(_ bytes: UnsafeRawBufferPointer) -> Int {
    switch place {
    case .commands:
      let before = commandBytes
      commandBytes += bytes.count
      do throws(RequestError) { try commands.feed(bytes) } catch {
        return end(bytes, error == .tooLarge ? Self.tooManyRefs : Self.unreadable)
      }
      guard commands.isEnded else { return bytes.count }
      let algorithm = commands.capabilities.contains("object-format=sha256") ? Digest.Algorithm.sha256 : .sha1
      trees = PushTrees(algorithm)
      scanner = try? PackScanner(idBytes: algorithm.byteCount)
      scanner?.observer = self
      place = commands.capabilities.contains("push-options") ? .options : .pack
      return commands.byteCount - before
    case .options:
      begun.append(contentsOf: bytes)
      var reader = PktLineReader(begun)
      do throws(PktLineError) {
        while let packet = try reader.next() {
          switch packet {
          case .data: continue
          case .flush: place = .pack
          // Git's own receive-pack takes them for the end, too.
          case .delimiter, .responseEnd: return end(bytes, Self.unreadable)
          }
          begun = []
          return bytes.count - reader.rest.count
        }
      } catch { return end(bytes, Self.unreadable) }
      begun = Array(reader.rest)
      return bytes.count
    case .pack:
      guard let scanner else { return end(bytes, Self.unreadable) }
      _ = scanner.scan(bytes)
      // What a delta makes is not told when it begins.
      if scanner.largestObject > limits.file { refuse(.object(size: scanner.largestObject, number: objectCount)) }
      if scanner.isLost { return end(bytes, Self.unreadable) }
      return scanner.isAtEnd ? end(bytes) : bytes.count
    case .over: return bytes.count
    }
  }

  private func end(_ bytes: UnsafeRawBufferPointer, _ failure: ProxyError? = nil) -> Int {
    place = .over
    if let failure { refuse(.unreadable(failure)) }
    return bytes.count
  }

  // MARK: Objects

  func began(at offset: Int, kind: UInt8, size: Int, distance: Int) {
    objectCount += 1
    if kind == Self.tree { trees?.begin(size) }
    guard fault == nil, size > limits.file else { return }
    fault = .object(size: size, number: objectCount)
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

  private static let unreadable = ProxyError(
    .badRequest, status: 400, "this push cannot be read, and so not be held against the limits for pushes")
  private static let tooManyRefs = ProxyError(
    .tooLarge, status: 413,
    "a push of more than \(PushCommands.maxUpdates) refs, or \(PushCommands.maxBytes >> 20) MiB of them, cannot be held "
      + "against the limits for pushes: push fewer refs at once")
  private static let tooCompressed = ProxyError(
    .tooLarge, status: 413,
    "a push that is compressed as a whole may come to \(ByteCount(inflatedLimit)): push without compressing it")

  /// Why the push is refused, with what is known by now of the name of the object.
  var refusal: ProxyError? {
    switch fault {
    case nil: nil
    case .unreadable(let error): error
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

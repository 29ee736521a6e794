import EventLoop
import GitProtocol
import HTTPCore
import HTTPTransport

/// Reads a push from its beginning, decoded, as far as its reader wants: the commands, and then the commits of its pack. What
/// is read stays held, to go upstream as it came. Confined to its loop.
final class PushBeginning {
  /// Most bytes of a body that are read and held: all commands, or the commits, which come first in a pack.
  static let limit = PushCommands.maxBytes + BufferPool.blockBytes
  /// What a gzip body may come to as far as it is read.
  private static let inflatedLimit = 4 * limit

  private let held: HeldBody
  private let inflate: Inflate?
  private var heldLimit = BufferPool.blockBytes
  /// How much of what is held has been read, bytes as they came.
  private var readBytes = 0
  private var decodedBytes = 0
  private(set) var commands = PushCommands()
  /// Decoded bytes behind the commands that nobody has read.
  private var behind: [UInt8] = []

  /// - Throws: `.unexpectedLine` for a coding that is not read here.
  init(_ held: HeldBody, _ request: HTTPCore.RequestHead) throws(RequestError) {
    self.held = held
    guard request.fields.count(of: .contentEncoding) <= 1,
      let coding = BodyCoding(contentEncoding: request.fields[.contentEncoding])
    else { throw .unexpectedLine }
    if coding == .gzip {
      do throws(InflateError) { inflate = try Inflate(limit: Self.inflatedLimit) } catch { throw .inflate(error) }
    } else {
      inflate = nil
    }
  }

  /// Reads all commands.
  /// - Throws: `RequestError` for what is no push, or one with too many commands; `TransportError`.
  func readCommands() async throws {
    while !commands.isEnded {
      if held.isWhole, readBytes == held.bytes.count, decodedBytes > 0 || held.bytes.isEmpty {
        throw RequestError.truncated
      }
      guard try await readMore() else { throw RequestError.tooLarge }
    }
    // Receive-pack reads nothing behind a first flush-pkt; what an upstream does that is not git, nobody knows.
    let isEmpty = commands.updates.isEmpty && !commands.isSigned
    if isEmpty, !behind.isEmpty || !held.isWhole { throw RequestError.unexpectedLine }
  }

  /// Reads the pack for its commits until they are enough, or there are no more of them within the limit.
  func readCommits(_ take: ([UInt8]) -> Void, until isEnough: () -> Bool) async throws {
    if commands.capabilities.contains("push-options") { try await passOptions() }
    let commits: PackCommits
    do throws(InflateError) { commits = try PackCommits() } catch { throw RequestError.inflate(error) }
    while true {
      behind.withUnsafeBytes { commits.feed($0) }
      behind = []
      commits.takeNew().forEach(take)
      if isEnough() || commits.isOver { return }
      guard try await readMore() else { return }
    }
  }

  private func passOptions() async throws {
    while true {
      var reader = PktLineReader(behind)
      while let packet = try reader.next() {
        guard packet == .flush else { continue }
        behind = Array(reader.rest)
        return
      }
      guard behind.count < Self.limit, try await readMore() else { throw RequestError.truncated }
    }
  }

  /// Reads on. Returns false when the body has ended, or no more may be held.
  private func readMore() async throws -> Bool {
    if readBytes == held.bytes.count {
      guard !held.isWhole else { return false }
      if readBytes >= heldLimit {
        guard heldLimit < Self.limit else { return false }
        heldLimit = min(Self.limit, heldLimit * 2)
      }
      try await held.fill(limit: heldLimit)
    }
    let raw = Array(held.bytes[readBytes...])
    readBytes = held.bytes.count
    var bytes = raw
    if let inflate {
      bytes = []
      do throws(InflateError) { try inflate.feed(raw[...], into: &bytes) } catch {
        if case .tooLarge = error { throw RequestError.tooLarge }
        throw RequestError.inflate(error)
      }
    }
    let start = decodedBytes
    decodedBytes += bytes.count
    if commands.isEnded {
      behind += bytes
    } else {
      try commands.feed(bytes)
      if commands.isEnded { behind = Array(bytes[(commands.byteCount - start)...]) }
    }
    return true
  }
}

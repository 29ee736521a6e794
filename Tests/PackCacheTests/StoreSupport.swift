import EventLoop
import GatewayTestSupport
import GitProtocol
import Glibc
import PackCache
import Synchronization
import Testing

/// An answer to a fetch, made by hand. The store looks at a pack's header and trailer, and at no object.
struct Answer {
  static let prelude = PktLines.line("packfile\n")

  var prelude = Self.prelude
  var pack: [UInt8]
  /// Pack bytes in one packet.
  var packetBytes = Sideband.maxPayloadBytes
  var ending = PktLines.flush

  /// - Parameter filler: bytes between the pack's header and its trailer.
  init(filler: [UInt8] = [], trailer: Digest.Algorithm = .sha1) {
    let content = Array("PACK".utf8) + [0, 0, 0, 2, 0, 0, 0, 0] + filler
    pack = content + Self.digest(content, trailer)
  }

  /// The same bytes for the same number.
  init(number: UInt64, size: Int) {
    var random = SplitMix64(state: number)
    self.init(filler: (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) })
  }

  static func digest(_ bytes: [UInt8], _ algorithm: Digest.Algorithm) -> [UInt8] {
    var digest = Digest(algorithm)
    bytes.withUnsafeBytes { digest.update($0) }
    return digest.finish()
  }

  var body: [UInt8] {
    var bytes = prelude
    for start in stride(from: 0, to: pack.count, by: packetBytes) {
      bytes += PktLines.band(1, Array(pack[start..<min(start + packetBytes, pack.count)]))
    }
    return bytes + ending
  }
}

/// What a store tells of.
final class Told: Sendable {
  private let lines = Mutex<[String]>([])

  var all: [String] { lines.withLock { $0 } }
  var count: Int { all.count }
  func add(_ line: String) { lines.withLock { $0.append(line) } }
}

extension PackScope {
  static let demo = PackScope(account: "a", namespace: "n", repo: "demo", repoID: "r1")
  static let other = PackScope(account: "a", namespace: "n", repo: "other", repoID: "r2")
}

extension PackKey {
  static func number(_ number: UInt64, _ scope: PackScope = .demo) -> PackKey {
    PackKey(scope: scope, generation: 0, request: withUnsafeBytes(of: number.bigEndian) { Array($0) })
  }
}

extension PackStore {
  convenience init(
    in folder: String, limit: Int = 64 << 20, room: FreeSpaceGuard = .plenty, clock: ManualClock = ManualClock(),
    told: Told = Told()
  ) throws {
    try self.init(
      directory: folder + "/packs", limit: limit, freeSpace: room, clock: { clock.now }, onTrouble: { told.add($0) })
  }

  @discardableResult func put(
    _ key: PackKey, _ answer: Answer, scope: PackScope = .demo, trailer: Digest.Algorithm = .sha1
  ) async throws -> StoredPack {
    let writer = try makeEntry(scope: scope)
    try writer.append(answer.body)
    return try await writer.commit(key: key, wants: [], preludeBytes: answer.prelude.count, trailer: trailer)
  }
}

extension FreeSpaceGuard {
  static let plenty = FreeSpaceGuard { _ in nil }
}

extension EntryWriter {
  func append(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try append($0) } }
}

extension StoredPack {
  /// The body, read in one go.
  var body: [UInt8] {
    get throws {
      var bytes = [UInt8](repeating: 0, count: bodyBytes + 100)
      let count = try bytes.withUnsafeMutableBytes { try read(at: 0, into: $0) }
      return Array(bytes[..<count])
    }
  }
}

/// The names in the directory of a store, sorted.
func names(in folder: String) throws -> [String] {
  guard let stream = opendir(folder + "/packs") else { throw TestFailure("opendir: \(errno)") }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    // The name belongs to the stream until the next call; it is copied here.
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name != ".", name != ".." { names.append(name) }
  }
  return names.sorted()
}

func path(of key: PackKey, in folder: String) -> String { "\(folder)/packs/\(key.hex).pack" }

func bytes(of path: String) throws -> [UInt8] {
  guard let file = fopen(path, "r") else { throw TestFailure("\(path): \(errno)") }
  defer { fclose(file) }
  var bytes = [UInt8](repeating: 0, count: 4 << 20)
  return Array(bytes[..<fread(&bytes, 1, bytes.count, file)])
}

/// Collects the commits of a pack as it passes by: those that are stored whole, and those that are deltas against such a one.
/// A delta against an object that is not in the pack is left out. What is too large is left out, too. One owner at a time.
/// Source: gitformat-pack.
package final class PackCommits: PackObserver {
  /// Most bytes of one commit, and of all together.
  package static let maxCommitBytes = 1 << 20
  package static let maxBytes = 32 << 20

  /// The contents that have come since this was last taken.
  private var fresh: [[UInt8]] = []
  private var byOffset: [Int: [UInt8]] = [:]
  private var byteCount = 0
  /// The object that is being read; nil when it is of no interest.
  private var current: [UInt8]?
  private var currentOffset = 0
  /// Of a delta.
  private var base: [UInt8]?
  private let scanner: PackScanner

  /// Throws `.outOfMemory`.
  package init() throws(InflateError) {
    scanner = try PackScanner()
    scanner.observer = self
  }

  /// Nothing more can come: the pack has ended, or is none.
  package var isOver: Bool { scanner.isLost || scanner.isAtEnd }

  package func feed(_ bytes: UnsafeRawBufferPointer) { _ = scanner.scan(bytes) }

  /// The contents of the commits that have come since the last call, without their headers.
  package func takeNew() -> [[UInt8]] {
    let new = fresh
    fresh = []
    return new
  }

  package func began(at offset: Int, kind: UInt8, size: Int, distance: Int) {
    currentOffset = offset
    base = kind == 6 ? byOffset[offset - distance] : nil
    let isWanted = kind == 1 || base != nil
    current = isWanted && size <= Self.maxCommitBytes && byteCount < Self.maxBytes ? [] : nil
  }

  package func took(_ bytes: UnsafeRawBufferPointer) {
    guard let count = current?.count else { return }
    if bytes.count > Self.maxCommitBytes - count { current = nil } else { current?.append(contentsOf: bytes) }
  }

  package func ended() {
    guard let object = current, let content = base.map({ Self.apply(object, to: $0) }) ?? object else { return }
    current = nil
    byteCount += content.count
    byOffset[currentOffset] = content
    fresh.append(content)
  }

  /// What a delta makes of its base; nil when it is no delta, or makes too much.
  private static func apply(_ delta: [UInt8], to base: [UInt8]) -> [UInt8]? {
    var rest = delta[...]
    func size() -> Int? {
      var (value, shift) = (0, 0)
      while let byte = rest.popFirst(), shift < 56 {
        value |= Int(byte & 0x7f) << shift
        if byte & 0x80 == 0 { return value }
        shift += 7
      }
      return nil
    }
    guard size() == base.count, let total = size(), total <= maxCommitBytes else { return nil }
    var result: [UInt8] = []
    while let instruction = rest.popFirst() {
      if instruction & 0x80 == 0 {
        guard instruction > 0, rest.count >= Int(instruction) else { return nil }
        result += rest.prefix(Int(instruction))
        rest = rest.dropFirst(Int(instruction))
      } else {
        var values = (offset: 0, count: 0)
        for bit in 0..<7 where instruction & 1 << UInt8(bit) != 0 {
          guard let byte = rest.popFirst() else { return nil }
          if bit < 4 { values.offset |= Int(byte) << (8 * bit) } else { values.count |= Int(byte) << (8 * (bit - 4)) }
        }
        if values.count == 0 { values.count = 0x10000 }
        guard values.offset <= base.count, values.count <= base.count - values.offset else { return nil }
        result += base[values.offset..<(values.offset + values.count)]
      }
      guard result.count <= total else { return nil }
    }
    return result.count == total ? result : nil
  }
}

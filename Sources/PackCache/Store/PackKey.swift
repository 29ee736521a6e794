/// What a stored pack is found by: SHA-256 over everything that decides its bytes.
///
/// The name of the repository is left out: its id stands for it.
package struct PackKey: Hashable, Comparable, Sendable, CustomStringConvertible {
  package static let byteCount = 32

  /// The digest as four big-endian words.
  private let words: SIMD4<UInt64>

  /// - Parameters:
  ///   - generation: told up whenever all packs of the repository are to be forgotten.
  ///   - request: the fetch in its canonical form, in which equal requests have equal bytes.
  package init(scope: PackScope, generation: UInt64, request: [UInt8]) {
    // Each part has its length in front, so no two lists of parts make the same bytes.
    var writer = ByteWriter()
    writer.append(UInt64(EntryMetadata.formatVersion))
    writer.append(scope.account)
    writer.append(scope.namespace)
    writer.append(scope.repoID)
    writer.append(generation)
    writer.append(UInt64(request.count))
    var digest = Digest(.sha256)
    writer.bytes.withUnsafeBytes { digest.update($0) }
    request.withUnsafeBytes { digest.update($0) }
    words = Self.words(digest.finish())
  }

  /// Takes the 32 bytes of a key; nil for another number of bytes.
  init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    words = Self.words(bytes)
  }

  /// Reads 64 lower-case hexadecimal digits; nil for anything else.
  init?(hex: some StringProtocol) {
    var words = SIMD4<UInt64>()
    var count = 0
    for digit in hex.utf8 {
      let value: UInt8
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
      default: return nil
      }
      guard count < Self.byteCount * 2 else { return nil }
      words[count / 16] = words[count / 16] << 4 | UInt64(value)
      count += 1
    }
    guard count == Self.byteCount * 2 else { return nil }
    self.words = words
  }

  private static func words(_ bytes: [UInt8]) -> SIMD4<UInt64> {
    var words = SIMD4<UInt64>()
    for (index, byte) in bytes.enumerated() { words[index / 8] = words[index / 8] << 8 | UInt64(byte) }
    return words
  }

  var bytes: [UInt8] {
    (0..<Self.byteCount).map { UInt8(truncatingIfNeeded: words[$0 / 8] >> UInt64(56 - 8 * ($0 % 8))) }
  }

  /// 64 lower-case hexadecimal digits.
  package var hex: String {
    String(unsafeUninitializedCapacity: Self.byteCount * 2) { buffer in
      for index in 0..<(Self.byteCount * 2) {
        let value = UInt8(truncatingIfNeeded: words[index / 16] >> UInt64(60 - 4 * (index % 16))) & 15
        buffer.initializeElement(at: index, to: value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10)
      }
      return Self.byteCount * 2
    }
  }

  /// The order of the digits.
  package static func < (left: PackKey, right: PackKey) -> Bool {
    for index in left.words.indices where left.words[index] != right.words[index] {
      return left.words[index] < right.words[index]
    }
    return false
  }

  package var description: String { hex }
}

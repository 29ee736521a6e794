import GitProtocol

/// Looks at a push as it passes by, for what the service refuses and git does not.
///
/// The service counts what a file holds, not what it takes in the pack. Pushes of 30 MiB in one file were seen to pass, of
/// 31 MiB to fail with 500 after they had been sent, and of 35 MiB and more to fail with 413 at once. The documented
/// limit is 32 MB; where between 31 and 35 MiB the two failures part was not seen.
struct PushScanner {
  enum Verdict: Equatable {
    case fine
    /// Fails at the end, with 500.
    case failing
    /// Is refused here and now, with 413.
    case tooLarge
  }

  static let largestFile = 32_000_000
  private static let largestTaken = 32 << 20

  private let pack: PackScanner
  /// The digits of the next packet's length, as far as they have come.
  private var prefix: [UInt8] = []
  private var packetBytesLeft = 0
  private var isInPack = false

  init() throws(InflateError) { pack = try PackScanner() }

  /// Looks at the next bytes of the body, inflated.
  /// - Returns: how many of them git may have now; the rest is in `held`, or is too much.
  mutating func scan(_ bytes: UnsafeRawBufferPointer) -> Int {
    var index = 0
    while index < bytes.count, !isInPack {
      if packetBytesLeft > 0 {
        let count = min(packetBytesLeft, bytes.count - index)
        packetBytesLeft -= count
        index += count
        continue
      }
      prefix.append(bytes[index])
      index += 1
      guard prefix.count == PktLine.prefixBytes else { continue }
      switch try? PktLine.decodePrefix(prefix.reduce(0) { $0 << 8 | UInt32($1) }) {
      case .data(let count): packetBytesLeft = count
      // The commands end here. What is no packet at all is no pack either, and passes.
      case .flush, nil: isInPack = true
      case .delimiter, .responseEnd: break
      }
      prefix = []
    }
    return index + (isInPack ? pack.scan(UnsafeRawBufferPointer(rebasing: bytes[index...])) : 0)
  }

  /// What git may have once the body has ended.
  var held: [UInt8] { pack.trailer }

  var verdict: Verdict {
    if pack.largestObject > Self.largestTaken { return .tooLarge }
    return pack.largestObject > Self.largestFile || pack.strayBytes > 0 ? .failing : .fine
  }
}

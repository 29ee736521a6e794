import CZlib

/// Told of the objects of a pack by its scanner.
package protocol PackObserver: AnyObject {
  /// An object begins.
  /// - Parameters:
  ///   - offset: of its first byte in the pack.
  ///   - kind: 1 a commit, 2 a tree, 3 a blob, 4 a tag, 6 and 7 deltas.
  ///   - size: inflated, bytes, as its header says.
  ///   - distance: from a delta of kind 6 back to its base; else zero.
  func began(at offset: Int, kind: UInt8, size: Int, distance: Int)
  /// The next of its bytes, inflated; valid during the call.
  func took(_ bytes: UnsafeRawBufferPointer)
  func ended()
}

/// Follows a pack as it passes by, and tells how large its objects are and where it ends.
///
/// Every object is inflated, since nothing else tells where the next one begins, and dropped at once: what is held is one
/// block. What is no pack makes the scanner give up, not throw: whoever reads the pack will say it better. One owner at
/// a time. Source: gitformat-pack.
package final class PackScanner {
  private enum Place {
    /// So many bytes of the pack's own header have been read.
    case header(Int)
    /// At the first byte of an object, or in its size, of which so many bits are known.
    case size(bits: Int)
    /// In the distance to the base of a delta.
    case baseDistance
    /// So many bytes of the base's id are to come.
    case baseID(Int)
    case data
    case trailer
    /// The bytes are no pack.
    case lost
  }

  /// The size of the largest object so far, inflated, bytes; of a delta, the size of what it makes.
  package private(set) var largestObject = 0
  /// The checksum at the end of the pack, as far as it has come; not among the bytes that `scan` lets pass.
  package private(set) var trailer: [UInt8] = []
  /// How many bytes have come behind the end of the pack.
  package private(set) var strayBytes = 0

  /// The bytes were no pack from some place on.
  package var isLost: Bool { if case .lost = place { true } else { false } }
  /// All objects have come.
  package var isAtEnd: Bool { if case .trailer = place { true } else { false } }
  package weak var observer: (any PackObserver)?

  private var place = Place.header(0)
  /// Bytes scanned before the current ones.
  private var position = 0
  private var objectStart = 0
  private var baseDistance = 0
  private var objectsLeft = 0
  private var objectSize = 0
  /// The kind of the current object: 1 to 4 whole ones, 6 and 7 deltas.
  private var kind: UInt8 = 0
  /// The size that is read at the beginning of a delta: first its base's, then that of what it makes; nil behind both.
  private var deltaSize: (isOfBase: Bool, bits: Int, value: Int)?
  /// Owned, as in `Inflate`.
  private let stream: UnsafeMutablePointer<z_stream>
  private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
  /// Of an object's id, and of the trailer.
  private let idBytes: Int

  private static let zlibWindowBits: CInt = 15
  private static let offsetDelta: UInt8 = 6
  private static let refDelta: UInt8 = 7
  private static let magic = Array("PACK".utf8)

  /// - Parameter idBytes: the length of an id in this object format.
  /// - Throws: `.outOfMemory`.
  package init(idBytes: Int = 20) throws(InflateError) {
    self.idBytes = idBytes
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let code = czlib_inflate_init(stream, Self.zlibWindowBits)
    self.stream = stream
    if code != Z_OK { throw .outOfMemory }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    scratch.deallocate()
  }

  /// Looks at the next bytes of the pack.
  /// - Returns: how many of them stand before the trailer. The trailer is kept here, so that its reader learns of the end
  ///   only when it is known that nothing follows.
  package func scan(_ bytes: UnsafeRawBufferPointer) -> Int {
    var index = 0
    defer { position += bytes.count }
    while index < bytes.count {
      switch place {
      case .header(let count): header(count, bytes[index])
      case .size(let bits):
        if bits == 0 { objectStart = position + index }
        size(bits, bytes[index])
      case .baseDistance: distance(bytes[index])
      case .baseID(let count): if count > 1 { place = .baseID(count - 1) } else { beginData() }
      case .data:
        index += inflateObject(UnsafeRawBufferPointer(rebasing: bytes[index...]))
        continue
      case .trailer:
        let rest = bytes[index...]
        let kept = rest.prefix(idBytes - trailer.count)
        trailer.append(contentsOf: kept)
        strayBytes += rest.count - kept.count
        return index
      case .lost: return bytes.count
      }
      index += 1
    }
    return index
  }

  private func header(_ count: Int, _ byte: UInt8) {
    switch count {
    case 0..<4: place = byte == Self.magic[count] ? .header(count + 1) : .lost
    // The version, which changes nothing here.
    case 4..<8: place = .header(count + 1)
    default:
      objectsLeft = objectsLeft << 8 | Int(byte)
      place = .header(count + 1)
      if count == 11 { place = objectsLeft > 0 ? .size(bits: 0) : .trailer }
    }
  }

  private func size(_ bits: Int, _ byte: UInt8) {
    if bits == 0 {
      objectSize = Int(byte & 0x0f)
      kind = byte >> 4 & 7
    } else {
      guard bits < 60 else { return place = .lost }
      objectSize |= Int(byte & 0x7f) << bits
    }
    guard byte & 0x80 == 0 else { return place = .size(bits: bits == 0 ? 4 : bits + 7) }
    largestObject = max(largestObject, objectSize)
    deltaSize = kind >= Self.offsetDelta ? (true, 0, 0) : nil
    inflateReset(stream)
    baseDistance = 0
    switch kind {
    case Self.offsetDelta: place = .baseDistance
    case Self.refDelta: place = .baseID(idBytes)
    default: beginData()
    }
  }

  /// Each byte but the last stands for one more than it says, so that no distance has two forms.
  private func distance(_ byte: UInt8) {
    guard baseDistance < 1 << 50 else { return place = .lost }
    baseDistance = baseDistance << 7 | Int(byte & 0x7f)
    if byte & 0x80 == 0 { beginData() } else { baseDistance += 1 }
  }

  private func beginData() {
    place = .data
    observer?.began(at: objectStart, kind: kind, size: objectSize, distance: baseDistance)
  }

  /// Inflates as much of the current object as there is, and returns how many bytes that took.
  private func inflateObject(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard let base = bytes.baseAddress else { return 0 }
    let count = min(bytes.count, Int(CInt.max))
    stream.pointee.next_in = UnsafeMutablePointer(mutating: base.assumingMemoryBound(to: Bytef.self))
    stream.pointee.avail_in = uInt(count)
    defer {
      // The memory is the caller's again.
      stream.pointee.next_in = nil
      stream.pointee.avail_in = 0
    }
    while true {
      stream.pointee.next_out = scratch.baseAddress?.assumingMemoryBound(to: Bytef.self)
      stream.pointee.avail_out = uInt(scratch.count)
      let code = inflate(stream, Z_NO_FLUSH)
      observer?.took(UnsafeRawBufferPointer(rebasing: scratch[..<(scratch.count - Int(stream.pointee.avail_out))]))
      if deltaSize != nil { readDelta(scratch.prefix(scratch.count - Int(stream.pointee.avail_out))) }
      switch code {
      case Z_OK where stream.pointee.avail_out == 0: continue
      case Z_OK, Z_BUF_ERROR: break
      case Z_STREAM_END:
        observer?.ended()
        objectsLeft -= 1
        place = objectsLeft > 0 ? .size(bits: 0) : .trailer
      default: place = .lost
      }
      return count - Int(stream.pointee.avail_in)
    }
  }

  /// Reads the size of what a delta makes, which stands behind the size of its base. Git takes sizes with any number of
  /// leading zeros.
  private func readDelta(_ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      guard var size = deltaSize else { return }
      let digits = Int(byte & 0x7f)
      if digits > 0 { size.value = size.bits < 56 ? size.value | digits << size.bits : .max }
      size.bits += 7
      let isOver = byte & 0x80 == 0
      if isOver, !size.isOfBase { largestObject = max(largestObject, size.value) }
      deltaSize = !isOver ? size : size.isOfBase ? (false, 0, 0) : nil
    }
  }
}

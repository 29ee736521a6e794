import CZlib

/// Why a gzip body could not be inflated.
package enum InflateError: Error, Hashable {
  /// Not gzip, a damaged stream or checksum, or bytes after its end.
  case corrupt
  /// More output than the limit allows; carries the limit in bytes.
  case tooLarge(limit: Int)
  /// The input ended before the stream did.
  case truncated
  /// zlib got no memory.
  case outOfMemory
}

/// Inflates one gzip stream, part by part, up to a limit.
///
/// After an error the object is of no more use. A class because zlib keeps the address of its `z_stream`; not
/// `Sendable`, one owner at a time. Sources: RFC 1952; zlib.h, `inflateInit2` and `inflate`.
package final class Inflate {
  /// Most bytes of output that are accepted.
  package let limit: Int
  /// Whether the gzip trailer has been read and its checksum was right.
  package private(set) var isFinished = false
  /// Owned: set up once in `init`, ended and freed once in `deinit`.
  private let stream: UnsafeMutablePointer<z_stream>
  private var outputBytes = 0

  /// 16 above the largest window makes zlib accept gzip only, and check its header and trailer.
  private static let gzipWindowBits: CInt = 16 + 15
  private static let scratchBytes = 16_384

  /// Makes an inflater that gives out at most `limit` bytes. Throws `.outOfMemory`.
  package init(limit: Int) throws(InflateError) {
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // Stored only afterwards: a complete object would run `deinit` when this throws, and free the stream twice.
    guard czlib_inflate_init(stream, Self.gzipWindowBits) == Z_OK else {
      stream.deallocate()
      throw .outOfMemory
    }
    self.limit = limit
    self.stream = stream
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Inflates all of `input` and appends what comes out to `output`.
  ///
  /// Throws `.corrupt`, `.outOfMemory`, or `.tooLarge`: then `output` has got exactly as much as the limit allows.
  package func feed(_ input: UnsafeRawBufferPointer, into output: inout [UInt8]) throws(InflateError) {
    var rest = input
    while let base = rest.baseAddress, !rest.isEmpty {
      guard !isFinished else { throw .corrupt }
      let count = min(rest.count, Int(CInt.max))
      stream.pointee.next_in = UnsafeMutablePointer(mutating: base.assumingMemoryBound(to: Bytef.self))
      stream.pointee.avail_in = uInt(count)
      try drain(into: &output)
      let taken = count - Int(stream.pointee.avail_in)
      // The memory is the caller's again: zlib must not look at it after this call.
      stream.pointee.next_in = nil
      stream.pointee.avail_in = 0
      rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
    }
  }

  /// Inflates all of `input` and appends what comes out to `output`; as for a raw buffer.
  package func feed(_ input: ArraySlice<UInt8>, into output: inout [UInt8]) throws(InflateError) {
    let result: Result<Void, InflateError> = input.withUnsafeBytes { bytes in
      do throws(InflateError) {
        return .success(try feed(bytes, into: &output))
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  /// Says that no more input comes. Throws `.truncated` if the stream was not at its end.
  package func finish() throws(InflateError) {
    guard isFinished else { throw .truncated }
  }

  /// Inflates a whole body. Throws `.corrupt`, `.tooLarge`, `.truncated` or `.outOfMemory`.
  package static func whole(_ input: ArraySlice<UInt8>, limit: Int) throws(InflateError) -> [UInt8] {
    var output: [UInt8] = []
    let inflate = try Inflate(limit: limit)
    try inflate.feed(input, into: &output)
    try inflate.finish()
    return output
  }

  /// Runs zlib until it has given out all that the input set in `stream` makes.
  private func drain(into output: inout [UInt8]) throws(InflateError) {
    let result: Result<Void, InflateError> = withUnsafeTemporaryAllocation(
      byteCount: Self.scratchBytes, alignment: 16
    ) { scratch in
      var isScratchFull = true
      while isScratchFull && !isFinished {
        stream.pointee.next_out = scratch.baseAddress?.assumingMemoryBound(to: Bytef.self)
        stream.pointee.avail_out = uInt(scratch.count)
        let code = inflate(stream, Z_NO_FLUSH)
        let produced = scratch.count - Int(stream.pointee.avail_out)
        let accepted = min(produced, limit - outputBytes)
        output.append(contentsOf: scratch[..<accepted])
        outputBytes += accepted
        guard accepted == produced else { return .failure(.tooLarge(limit: limit)) }
        switch code {
        case Z_OK: break
        case Z_STREAM_END: isFinished = true
        // No progress was possible: all input is used and all output was given out.
        case Z_BUF_ERROR: return .success(())
        case Z_MEM_ERROR: return .failure(.outOfMemory)
        default: return .failure(.corrupt)
        }
        isScratchFull = stream.pointee.avail_out == 0
      }
      return .success(())
    }
    try result.get()
  }
}

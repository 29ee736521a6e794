/// Spare blocks of 64 KiB for the transfers of one loop, so that an idle connection holds none.
///
/// Confined to its loop. Keeps at most 32 spare blocks (2 MiB) and frees what comes back beyond that.
package final class BufferPool {
  package static let blockBytes = 65_536
  private static let spareLimit = 32
  private var spare: [UnsafeMutableRawPointer] = []

  init() {}

  deinit { for block in spare { block.deallocate() } }

  /// Hands out a block. The taker owns it until `give`.
  package func take() -> UnsafeMutableRawBufferPointer {
    // No stricter alignment: glibc takes more for it than it gets back, and so never gives the same memory out again.
    let block = spare.popLast() ?? .allocate(byteCount: Self.blockBytes, alignment: 16)
    return UnsafeMutableRawBufferPointer(start: block, count: Self.blockBytes)
  }

  /// Takes a block back. The caller must not touch it afterwards.
  package func give(_ block: UnsafeMutableRawBufferPointer) {
    guard let base = block.baseAddress else { return }
    if spare.count < Self.spareLimit {
      spare.append(base)
    } else {
      base.deallocate()
    }
  }
}

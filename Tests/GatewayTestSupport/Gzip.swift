/// A gzip stream with `content` in stored blocks.
package func gzipped(_ content: [UInt8]) -> [UInt8] {
  var output: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]
  var rest = content[...]
  repeat {
    let block = rest.prefix(65_535)
    rest = rest.dropFirst(block.count)
    output.append(rest.isEmpty ? 1 : 0)
    output += littleEndian(UInt32(block.count)).prefix(2) + littleEndian(~UInt32(block.count)).prefix(2) + block
  } while !rest.isEmpty
  var checksum = ~UInt32(0)
  for byte in content {
    checksum ^= UInt32(byte)
    for _ in 0..<8 { checksum = checksum & 1 == 1 ? checksum >> 1 ^ 0xedb8_8320 : checksum >> 1 }
  }
  return output + littleEndian(~checksum) + littleEndian(UInt32(content.count))
}

private func littleEndian(_ value: UInt32) -> [UInt8] {
  stride(from: 0, to: 32, by: 8).map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
}

/// gzip of at least `count` zero bytes, some 1,270 to the byte, cut off before its end.
///
/// One block with fixed codes: the literal 0, then copies of the last 258 bytes (RFC 1951, 3.2.6).
package func gzippedZeros(atLeast count: Int) -> [UInt8] {
  let copy: [UInt8] = [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]
  var bits: [UInt8] = [0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0]
  for _ in 0...count / 258 { bits += copy }
  let block = stride(from: 0, to: bits.count, by: 8).map { start in
    bits[start..<min(start + 8, bits.count)].reversed().reduce(0) { $0 << 1 | $1 }
  }
  return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255] + block
}

import GatewayTestSupport
import GitProtocol

/// A data-pkt with these bytes.
func packet(_ text: String) -> [UInt8] {
  var output: [UInt8] = []
  PktLine.append(Array(text.utf8), to: &output)
  return output
}

/// One sideband packet.
func packet(_ band: Sideband, _ payload: [UInt8]) -> [UInt8] {
  var output: [UInt8] = []
  band.append(payload, to: &output)
  return output
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

/// All packets of a buffer, and what is left behind them.
func packets(_ bytes: [UInt8]) throws -> (packets: [PktLine.Packet], rest: [UInt8]) {
  var reader = PktLineReader(bytes)
  var found: [PktLine.Packet] = []
  while let packet = try reader.next() { found.append(packet) }
  return (found, Array(reader.rest))
}

/// The bytes written as hexadecimal digits.
func decoded(hexadecimal digits: String) -> [UInt8] {
  let values = digits.utf8.compactMap { Int(String(UnicodeScalar($0)), radix: 16) }
  return stride(from: 0, to: values.count - 1, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
}

/// A gzip stream with `content` in stored blocks.
func gzipped(_ content: [UInt8]) -> [UInt8] {
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

/// 100,000 zero bytes in 132 bytes of gzip.
let gzipBomb = decoded(
  hexadecimal: "1f8b0800000000000203edc13101000000c2a0f54f6d0d0fa000000000000000000000000000000000000000000000000000"
    + "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    + "0000000000000000000000000000000000000000008057037d9511d4a0860100")

/// gzip of at least `count` zero bytes, some 1,270 to the byte, cut off before its end.
///
/// One block with fixed codes: the literal 0, then copies of the last 258 bytes (RFC 1951, 3.2.6).
func gzipBomb(ofAtLeast count: Int) -> [UInt8] {
  let copy: [UInt8] = [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]
  var bits: [UInt8] = [0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0]
  for _ in 0...count / 258 { bits += copy }
  let block = stride(from: 0, to: bits.count, by: 8).map { start in
    bits[start..<min(start + 8, bits.count)].reversed().reduce(0) { $0 << 1 | $1 }
  }
  return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255] + block
}

extension SplitMix64 {
  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) } }
}

let oneID = String(repeating: "1", count: 40)
let twoID = String(repeating: "2a", count: 20)
let zeroID = String(repeating: "0", count: 40)

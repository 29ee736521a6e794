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

/// 100,000 zero bytes in 132 bytes of gzip.
let gzipBomb = decoded(
  hexadecimal: "1f8b0800000000000203edc13101000000c2a0f54f6d0d0fa000000000000000000000000000000000000000000000000000"
    + "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    + "0000000000000000000000000000000000000000008057037d9511d4a0860100")

extension SplitMix64 {
  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) } }
}

let oneID = String(repeating: "1", count: 40)
let twoID = String(repeating: "2a", count: 20)
let zeroID = String(repeating: "0", count: 40)

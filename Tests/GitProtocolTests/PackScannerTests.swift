import GitProtocol
import Testing

@Suite struct PackScannerTests {
  /// `PACK`, version 2, and how many objects follow.
  private func header(_ count: UInt8) -> [UInt8] { bytes("PACK") + [0, 0, 0, 2, 0, 0, 0, count] }

  /// An object in one stored block: kind, size and content.
  private func object(_ kind: UInt8, _ size: Int, base: [UInt8] = [], _ content: [UInt8]) -> [UInt8] {
    var head: [UInt8] = [kind << 4 | UInt8(size & 15)]
    var rest = size >> 4
    while rest > 0 {
      head[head.count - 1] |= 0x80
      head.append(UInt8(rest & 0x7f))
      rest >>= 7
    }
    var (low, high): (UInt32, UInt32) = (1, 0)
    for byte in content {
      low = (low + UInt32(byte)) % 65_521
      high = (high + low) % 65_521
    }
    let (count, sum) = (UInt16(content.count), high << 16 | low)
    let stored = [1, UInt8(count & 255), UInt8(count >> 8), UInt8(~count & 255), UInt8(~count >> 8)] + content
    return head + base + [0x78, 1] + stored + stride(from: 24, through: 0, by: -8).map { UInt8(sum >> $0 & 255) }
  }

  private let trailer = [UInt8](1...20)

  private func scan(_ input: [UInt8], pieces: Int) throws -> (scanner: PackScanner, passed: [UInt8]) {
    let scanner = try PackScanner()
    var passed: [UInt8] = []
    for start in stride(from: 0, to: input.count, by: pieces) {
      let piece = Array(input[start..<min(start + pieces, input.count)])
      passed += piece.prefix(piece.withUnsafeBytes { scanner.scan($0) })
    }
    return (scanner, passed)
  }

  @Test(arguments: [1, 2, 3, 7, 64, 10_000])
  func `Sizes and the end are found wherever the input is split`(pieces: Int) throws {
    // Base of 300 bytes; a result of 70,000 bytes.
    let delta: [UInt8] = [0xac, 0x02, 0xf0, 0xa2, 0x04, 0x90, 1]
    let body =
      header(4) + object(1, 5, bytes("hello")) + object(3, 300, [UInt8](repeating: 7, count: 300))
      + object(6, delta.count, base: [0x81, 0x05], delta)
      + object(7, delta.count, base: [UInt8](repeating: 0xff, count: 20), delta)
    let (scanner, passed) = try scan(body + trailer, pieces: pieces)
    #expect(passed == body)
    #expect(scanner.trailer == trailer)
    #expect(scanner.largestObject == 70_000)
    #expect(scanner.strayBytes == 0)
    let stray = try scan(body + trailer + [0, 0, 0, 0], pieces: pieces)
    #expect((stray.scanner.strayBytes, stray.passed, stray.scanner.trailer) == (4, body, trailer))
  }

  /// Git reads the sizes at the beginning of a delta however many zeros lead them.
  @Test(arguments: [1, 5, 10_000], [0, 1, 9, 20, 1_000])
  func `What a delta makes is known however its sizes are written`(pieces: Int, zeros: Int) throws {
    let padding = [UInt8](repeating: 0x80, count: zeros)
    func size(_ digits: [UInt8]) -> [UInt8] {
      zeros == 0 ? digits : digits.dropLast() + [digits[digits.count - 1] | 0x80] + padding.dropLast() + [0]
    }
    let delta = size([0xac, 0x02]) + size([0xf0, 0xa2, 0x04]) + [0x90, 1]
    let body = header(1) + object(7, delta.count, base: [UInt8](repeating: 1, count: 20), delta)
    #expect(try scan(body + trailer, pieces: pieces).scanner.largestObject == max(70_000, delta.count))
    let huge = [0x01] + [UInt8](repeating: 0x80, count: 40) + [0x01, 0x90, 1]
    #expect(
      try scan(header(1) + object(7, huge.count, base: [UInt8](repeating: 1, count: 20), huge), pieces: pieces).scanner
        .largestObject == .max)
  }

  @Test func `Ids are as long as the object format has them`() throws {
    let delta: [UInt8] = [0xac, 0x02, 0xf0, 0xa2, 0x04, 0x90, 1]
    let body = header(1) + object(7, delta.count, base: [UInt8](repeating: 0xff, count: 32), delta)
    let scanner = try PackScanner(idBytes: 32)
    let passed = (body + [UInt8](1...32)).withUnsafeBytes { scanner.scan($0) }
    #expect((passed, scanner.largestObject, scanner.trailer) == (body.count, 70_000, [UInt8](1...32)))
  }

  @Test func `A large object is known by its head`() throws {
    let (scanner, _) = try scan(header(1) + Array(object(3, 40_000_000, []).prefix(6)), pieces: 1)
    #expect(scanner.largestObject == 40_000_000)
  }

  @Test func `An empty pack has its trailer right away`() throws {
    let (scanner, passed) = try scan(header(0) + trailer, pieces: 5)
    #expect((passed, scanner.trailer) == (header(0), trailer))
  }

  @Test(arguments: [
    bytes("no pack at all, but something of some length"), bytes("PACK") + [UInt8](repeating: 0xff, count: 100),
    bytes("PACK") + [0, 0, 0, 2, 0, 0, 0, 1, 0x35] + bytes("no zlib stream"),
  ])
  func `What is no pack passes as it is`(input: [UInt8]) throws {
    for pieces in [1, 1000] {
      let (scanner, passed) = try scan(input, pieces: pieces)
      #expect(passed == input)
      #expect(scanner.strayBytes == 0 && scanner.trailer.isEmpty)
    }
  }
}

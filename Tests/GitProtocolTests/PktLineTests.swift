import GitProtocol
import Testing

@Suite struct PktLineTests {
  @Test(arguments: [("", "0004"), ("a", "0005a"), ("hello\n", "000ahello\n")])
  func `A payload gets its length in front`(payload: String, line: String) {
    #expect(text(packet(payload)) == line)
  }

  @Test func `The largest payload makes a line of 65,520 bytes`() {
    var output: [UInt8] = []
    PktLine.append(repeatElement(7, count: PktLine.maxPayloadBytes), to: &output)
    #expect(text(output.prefix(4)) == "fff0")
    #expect(output.count == PktLine.maxLineBytes)
  }

  @Test func `A larger payload is the caller's mistake`() async {
    await #expect(processExitsWith: .failure) {
      var output: [UInt8] = []
      PktLine.append(repeatElement(7, count: PktLine.maxPayloadBytes + 1), to: &output)
    }
  }

  @Test(arguments: [
    ("0000", PktLine.Prefix.flush), ("0001", .delimiter), ("0002", .responseEnd), ("0004", .data(payloadBytes: 0)),
    ("000a", .data(payloadBytes: 6)), ("00Ff", .data(payloadBytes: 251)), ("FFF0", .data(payloadBytes: 65_516)),
  ])
  func `A prefix is read in either case`(digits: String, prefix: PktLine.Prefix) throws {
    #expect(try PktLine.decodePrefix(number(digits)) == prefix)
  }

  @Test(arguments: [
    ("0003", PktLineError.badLength(3)), ("fff1", .badLength(65_521)), ("ffff", .badLength(65_535)),
    ("PACK", .notHexadecimal), ("00 4", .notHexadecimal), ("+004", .notHexadecimal), ("000\n", .notHexadecimal),
  ])
  func `A bad prefix is refused`(digits: String, error: PktLineError) {
    #expect(throws: error) { try PktLine.decodePrefix(number(digits)) }
  }

  @Test func `A reader gives the packets in order and keeps a cut one`() throws {
    let stream = packet("one") + PktLine.delimiter + packet("") + PktLine.flush + PktLine.responseEnd
    let whole: [PktLine.Packet] = [.data(bytes("one")[...]), .delimiter, .data([]), .flush, .responseEnd]
    #expect(try packets(stream).packets == whole)
    for count in stream.indices {
      let read = try packets(Array(stream[..<count]))
      #expect(read.packets == Array(whole.prefix(read.packets.count)))
      #expect(read.packets.count < whole.count)
      #expect(stream[..<count].suffix(read.rest.count).elementsEqual(read.rest))
    }
  }

  @Test func `A long sideband payload becomes several packets`() throws {
    let payload = Array(repeating: UInt8(9), count: 2 * Sideband.maxPayloadBytes + 1)
    let read = try packets(packet(.progress, payload))
    let sizes = read.packets.map { if case .data(let line) = $0 { line.count } else { 0 } }
    #expect(sizes == [65_516, 65_516, 2])
    #expect(packet(.data, []).isEmpty)
  }

  private func number(_ digits: String) -> UInt32 { digits.utf8.reduce(0) { $0 << 8 | UInt32($1) } }
}

import GatewayTestSupport
import HTTPCore
import Testing

/// Whatever a peer sends, nothing traps and nothing is read beyond its end.
@Suite
struct RandomInputTests {
  private static let alphabet = Array("\r\n\r\n\t :;,/?#@*.0123456789afGETHTP/1.1\u{0}".utf8) + [0x7f, 0x80, 0xff]

  private func mutated(_ text: String, _ generator: inout SplitMix64) -> [UInt8] {
    var bytes = Array(text.utf8)
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let position = Int.random(in: 0..<bytes.count, using: &generator)
      switch Int.random(in: 0..<3, using: &generator) {
      case 0: bytes[position] = Self.alphabet.randomElement(using: &generator) ?? 0
      case 1: bytes.insert(Self.alphabet.randomElement(using: &generator) ?? 0, at: position)
      default: if bytes.count > 1 { bytes.remove(at: position) }
      }
    }
    return bytes
  }

  private func read(_ bytes: [UInt8]) {
    let request = { (bytes: UnsafeRawBufferPointer) throws(HTTPParseError) in try RequestHead(parsing: bytes) }
    let response = { (bytes: UnsafeRawBufferPointer) throws(HTTPParseError) in
      try ResponseHead(parsing: bytes, to: .get)
    }
    if let head = (try? parse(bytes, request))?.head {
      #expect(head.target.hasPrefix("/") || head.target == "*")
      head.fields.forEach { name, value in
        #expect(name.allSatisfy(Grammar.isToken) && value.allSatisfy(Grammar.isFieldContent))
      }
    }
    if let head = (try? parse(bytes, response))?.head { #expect((100...599).contains(head.status)) }
  }

  @Test func `random heads`() {
    var generator = SplitMix64(state: 1)
    for _ in 0..<20_000 {
      let count = Int.random(in: 1...60, using: &generator)
      let body = (0..<count).map { _ in Self.alphabet.randomElement(using: &generator) ?? 0 }
      read(body + Array("\r\n\r\n".utf8))
    }
  }

  @Test func `good heads with a few bytes changed`() {
    var generator = SplitMix64(state: 2)
    for example in RequestHeadTests.cases {
      for _ in 0..<500 { read(mutated(example.text + "\r\n", &generator)) }
    }
    for example in ResponseHeadTests.cases {
      for _ in 0..<500 { read(mutated(example.text + "\r\n", &generator)) }
    }
  }

  @Test func `random chunks`() {
    var generator = SplitMix64(state: 3)
    for _ in 0..<20_000 {
      let bytes = mutated("5;a=b\r\nhello\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n", &generator)
      withBytes(of: bytes) { bytes in
        var decoder = BodyDecoder(.chunked)
        var position = 0
        while let run = try? decoder.next(in: bytes, at: &position) { #expect(!run.isEmpty) }
        #expect(position <= bytes.count)
      }
    }
  }

  @Test func `random text is percent-decoded or not`() {
    var generator = SplitMix64(state: 4)
    for _ in 0..<5_000 {
      let text = String((0..<12).map { _ in "%%0123abcxyz".randomElement(using: &generator) ?? "%" })
      if let plain = PercentCoding.decode(text) { #expect(PercentCoding.decode(PercentCoding.encode(plain)) == plain) }
    }
  }
}

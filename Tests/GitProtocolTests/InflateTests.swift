import GatewayTestSupport
import GitProtocol
import Testing

@Suite struct InflateTests {
  private let content = SplitMix64(state: 1).first(70_000)

  @Test func `A stream is inflated whole`() throws {
    #expect(try Inflate.whole(gzipped(content)[...], limit: 70_000) == content)
    #expect(try Inflate.whole(gzipped([])[...], limit: 0).isEmpty)
    #expect(try Inflate.whole(gzipBomb[...], limit: 100_000) == Array(repeating: 0, count: 100_000))
  }

  @Test func `The result does not depend on where the input is split`() throws {
    let small = gzipped(bytes("command=fetch and some more"))
    for border in 0...small.count {
      var output: [UInt8] = []
      let inflate = try Inflate(limit: 100)
      try inflate.feed(small[..<border], into: &output)
      #expect(inflate.isFinished == (border == small.count))
      try inflate.feed(small[border...], into: &output)
      try inflate.finish()
      #expect(text(output) == "command=fetch and some more")
    }
  }

  @Test func `A stream cut anywhere is truncated`() {
    let small = gzipped(bytes("0123456789"))
    for count in small.indices {
      #expect(throws: InflateError.truncated) { try Inflate.whole(small[..<count], limit: 100) }
    }
  }

  @Test func `A bomb stops at the limit`() throws {
    for limit in [0, 1, 16_384, 65_536, 99_999] {
      var output: [UInt8] = []
      let inflate = try Inflate(limit: limit)
      #expect(throws: InflateError.tooLarge(limit: limit)) { try inflate.feed(gzipBomb[...], into: &output) }
      #expect(output.count == limit)
    }
  }

  @Test func `Damage and stray bytes are corruption`() {
    let good = gzipped(bytes("0123456789"))
    var wrongSum = good
    wrongSum[good.count - 8] ^= 1
    for bad in [wrongSum, good + [0], good + good, bytes("not gzip at all"), [0x78, 0x9c, 3, 0, 0, 0, 0, 1]] {
      #expect(throws: InflateError.corrupt) { try Inflate.whole(bad[...], limit: 1_000) }
    }
  }

  @Test func `Random bytes never trap`() {
    var generator = SplitMix64(state: 2)
    for _ in 0..<2_000 {
      var input = gzipBomb
      for _ in 0..<3 {
        input[Int.random(in: 10..<input.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      _ = try? Inflate.whole(input[...], limit: 10_000)
      _ = try? Inflate.whole(generator.bytes(40)[...], limit: 10_000)
    }
  }
}

extension SplitMix64 {
  fileprivate func first(_ count: Int) -> [UInt8] {
    var copy = self
    return copy.bytes(count)
  }
}

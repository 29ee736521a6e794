import FoundationEssentials
import HTTPCore
import Testing

struct Base64Tests {
  // RFC 4648 section 10.
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
    ("foobar", "Zm9vYmFy"),
  ])
  func `the examples of its standard`(plain: String, coded: String) {
    #expect(Base64.encode(plain.utf8) == coded)
    #expect(Base64.decode(coded.utf8) == Array(plain.utf8))
  }

  @Test func `each alphabet has its own last two digits, and one alone has padding`() {
    #expect(Base64.encode([0xfb, 0xff]) == "+/8=")
    #expect(Base64.encode([0xfb, 0xff], .url) == "-_8")
    #expect(Base64.decode("+/8=".utf8) == [0xfb, 0xff])
    #expect(Base64.decode("-_8".utf8, .url) == [0xfb, 0xff])
  }

  @Test(arguments: ["-_9", "-_8=", "+/8", "A", "AAAAA", "AA\n", " AA", "A-", "é"])
  func `no second text means the same in URLs`(text: String) { #expect(Base64.decode(text.utf8, .url) == nil) }

  @Test(arguments: ["Zg", "Zg=", "Zh==", "Zg===", "Zg==Zg==", "Z===", "====", "-_8=", "Zm9\n", " Zm9v", "Zm8=\n\n\n\n"])
  func `no second text means the same elsewhere`(text: String) { #expect(Base64.decode(text.utf8) == nil) }

  @Test func `bytes of all lengths are coded as elsewhere, and come back`() {
    for count in 0..<131 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
      #expect(Base64.encode(bytes) == Data(bytes).base64EncodedString())
      #expect(Base64.decode(Base64.encode(bytes).utf8) == bytes)
      #expect(Base64.decode(Base64.encode(bytes, .url).utf8, .url) == bytes)
    }
  }
}

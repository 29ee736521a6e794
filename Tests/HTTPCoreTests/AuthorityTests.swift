import HTTPCore
import Testing

@Suite
struct AuthorityTests {
  @Test(
    arguments: [
      ("a", "a", nil), ("A.Example:80", "a.example", 80), ("[::1]:7080", "::1", 7080),
      ("[::FFFF:1.2.3.4]", "::ffff:1.2.3.4", nil),
      ("127.0.0.1:", "127.0.0.1", nil), ("a:0", "a", 0),
    ] as [(String, String, UInt16?)])
  func `a host and a port`(_ text: String, _ host: String, _ port: UInt16?) throws {
    let authority = try #require(Authority(text))
    #expect(authority.host == host)
    #expect(authority.port == port)
    #expect(authority.isBracketed == text.hasPrefix("["))
  }

  @Test(arguments: ["", ":80", "a b", "a:65536", "a:-1", "[", "[]", "[::1", "u@a", "a/b", "ä", "a%41", "a:b"])
  func `anything else is none`(_ text: String) { #expect(Authority(text) == nil) }
}

import GitProtocol
import Testing

@Suite struct GitErrorTests {
  @Test func `An error before sideband is an ERR line`() {
    #expect(text(GitError.errPacket("no repo")) == "0022ERR artifacts-gateway: no repo")
  }

  @Test func `An error in sideband is a line in band 3`() {
    #expect(text(GitError.bandThree("no repo")) == "001f\u{3}artifacts-gateway: no repo")
  }

  @Test(arguments: [
    ("plain", "plain"), ("a\nb\r\tc", #"a\nb\r\tc"#), ("\u{1b}[31m", #"\u{1b}[31m"#), ("\0", #"\u{0}"#),
    ("\u{7f}\u{9b}", #"\u{7f}\u{9b}"#), ("\u{202e}abc\u{2028}", #"\u{202e}abc\u{2028}"#), ("é 漢 🦉", "é 漢 🦉"),
  ])
  func `Control characters are escaped`(dirty: String, clean: String) {
    #expect(GitError.sanitised(dirty) == clean)
  }

  @Test(arguments: ["a", "é", "漢", "🦉", "\n", "a🦉"])
  func `A long text is cut between characters`(unit: String) {
    let cut = GitError.sanitised(String(repeating: unit, count: 2_000))
    #expect(cut.utf8.count <= GitError.maxTextBytes)
    #expect(cut.utf8.count > GitError.maxTextBytes - 16)
    #expect(cut.hasSuffix("..."))
    #expect(!cut.contains("\u{fffd}"))
  }

  @Test func `A text of exactly the limit stays whole`() {
    let exact = String(repeating: "x", count: GitError.maxTextBytes)
    #expect(GitError.sanitised(exact) == exact)
  }
}

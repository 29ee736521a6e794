import HTTPCore
import Testing

@Suite
struct CodingTests {
  @Test(arguments: [
    (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
    (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
    (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
  ])
  func `a date is written and read`(_ seconds: Int, _ text: String) {
    #expect(HTTPDate.format(seconds) == text)
    #expect(HTTPDate.parse(text) == seconds)
  }

  @Test func `every day for four centuries comes back`() {
    for day in stride(from: 0, to: 146_097, by: 1) {
      let seconds = day * 86_400 + day % 86_400
      #expect(HTTPDate.parse(HTTPDate.format(seconds)) == seconds)
    }
  }

  @Test(arguments: [
    "", "Sun, 06 Nov 1994", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1969 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
    "Sun, 06 Nov 1994 08:49:x GMT", "Sun, 06 Nov 1994 08:49:37:x GMT", "Sun, +6 Nov 1994 08:49:37 GMT",
    "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 Nov 1994 +8:49:37 GMT",
    " Sun, 06 Nov 1994 08:49:37 GMT", "Sun,  06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
    "Sun  06 Nov 1994 08:49:37 GMT", "Son, 06 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
    "Sun, 29 Feb 1900 08:49:37 GMT", "Sun, 29 Feb 2023 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 0994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994T08:49:37 GMT",
    "Sun, 06 Nov 1994 08.49.37 GMT", "Sun, 0\u{663} Nov 1994 08:49:3 GMT",
    "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
  ])
  func `another form of date is none`(_ text: String) { #expect(HTTPDate.parse(text) == nil) }

  @Test(arguments: [("a-b._~9Z", "a-b._~9Z"), ("a b/c?d", "a%20b%2Fc%3Fd"), ("ä%", "%C3%A4%25"), ("", "")])
  func `percent-encoding and back`(_ plain: String, _ encoded: String) {
    #expect(PercentCoding.encode(plain) == encoded)
    #expect(PercentCoding.decode(encoded) == plain)
  }

  @Test(arguments: [("%2f%2F", "//"), ("a+b", "a+b"), ("%7e", "~")])
  func `either case of digit is decoded, a plus stays`(_ encoded: String, _ plain: String) {
    #expect(PercentCoding.decode(encoded) == plain)
  }

  @Test(arguments: [("a+b%2B", "a b+"), ("%00+", "\0 ")])
  func `a plus may be a blank and a NUL may be kept, if the caller says so`(_ encoded: String, _ plain: String) {
    #expect(PercentCoding.decode(encoded, plusIsBlank: true, allowsNUL: true) == plain)
  }

  @Test(arguments: ["%", "a%", "%4", "%4x", "%x4", "%%20", "%00", "%ff", "%c3", "%ed%a0%80"])
  func `a broken sequence is not decoded`(_ text: String) { #expect(PercentCoding.decode(text) == nil) }
}

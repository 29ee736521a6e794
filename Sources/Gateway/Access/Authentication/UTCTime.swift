import EventLoop
import Glibc

/// Moments in UTC as RFC 3339 writes them, to the second: `2027-01-31T00:00:00Z`.
package enum UTCTime {
  /// Seconds since 1970, or nil for another text, and for days that there are not.
  package static func seconds(_ text: some StringProtocol) -> Int? {
    let bytes = Array(text.utf8)
    let form = Array("dddd-dd-ddTdd:dd:ddZ".utf8)
    guard bytes.count == form.count else { return nil }
    for (byte, wanted) in zip(bytes, form) {
      guard wanted == UInt8(ascii: "d") ? (0x30...0x39).contains(byte) : byte == wanted else { return nil }
    }
    func number(_ range: Range<Int>) -> Int { bytes[range].reduce(0) { $0 * 10 + Int($1 - 0x30) } }
    var parts = tm()
    parts.tm_year = CInt(number(0..<4) - 1900)
    parts.tm_mon = CInt(number(5..<7) - 1)
    parts.tm_mday = CInt(number(8..<10))
    parts.tm_hour = CInt(number(11..<13))
    parts.tm_min = CInt(number(14..<16))
    parts.tm_sec = CInt(number(17..<19))
    let seconds = timegm(&parts)
    // What timegm(3) has carried over comes out as another text.
    return self.text(seconds).utf8.elementsEqual(bytes) ? seconds : nil
  }

  package static func text(_ seconds: Int) -> String {
    let time = CalendarTime(secondsSince1970: seconds)
    func digits(_ number: Int, _ count: Int = 2) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, count - text.count)) + text
    }
    return "\(digits(time.year, 4))-\(digits(time.month))-\(digits(time.day))T"
      + "\(digits(time.hour)):\(digits(time.minute)):\(digits(time.second))Z"
  }
}

/// Dates in HTTP's preferred form, IMF-fixdate (RFC 9110 section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
package enum HTTPDate {
  private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// - Parameter seconds: since 1970 UTC, not negative.
  package static func format(_ seconds: Int) -> String {
    let day = seconds / 86_400
    let (year, month, date) = civil(day)
    let time = seconds % 86_400
    let clock = "\(two(time / 3600)):\(two(time / 60 % 60)):\(two(time % 60))"
    return "\(days[day % 7]), \(two(date)) \(months[month - 1]) \(year) \(clock) GMT"
  }

  /// Seconds since 1970 UTC, or nil when the text is not of exactly this form or names a day that is not in the calendar.
  /// Whether the day of the week is that day's is not checked.
  package static func parse(_ text: String) -> Int? {
    let bytes = Array(text.utf8)
    guard bytes.count == 29, let year = number(bytes[12..<16]), let date = number(bytes[5..<7]),
      let hour = number(bytes[17..<19]), let minute = number(bytes[20..<22]), let second = number(bytes[23..<25]),
      let month = months.firstIndex(where: { bytes[8..<11].elementsEqual($0.utf8) }),
      days.contains(where: { bytes[..<3].elementsEqual($0.utf8) }), bytes[3] == UInt8(ascii: ","),
      [4, 7, 11, 16, 25].allSatisfy({ bytes[$0] == 0x20 }), bytes[19] == UInt8(ascii: ":"),
      bytes[22] == UInt8(ascii: ":"), bytes[26...].elementsEqual("GMT".utf8)
    else { return nil }
    // A leap second is one.
    guard year >= 1970, hour <= 23, minute <= 59, second <= 60 else { return nil }
    let day = dayNumber(year, month + 1, date)
    guard date >= 1, civil(day) == (year, month + 1, date) else { return nil }
    return day * 86_400 + hour * 3600 + minute * 60 + second
  }

  /// The value of digits, and of nothing else.
  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    guard digits.allSatisfy(Grammar.isDigit) else { return nil }
    return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  /// Days since 1970 in the proleptic Gregorian calendar; March is taken as the year's first month, so that the leap day
  /// comes last.
  private static func dayNumber(_ year: Int, _ month: Int, _ date: Int) -> Int {
    let shifted = month <= 2 ? year - 1 : year
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + date - 1
    return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
  }

  private static func civil(_ day: Int) -> (year: Int, month: Int, date: Int) {
    let shifted = day + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthIndex = (5 * dayOfYear + 2) / 153
    let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * monthIndex + 2) / 5 + 1)
  }
}

/// What names one request in the log and to its client: six hexadecimal digits, written out only where they are wanted.
struct RequestID: CustomStringConvertible {
  let number: UInt32

  var description: String {
    let digits = String(number & 0xff_ffff, radix: 16)
    return String(repeating: "0", count: 6 - digits.count) + digits
  }
}

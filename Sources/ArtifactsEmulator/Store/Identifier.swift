/// Fresh names for things, from the system's random source (`getrandom(2)`), so that none can be guessed.
enum Identifier {
  private static let alphabet = Array("0123456789abcdefghijklmnopqrstuvwxyz".utf8)
  private static let hexDigits = Array("0123456789abcdef".utf8)

  /// Sixteen lower-case alphanumerics, as the service names repos and tokens.
  static func fresh() -> String { text(16, of: alphabet) }

  /// The secret part of a git token: `art_v2_<letter>_` and forty hex digits (160 random bits).
  static func freshSecret(for jurisdiction: Jurisdiction) -> String {
    "art_v2_\(jurisdiction.tokenLetter)_" + text(40, of: hexDigits)
  }

  private static func text(_ count: Int, of digits: [UInt8]) -> String {
    var generator = SystemRandomNumberGenerator()
    return String(
      decoding: (0..<count).map { _ in digits[Int.random(in: 0..<digits.count, using: &generator)] }, as: UTF8.self)
  }
}

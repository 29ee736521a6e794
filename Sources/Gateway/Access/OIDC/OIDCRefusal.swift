/// Why an ID token is not accepted.
package struct OIDCRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  /// What clients are told, whatever the reason: nobody learns from it how to make a better forgery.
  package static let clientText = "the ID token is not accepted"

  /// The longest piece of a token that a reason holds, characters.
  private static let longestQuote = 200

  /// For the log. May hold text of the token; whoever prints it escapes it.
  package let reason: String
  /// The token may be good: the keys to check it could not be had.
  package let isOutage: Bool

  package init(_ reason: String, isOutage: Bool = false) {
    self.reason = reason
    self.isOutage = isOutage
  }

  package var description: String { reason }

  /// A piece of a token as reasons quote it.
  static func quote(_ text: String) -> String { "\"\(text.prefix(longestQuote))\"" }
}

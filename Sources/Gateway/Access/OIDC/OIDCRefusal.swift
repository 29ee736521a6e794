/// Why an ID token is not accepted. Clients are never told: nobody is to learn how to make a better forgery.
package struct OIDCRefusal: Error, Hashable, Sendable, CustomStringConvertible {
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

package import HTTPTransport

/// Where the API is and how to call it.
package struct APIEndpoint: Sendable {
  /// `https://api.cloudflare.com/client/v4` or its stand-in.
  package var base: OriginURL
  package var accountID: String
  /// Asked before each call, so that a rotated token is picked up. Nil when there is none.
  package var token: @Sendable () -> Secret?
  /// How long an answer may take to begin.
  package var firstByte = Duration.seconds(30)
  /// The same for forks and imports, which answer only when the copy is made: more than a minute has been seen.
  package var copyFirstByte = Duration.seconds(300)

  package init(base: OriginURL, accountID: String, token: @escaping @Sendable () -> Secret?) {
    self.base = base
    self.accountID = accountID
    self.token = token
  }
}

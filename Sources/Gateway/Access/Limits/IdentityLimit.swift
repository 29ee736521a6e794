/// How much each of some identities may do. Nil is as much as he likes.
package struct IdentityLimit: Hashable, Sendable {
  /// As in a rule.
  package var who: [String]
  package var requestsPerSecond: Int?
  /// Requests at once after a rest; at least one.
  package var burst = 1
  /// Fetches and pushes at once.
  package var transfers: Int?
  /// Bytes of requests and answers, both ways together, from midnight to midnight UTC.
  package var bytesPerDay: Int?

  package init(who: [String]) { self.who = who }
}

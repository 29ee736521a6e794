/// Where imports may come from, and how long one may take.
package struct ImportRule: Sendable {
  /// The service takes HTTPS only. Tests have their sources on this machine, in the clear.
  package var allowsLoopbackHTTP: Bool
  /// For each of the two talks with the source.
  package var timeLimit: Duration

  package init(allowsLoopbackHTTP: Bool = false, timeLimit: Duration = .seconds(600)) {
    self.allowsLoopbackHTTP = allowsLoopbackHTTP
    self.timeLimit = timeLimit
  }
}

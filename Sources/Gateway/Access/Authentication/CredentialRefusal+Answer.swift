import HTTPTransport

extension ProxyError {
  /// What somebody is told who is not taken for who he says he is: not why, which is for the log.
  /// - Parameter isAsking: credentials in a field would be taken.
  init(_ refusal: CredentialRefusal, isAsking: Bool) {
    switch refusal.kind {
    case .missing, .wrong:
      let text =
        if !isAsking {
          "this address serves only those whom it knows by their certificate or their Unix user"
        } else if refusal.kind == .missing {
          "this gateway wants to know who you are: send a token or a password that its operator gave you"
        } else {
          "the credentials are not accepted; ask the operator of this gateway for others"
        }
      // Nothing that could be sent would change it: no status that asks for it.
      self.init(isAsking ? .unauthenticated : .forbidden, status: isAsking ? 401 : 403, text)
      isRoutine = refusal.kind == .missing
    case .limited(let seconds):
      self.init(
        .tooManyFailures, status: 429, "too many wrong credentials came from this address; retry in \(seconds) s",
        retryAfter: .seconds(seconds))
    case .busy:
      self.init(
        .busy, status: 503, "busy: credentials cannot be checked just now; retry in 2 s", retryAfter: .seconds(2))
    case .ambiguous: self.init(.badRequest, status: 400, "more than one Authorization field")
    }
    reason = refusal.reason
  }
}

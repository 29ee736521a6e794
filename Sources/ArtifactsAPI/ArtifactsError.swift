package import HTTPTransport

/// A call to the Artifacts API that did not succeed.
package struct ArtifactsError: Error, Sendable, CustomStringConvertible {
  package enum Kind: Sendable {
    /// The service answered with an error. `code` is its number (10200, 10201, ...) where it sent one.
    case refused(status: Int, code: Int?, pointer: String?)
    /// The service could not be reached, or broke off.
    case unreachable(TransportError)
    /// An answer that is no answer: HTML, broken JSON, an unexpected shape. The status is kept.
    case unreadable(status: Int)
    /// There is no API token to call with.
    case noCredentials
    /// The service was not asked at all: it has had enough for now.
    case notAsked
  }

  package let kind: Kind
  /// One line for a person: the service's own message where it sent one.
  package let message: String
  /// How long the service asked to be left alone.
  package let retryAfter: Duration?

  package init(_ kind: Kind, _ message: String, retryAfter: Duration? = nil) {
    self.kind = kind
    self.message = message
    self.retryAfter = retryAfter
  }

  package init(_ error: TransportError) { self.init(.unreachable(error), "\(error)") }

  package var description: String { message }

  /// The HTTP status of the answer, if there was one.
  package var status: Int? {
    switch kind {
    case .refused(let status, _, _), .unreadable(let status): status
    case .unreachable, .noCredentials, .notAsked: nil
    }
  }

  package var code: Int? {
    if case .refused(_, let code, _) = kind { return code }
    return nil
  }

  /// The repo, namespace or token does not exist.
  package var isNotFound: Bool { status == 404 && code != nil }

  /// It already exists (10201).
  package var isAlreadyThere: Bool { code == 10201 }

  /// Another try may succeed where this one failed, if the call may be made twice.
  var isTransient: Bool {
    switch kind {
    // Whoever has waited for an answer as long as one may take is not made to wait twice more.
    case .unreachable(let error): error != .timedOut
    case .refused(let status, let code, _):
      status == 429 || status == 503 || status == 502 || status == 504
        || (status == 409 && (code == 10301 || code == 10302 || code == 10303))
    case .unreadable(let status): status == 429 || status >= 500
    case .noCredentials, .notAsked: false
    }
  }
}

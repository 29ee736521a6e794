/// A service of smart HTTP, with the names it goes by on the wire.
///
/// Source: gitprotocol-http, smart server response and smart services.
package enum Service: String, CaseIterable, Sendable {
  /// Fetch and clone.
  case uploadPack = "git-upload-pack"
  /// Push.
  case receivePack = "git-receive-pack"

  /// The service for a `service=` query value or the last part of a path, in the exact spelling of the wire.
  package init?(wireName: some StringProtocol) { self.init(rawValue: String(wireName)) }

  /// `git-upload-pack` or `git-receive-pack`.
  package var wireName: String { rawValue }

  /// Content type of the reply to `GET info/refs?service=`.
  package var advertisementContentType: String {
    switch self {
    case .uploadPack: "application/x-git-upload-pack-advertisement"
    case .receivePack: "application/x-git-receive-pack-advertisement"
    }
  }

  /// Content type of the body of the POST request.
  package var requestContentType: String {
    switch self {
    case .uploadPack: "application/x-git-upload-pack-request"
    case .receivePack: "application/x-git-receive-pack-request"
    }
  }

  /// Content type of the reply to that POST request.
  package var resultContentType: String {
    switch self {
    case .uploadPack: "application/x-git-upload-pack-result"
    case .receivePack: "application/x-git-receive-pack-result"
    }
  }
}

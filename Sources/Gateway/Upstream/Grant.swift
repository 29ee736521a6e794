import ArtifactsAPI
import GitProtocol
import HTTPTransport
import Synchronization

/// All that a request needs to go upstream: where, and with which token.
struct Grant {
  let remote: Remote
  let token: Token
  /// The value of `Authorization`.
  let authorization: String
  let authority: String
  private let advertisementTarget: String
  private let serviceTarget: String

  init(remote: Remote, token: Token, service: Service) {
    self.remote = remote
    self.token = token
    authorization = "Bearer \(token.secret.exposed)"
    authority = remote.url.origin.authority
    advertisementTarget = "\(remote.url.path)/info/refs?service=\(service.wireName)"
    serviceTarget = "\(remote.url.path)/\(service.wireName)"
  }

  func target(_ operation: GitRoute.Operation) -> String {
    switch operation {
    case .advertisement: advertisementTarget
    case .service: serviceTarget
    }
  }
}

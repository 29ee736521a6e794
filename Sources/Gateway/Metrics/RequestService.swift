import GitProtocol

/// What a request is about: a label of metrics and a word of the log.
enum RequestService: String, CaseIterable, Sendable {
  case uploadPack = "upload-pack"
  case receivePack = "receive-pack"
  /// Advertisements.
  case refs
  case api
  /// The gateway's own pages, and what is nothing of all this.
  case ops

  init(_ operation: GitRoute.Operation, _ service: Service) {
    self = operation == .advertisement ? .refs : service == .uploadPack ? .uploadPack : .receivePack
  }

  /// Its place among all.
  var index: Int {
    switch self {
    case .uploadPack: 0
    case .receivePack: 1
    case .refs: 2
    case .api: 3
    case .ops: 4
    }
  }
}

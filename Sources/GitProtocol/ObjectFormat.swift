/// The hash function that names the objects of a repository. Source: gitprotocol-v2, object-format.
package enum ObjectFormat: String, Sendable {
  case sha1, sha256

  /// Hexadecimal digits of an object id.
  package var idDigits: Int {
    switch self {
    case .sha1: 40
    case .sha256: 64
    }
  }
}

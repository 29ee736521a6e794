/// An error as the service words it: status, code, message and, for a field, a pointer to it.
package struct APIFault: Error, Sendable, Equatable {
  package let status: Int
  package let code: Int
  package let message: String
  /// `/{field}`, for body fields, query parameters and path parameters alike.
  package var pointer: String?

  private static let documentation = "https://developers.cloudflare.com/artifacts/api/errors#"

  var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init(name: "code", value: .integer(code)), .init(name: "message", value: .string(message)),
    ]
    // Only the service's own codes are documented there; 10000 comes from the layer in front of it.
    if code >= 10100 {
      members.append(.init(name: "documentation_url", value: .string("\(Self.documentation)\(code)")))
    }
    if let pointer {
      members.append(.init(name: "source", value: .members(["pointer": .string(pointer)])))
    }
    return .object(members)
  }

  // MARK: Known ones

  static let notAuthenticated = APIFault(status: 401, code: 10000, message: "Authentication error")
  static let internalError = APIFault(status: 500, code: 10400, message: "An internal error occurred.")
  static let corrupt = APIFault(status: 500, code: 10400, message: "A stored git object is corrupt.")
  static let memoryLimit = APIFault(status: 413, code: 10402, message: "The result is too large to hold in memory.")
  static let objectHash = invalid("Invalid SHA-1 hash", at: "hash")
  static let tooLarge = APIFault(status: 413, code: 10100, message: "Request body too large")
  static let repoName = APIFault(
    status: 400, code: 10101, message: "Invalid repo name: must match /^[a-zA-Z0-9][a-zA-Z0-9._-]*$/", pointer: "/name")
  static let namespaceName = invalid("Invalid namespace name", at: "namespace")
  static let lifetime = APIFault(
    status: 400, code: 10103, message: "ttl must be between 60 and 31536000 seconds", pointer: "/ttl")

  /// 10100 about one field; `field` is its name without the slash.
  static func invalid(_ message: String, at field: String?) -> APIFault {
    APIFault(status: 400, code: 10100, message: message, pointer: field.map { "/\($0)" })
  }

  static func wrongKind(_ found: String, expected: String, at field: String?) -> APIFault {
    invalid("Invalid input: expected \(expected), received \(found)", at: field)
  }

  static func notAnOption(_ options: [String], at field: String) -> APIFault {
    invalid("Invalid option: expected one of \(options.map { "\"\($0)\"" }.joined(separator: "|"))", at: field)
  }

  static func notFound(_ what: String) -> APIFault { APIFault(status: 404, code: 10200, message: "\(what) not found") }
  static func exists(_ message: String) -> APIFault { APIFault(status: 409, code: 10201, message: message) }

  /// How the service words what the store could not do.
  init(_ error: StoreError) {
    self =
      switch error {
      case .namespaceNotFound: .notFound("Namespace")
      case .namespaceExists: .exists("Namespace already exists")
      case .repoNotFound: .notFound("Repository")
      case .repoExists(let name): .exists("repo already exists: \(name)")
      case .tokenNotFound: .notFound("Token")
      // Never recorded; the codes are documented.
      case .notReady(.importing):
        APIFault(status: 409, code: 10302, message: "Repository import is still in progress")
      case .notReady: APIFault(status: 409, code: 10303, message: "Repository fork is still in progress")
      case .inUse, .damaged, .system: .internalError
      }
  }

  init(status: Int, code: Int, message: String, pointer: String? = nil) {
    self.status = status
    self.code = code
    self.message = message
    self.pointer = pointer
  }
}

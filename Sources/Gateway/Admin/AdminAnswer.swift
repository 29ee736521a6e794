/// What a call answers with when all is well.
enum AdminAnswer: Sendable {
  /// JSON of a schema of the document, with a `Location` or without.
  case json(Int, AdminSchema, location: Bool = false)
  /// The same, or one value of `line` a line for who asks for `application/x-ndjson`.
  case listing(AdminSchema, line: AdminSchema)
  /// The bytes of a file, of any type.
  case bytes
  /// 204.
  case nothing
  /// 200 and any JSON object.
  case object

  var status: Int {
    switch self {
    case .json(let status, _, _): status
    case .listing, .bytes, .object: 200
    case .nothing: 204
    }
  }
}

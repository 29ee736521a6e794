/// The JSON object in a request's body, with the checks and the wording of the service's validator. Unknown fields are
/// ignored, as the service does.
struct BodyFields {
  private let object: JSONValue

  /// Throws 10100 for what is not JSON, or not an object. A content type may be missing but must not say otherwise.
  init(_ request: APIRequest) throws(APIFault) {
    if let type = request.contentType {
      let essence = type.prefix { $0 != ";" }.filter { $0 != " " }.lowercased()
      guard essence == "application/json" else { throw .invalid("Content-Type must be application/json", at: nil) }
    }
    guard let value = JSONValue(parsing: request.body) else {
      throw .invalid("Malformed JSON in request body", at: nil)
    }
    guard case .object = value else { throw .wrongKind(value.kind, expected: "object", at: nil) }
    object = value
  }

  /// Returns nil when the field is not there.
  func string(_ name: String) throws(APIFault) -> String? {
    switch object[name] {
    case nil: return nil
    case .string(let text): return text
    case .some(let other): throw .wrongKind(other.kind, expected: "string", at: name)
    }
  }

  func requiredString(_ name: String) throws(APIFault) -> String {
    guard let text = try string(name) else { throw .wrongKind("undefined", expected: "string", at: name) }
    return text
  }

  func bool(_ name: String) throws(APIFault) -> Bool? {
    switch object[name] {
    case nil: return nil
    case .bool(let value): return value
    case .some(let other): throw .wrongKind(other.kind, expected: "boolean", at: name)
    }
  }

  func integer(_ name: String) throws(APIFault) -> Int? {
    switch object[name] {
    case nil: return nil
    case .integer(let value): return value
    case .number: throw .wrongKind("number", expected: "int", at: name)
    case .some(let other): throw .wrongKind(other.kind, expected: "number", at: name)
    }
  }

  /// A name that the service checks by itself, before its validator: what is missing or of another kind is just wrong.
  func name(_ field: String) -> String? {
    guard case .string(let text)? = object[field] else { return nil }
    return text
  }

  /// One of `options`; nil when the field is not there.
  func option<Option: RawRepresentable>(_ name: String, of options: [Option]) throws(APIFault) -> Option?
  where Option.RawValue == String {
    guard let value = object[name] else { return nil }
    guard case .string(let text) = value, let option = options.first(where: { $0.rawValue == text }) else {
      throw .notAnOption(options.map(\.rawValue), at: name)
    }
    return option
  }
}

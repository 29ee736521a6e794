import HTTPCore
import HTTPTransport

/// The body of a call: one flat JSON object whose fields are known by name, read strictly.
struct AdminBody {
  /// The longest body, bytes.
  private static let limit = 1 << 20

  private let values: [String: FlatJSON.Value]

  /// Reads the body of a request. A request without one gives no fields.
  /// - Parameter fields: the names that the call knows.
  static func read(_ exchange: ServerExchange, _ fields: Set<String>) async throws(Problem) -> AdminBody {
    guard exchange.request.framing != .none else { return AdminBody(values: [:]) }
    guard isJSON(exchange.request.fields[.contentType]) else {
      throw Problem(415, "the body must be application/json")
    }
    let bytes: [UInt8]
    do { bytes = try await exchange.readBody(limit: limit) } catch {
      exchange.closesConnection = true
      if case .tooLong = error { throw Problem(413, "the body is longer than 1 MiB") }
      if error == .timedOut { throw Problem(408, "the body did not come in time") }
      throw Problem(400, "the body could not be read")
    }
    return AdminBody(values: bytes.isEmpty ? [:] : try FlatJSON.parse(bytes, fields: fields))
  }

  private static func isJSON(_ type: String?) -> Bool {
    guard let name = type?.split(separator: ";", omittingEmptySubsequences: false).first else { return false }
    return name.filter { $0 != " " && $0 != "\t" }.lowercased() == "application/json"
  }

  // A null counts as a field that is not there.

  func string(_ name: String) throws(Problem) -> String? {
    switch values[name] {
    case nil, .null: return nil
    case .string(let text): return text
    default: throw wrongType(name, "a string")
    }
  }

  func bool(_ name: String) throws(Problem) -> Bool? {
    switch values[name] {
    case nil, .null: return nil
    case .bool(let value): return value
    default: throw wrongType(name, "true or false")
    }
  }

  func integer(_ name: String) throws(Problem) -> Int? {
    switch values[name] {
    case nil, .null: return nil
    case .integer(let value): return value
    default: throw wrongType(name, "a whole number")
    }
  }

  func required(_ name: String) throws(Problem) -> String {
    guard let text = try string(name) else { throw Problem(400, "the field \(name) is required", pointer: "/\(name)") }
    return text
  }

  /// A name of a repo or namespace.
  func requiredName(_ field: String) throws(Problem) -> String {
    let name = try required(field)
    guard RepoKey.isName(name) else { throw .badName(field) }
    return name
  }

  /// A span of time: seconds as a number, or text like `90s`, `15m`, `1h`, `7d`.
  func seconds(_ name: String) throws(Problem) -> Int? {
    guard case .string(let text) = values[name] else { return try integer(name) }
    let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    let unit = text.last.flatMap { units[$0] }
    let digits = unit == nil ? text[...] : text.dropLast()
    guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 &- 0x30 < 10 }), let number = Int(digits), number <= 31_536_000
    else {
      throw Problem(400, "the field \(name) is neither seconds nor a time such as 90s, 15m or 1h", pointer: "/\(name)")
    }
    return number * (unit ?? 1)
  }

  private func wrongType(_ name: String, _ kind: String) -> Problem {
    Problem(400, "the field \(name) must be \(kind)", pointer: "/\(name)")
  }
}

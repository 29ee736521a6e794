import HTTPCore
import HTTPTransport

/// The body of a call: one flat JSON object whose fields its route names, read strictly.
struct AdminBody {
  /// The longest body, bytes.
  static let limit = 1 << 20

  /// Checked; a null counts as a field that is not there.
  private var values: [String: FlatJSON.Value] = [:]
  private var spans: [String: Int] = [:]

  /// Of a call that takes none.
  init() {}

  /// Reads the body of a request. A request without one gives no fields.
  static func read(_ exchange: ServerExchange, _ fields: [AdminField]) async throws(Problem) -> AdminBody {
    guard exchange.request.framing != .none else { return try AdminBody([:], fields) }
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
    let names = Set(fields.map(\.name))
    return try AdminBody(bytes.isEmpty ? [:] : try FlatJSON.parse(bytes, fields: names), fields)
  }

  private init(_ given: [String: FlatJSON.Value], _ fields: [AdminField]) throws(Problem) {
    for field in fields {
      guard let value = given[field.name], value != .null else {
        guard !field.isRequired else {
          throw Problem(400, "the field \(field.name) is required", pointer: "/\(field.name)")
        }
        continue
      }
      try field.rule.check(value, of: field.name)
      if case .span = field.rule { spans[field.name] = try field.rule.seconds(value, of: field.name) }
      values[field.name] = value
    }
  }

  private static func isJSON(_ type: String?) -> Bool {
    guard let name = type?.split(separator: ";", omittingEmptySubsequences: false).first else { return false }
    return name.filter { $0 != " " && $0 != "\t" }.lowercased() == "application/json"
  }

  func string(_ name: String) -> String? {
    if case .string(let text) = values[name] { text } else { nil }
  }

  /// A field that the route requires.
  func required(_ name: String) -> String { string(name) ?? "" }

  func bool(_ name: String) -> Bool? {
    if case .bool(let value) = values[name] { value } else { nil }
  }

  func integer(_ name: String) -> Int? {
    if case .integer(let value) = values[name] { value } else { nil }
  }

  /// A span of time, seconds.
  func seconds(_ name: String) -> Int? { spans[name] }
}

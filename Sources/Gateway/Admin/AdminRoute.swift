import HTTPCore

/// A row of the admin API's table: all there is to say of a call. Requests are routed and checked by it, and the OpenAPI
/// document is written from it.
struct AdminRoute: Sendable {
  typealias Handler = @Sendable (AdminAPI) -> (AdminCall) async throws(Problem) -> Void

  /// What it is about, as documents group calls.
  enum Topic: String, CaseIterable {
    case repos, tokens, content, namespaces, gateway
  }

  let method: HTTPCore.Method
  /// Literal segments, `{parameter}`s, and `{path...}` for one segment or more at the end.
  let pattern: [Substring]
  /// What programs call it.
  let id: String
  let summary: String
  let topic: Topic
  var query: [AdminField] = []
  /// The fields of its body; nil when it takes none.
  var body: [AdminField]?
  let answers: [AdminAnswer]
  /// Statuses of failures besides those that every call of its kind has.
  var failures: Set<Int> = []
  let handler: Handler

  init(
    _ method: HTTPCore.Method, _ pattern: String, _ id: String, _ topic: Topic, _ summary: String,
    query: [AdminField] = [], body: [AdminField]? = nil, answers: [AdminAnswer], failures: Set<Int> = [],
    _ handler: @escaping Handler
  ) {
    self.method = method
    self.pattern = pattern.split(separator: "/")
    self.id = id
    self.topic = topic
    self.summary = summary
    self.query = query
    self.body = body
    self.answers = answers
    self.failures = failures
    self.handler = handler
  }

  static let table =
    AdminAPI.repoRoutes + AdminAPI.tokenRoutes + AdminAPI.contentRoutes + AdminAPI.namespaceRoutes
    + AdminAPI.gatewayRoutes + AdminAPI.cacheRoutes

  /// It is served below `/namespaces/{ns}` as well.
  var isInNamespace: Bool { topic != .namespaces && topic != .gateway }

  /// It asks the Artifacts API.
  var asksUpstream: Bool { topic != .gateway }

  /// The statuses of all its failures.
  var allFailures: Set<Int> {
    var statuses = failures.union([400, 401, 403, 405, 429, 503])
    if body != nil { statuses.formUnion([408, 413, 415]) }
    if asksUpstream { statuses.formUnion([404, 500, 502, 504]) }
    return statuses
  }

  /// What a parameter of a path may be.
  static func rule(of parameter: String) -> ValueRule {
    switch parameter {
    case "hash": .hash
    case "ref", "path...": .path
    // What the service documents.
    case "namespace": .name(2...63)
    default: .name(1...128)
    }
  }

  /// Whether the pattern is that of a path.
  func matches(_ segments: ArraySlice<String>) -> Bool {
    let isOpen = pattern.last == "{path...}"
    guard isOpen ? segments.count >= pattern.count : segments.count == pattern.count else { return false }
    return zip(pattern, segments).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
  }

  /// The parameters of a path that matches, each checked.
  func parameters(of segments: ArraySlice<String>) throws(Problem) -> [String: String] {
    var parameters: [String: String] = [:]
    for (piece, segment) in zip(pattern, segments) where piece.hasPrefix("{") {
      let name = String(piece.dropFirst().dropLast())
      let text = name == "path..." ? tail(of: segments).joined(separator: "/") : segment
      try Self.rule(of: name).check(text, of: name == "path..." ? "path" : name)
      parameters[name] = segment
    }
    return parameters
  }

  /// The segments that `{path...}` stands for.
  func tail(of segments: ArraySlice<String>) -> [String] {
    pattern.last == "{path...}" ? Array(segments.dropFirst(pattern.count - 1)) : []
  }
}

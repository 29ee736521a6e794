import HTTPCore
import HTTPTransport

/// One call of the admin API: what it is about, checked, and how to answer it. Confined to its loop.
struct AdminCall {
  let exchange: ServerExchange
  let requestID: String
  let namespace: String
  /// The parameters of the path by name, decoded and checked.
  let parameters: [String: String]
  /// The segments that a pattern ending in `path...` takes.
  let tail: [String]
  let query: AdminQuery
  let body: AdminBody

  /// A parameter that the route's pattern names.
  subscript(name: String) -> String { parameters[name] ?? "" }

  var repo: RepoKey { RepoKey(namespace: namespace, name: self["name"]) }

  /// Who calls.
  var identity: Identity { (exchange.attachment as? RequestRecord)?.identity ?? .anonymous }

  /// The client asks for one JSON value a line.
  var wantsLines: Bool {
    exchange.request.fields[.accept]?.lowercased().split(separator: ",").contains { range in
      range.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" } == "application/x-ndjson"
    } ?? false
  }

  /// Answers with JSON. A client that has gone is nobody's error.
  func answer(_ status: Int, _ body: some Encodable, location: String? = nil) async {
    await answer(status, json: AdminJSON.line(body), location: location)
  }

  func answer(_ status: Int, json: [UInt8], location: String? = nil) async {
    var fields = Fields([
      (.contentType, "application/json"), (.cacheControl, "no-store"), ("x-request-id", requestID),
    ])
    if let location { fields.append(.location, location) }
    try? await exchange.respond(status: status, fields: fields, body: json)
  }

  func answerNothing() async {
    try? await exchange.respond(status: 204, fields: Fields([("x-request-id", requestID)]))
  }
}

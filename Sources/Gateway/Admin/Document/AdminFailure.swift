import HTTPCore

/// The failures that calls share, as the document describes them.
enum AdminFailure {
  /// What went wrong, by status. The body is a problem.
  private static let texts: [(status: Int, text: String)] = [
    (400, "A field, a parameter or the body is not what it should be; `pointer` names it."),
    (401, "The gateway wants to know who asks, and no credentials came, or wrong ones."),
    (403, "No rule allows it, `Host` is not this gateway's, or a page of another site would change something."),
    (404, "There is no such repository, namespace, token or file."),
    (405, "The path has other methods; `Allow` names them."),
    (408, "The body did not come in time."),
    (409, "It exists already, or is still being made; `name` says which."),
    (413, "The body is longer than 1 MiB, or the result is too large for Artifacts."),
    (415, "The body is not `application/json`."),
    (422, "The source of the import asks for credentials."),
    (429, "Artifacts asks to be left alone for a while, or too many wrong credentials came from the client's address."),
    (500, "Artifacts has failed."),
    (502, "Artifacts cannot be reached, refuses the gateway's credentials, or answers with what is no answer."),
    (503, "Artifacts is not available, or too many passwords are being checked."),
    (504, "Artifacts does not answer in time."),
  ]

  /// What the server refuses before it knows which call it is. The body is text.
  static let ofHeads: [(status: Int, text: String)] = [
    (414, "The path and query are longer than 8 KiB."), (431, "The head of the request is longer than 16 KiB."),
  ]

  /// Statuses that may say when to come again.
  private static let passing: Set = [429, 500, 502, 503, 504]

  static var responses: JSONNode {
    .object(
      texts.map { failure in
        var headers: JSONNode = [
          "X-Request-Id": header("X-Request-Id"), "X-Artifacts-Gateway-Error": header("X-Artifacts-Gateway-Error"),
        ]
        if failure.status == 401 { headers = headers.merging(["WWW-Authenticate": header("WWW-Authenticate")]) }
        if failure.status == 405 { headers = headers.merging(["Allow": header("Allow")]) }
        if passing.contains(failure.status) { headers = headers.merging(["Retry-After": header("Retry-After")]) }
        let response: JSONNode = [
          "description": .string(failure.text), "headers": headers,
          "content": ["application/problem+json": ["schema": AdminSchema.problem.reference]],
        ]
        return (name: "\(failure.status)", value: response)
      }
        + ofHeads.map { failure in
          let response: JSONNode = [
            "description": .string(failure.text), "content": ["text/plain": ["schema": ["type": "string"]]],
          ]
          return (name: "\(failure.status)", value: response)
        })
  }

  static func header(_ name: String) -> JSONNode { ["$ref": .string("#/components/headers/\(name)")] }

  static let headers: JSONNode = [
    "Location": [
      "description": "Where what was made is.", "required": true,
      "schema": ["type": "string", "format": "uri-reference"],
    ],
    "Retry-After": [
      "description": "Seconds to wait; always there with 429.", "schema": ["type": "integer", "minimum": 1],
    ],
    "WWW-Authenticate": [
      "description": "The schemes of credentials that are taken.", "required": true, "schema": ["type": "string"],
    ],
    "Allow": ["description": "The methods that the path has.", "required": true, "schema": ["type": "string"]],
    "X-Request-Id": ["description": "Names the request.", "required": true, "schema": ["type": "string"]],
    "X-Artifacts-Gateway-Error": [
      "description": "The error as a word for programs.", "required": true, "schema": ["type": "string"],
    ],
  ]
}

extension AdminAnswer {
  /// As the document describes it.
  var response: JSONNode {
    var headers: JSONNode = ["X-Request-Id": AdminFailure.header("X-Request-Id")]
    switch self {
    case .json(let status, let schema, let hasLocation):
      if hasLocation { headers = headers.merging(["Location": AdminFailure.header("Location")]) }
      return [
        "description": status == 201 ? "It was made." : .string(schema.summary), "headers": headers,
        "content": ["application/json": ["schema": schema.reference]],
      ]
    case .listing(let schema, let line):
      return [
        "description": .string("\(schema.summary) As lines, it is every page, one `\(line.name)` a line."),
        "headers": headers,
        "content": [
          "application/json": ["schema": schema.reference],
          "application/x-ndjson": ["schema": ["type": "string", "contentMediaType": "application/x-ndjson"]],
        ],
      ]
    case .bytes:
      return ["description": "The bytes, of the type that they have.", "headers": headers, "content": ["*/*": [:]]]
    case .nothing: return ["description": "Done.", "headers": headers]
    case .object:
      return [
        "description": "This document.", "headers": headers,
        "content": ["application/json": ["schema": ["type": "object"]]],
      ]
    }
  }
}

import HTTPCore

/// What a scripted peer does with one request.
package struct ScriptedAnswer: Sendable {
  /// When it begins to answer.
  package enum Moment: Sendable {
    case afterHead
    /// After this many bytes of the request's body.
    case afterBody(bytes: Int)
    case afterRequest
  }

  package enum Step: Sendable {
    case send([UInt8])
    /// Does nothing until the gate is opened.
    case wait(Gate)
    /// FIN, after what was sent.
    case close
    /// RST.
    case reset
    /// Nothing more, until the other side closes.
    case stall
  }

  package var moment = Moment.afterRequest
  package var steps: [Step]

  package init(_ steps: [Step], moment: Moment = .afterRequest) {
    self.steps = steps
    self.moment = moment
  }

  /// A whole, well-formed response.
  package static func response(
    _ status: Int, _ fields: [(String, String)] = [("Content-Type", "text/plain")], _ body: [UInt8] = [],
    moment: Moment = .afterRequest
  ) -> ScriptedAnswer {
    ScriptedAnswer([.send(head(status, fields + [("Content-Length", "\(body.count)")]) + body)], moment: moment)
  }

  package static func response(
    _ status: Int, _ fields: [(String, String)] = [("Content-Type", "text/plain")], text: String,
    moment: Moment = .afterRequest
  ) -> ScriptedAnswer {
    response(status, fields, Array(text.utf8), moment: moment)
  }

  package static func json(_ status: Int, _ text: String, _ fields: [(String, String)] = []) -> ScriptedAnswer {
    response(status, [("Content-Type", "application/json")] + fields, Array(text.utf8))
  }

  /// The bytes as they are.
  package static func bytes(_ text: String, then step: Step? = nil) -> ScriptedAnswer {
    ScriptedAnswer([.send(Array(text.utf8))] + (step.map { [$0] } ?? []))
  }

  package static func head(_ status: Int, _ fields: [(String, String)]) -> [UInt8] {
    let lines = fields.map { "\($0.0): \($0.1)\r\n" }.joined()
    return Array("HTTP/1.1 \(status) \(Status.phrase(status))\r\n\(lines)\r\n".utf8)
  }
}

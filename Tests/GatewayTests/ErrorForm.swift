import GatewayTestSupport
import Testing

/// Checks that an error reached a client in the form that this client shows to its user.
func expectError(
  _ answer: HTTPAnswer, _ status: Int, _ code: String, to operation: GitOperation, userAgent: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let isGit = userAgent == GitOperation.git
  #expect(answer.isWhole, sourceLocation: sourceLocation)
  #expect(answer.field("x-artifacts-gateway-error") == code, sourceLocation: sourceLocation)
  let id = answer.field("x-request-id") ?? ""
  #expect(id.count == 6, "a request id", sourceLocation: sourceLocation)
  for name in ["www-authenticate", "location", "set-cookie"] {
    #expect(answer.field(name) == nil, sourceLocation: sourceLocation)
  }
  let said: String
  switch operation {
  case .fetch where isGit:
    #expect(answer.status == 200, sourceLocation: sourceLocation)
    #expect(answer.field("content-type") == operation.answerType, sourceLocation: sourceLocation)
    let packets = PktLines.packets(answer.body) ?? []
    #expect(packets.count == 1, sourceLocation: sourceLocation)
    let text = String(decoding: packets.first ?? [], as: UTF8.self)
    #expect(text.hasPrefix("ERR artifacts-gateway: "), sourceLocation: sourceLocation)
    said = text
  case .push where isGit:
    #expect(answer.status == 200, sourceLocation: sourceLocation)
    #expect(answer.field("content-type") == operation.answerType, sourceLocation: sourceLocation)
    let packets = PktLines.packets(answer.body) ?? []
    #expect(packets.count == 1, sourceLocation: sourceLocation)
    let text = String(decoding: packets.first ?? [], as: UTF8.self)
    #expect(text.hasPrefix("\u{3}artifacts-gateway: "), sourceLocation: sourceLocation)
    said = text
  case .probe where isGit:
    #expect(answer.status == 200, sourceLocation: sourceLocation)
    #expect(answer.field("content-type") == operation.answerType, sourceLocation: sourceLocation)
    #expect(answer.body.isEmpty, sourceLocation: sourceLocation)
    return
  default:
    #expect(answer.status == status, sourceLocation: sourceLocation)
    #expect(answer.field("content-type")?.hasPrefix("text/plain") == true, sourceLocation: sourceLocation)
    #expect(answer.text.hasPrefix("artifacts-gateway: "), sourceLocation: sourceLocation)
    #expect(answer.text.split(separator: "\n").count <= 2, sourceLocation: sourceLocation)
    said = answer.text
  }
  #expect(said.contains("(req \(id))"), "the text names the request", sourceLocation: sourceLocation)
}

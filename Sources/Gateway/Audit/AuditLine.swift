import EventLoop
import GitProtocol

/// One line of an audit log while it is written. Whatever comes from outside is escaped.
struct AuditLine {
  /// The longest text of a field, characters. Names of refs are not cut.
  private static let longestText = 2_048
  /// Bytes from which on no further ref is written: a line must find room beside others.
  private static let refsLimit = 1 << 20

  private var line: String

  init(at now: Double, _ event: String) {
    let time = Timestamp.withText(now) { String(decoding: $0, as: UTF8.self) }
    line = "{\"time\":\"\(time)\",\"event\":\"\(event)\""
  }

  var finished: [UInt8] { Array("\(line)}\n".utf8) }

  mutating func text(_ name: StaticString, _ value: String) {
    line += ",\"\(name)\":"
    let isLong = value.unicodeScalars.count > Self.longestText
    GatewayLogHandler.quote(
      isLong ? String(String.UnicodeScalarView(value.unicodeScalars.prefix(Self.longestText))) + "..." : value,
      into: &line)
  }

  mutating func number(_ name: StaticString, _ value: Int) { line += ",\"\(name)\":\(value)" }

  mutating func append(_ request: AuditEvent.Request) {
    text("identity", request.identity.name)
    text("source", request.identity.source.rawValue)
    if let rule = request.rule { text("rule", rule) }
    text("client", request.client)
    text("request", request.id.description)
    if let repo = request.repo { text("repo", repo.description) }
    text("method", request.method)
    text("path", request.path)
    number("status", request.status ?? 0)
    text("end", request.end)
  }

  mutating func append(_ push: PushRecord) {
    var isWhole = push.isWhole
    // Read once: a report is as long as the list of refs.
    let results = push.report?.results ?? [:]
    line += ",\"refs\":["
    for (index, update) in push.request.updates.enumerated() {
      guard line.utf8.count < Self.refsLimit else {
        isWhole = false
        break
      }
      line += index == 0 ? "{\"ref\":" : ",{\"ref\":"
      GatewayLogHandler.quote(update.ref, into: &line)
      // Hexadecimal digits, checked.
      line += ",\"old\":\"\(update.old)\",\"new\":\"\(update.new)\""
      if let result = results[update.ref] {
        line += ",\"result\":"
        GatewayLogHandler.quote(result ?? "ok", into: &line)
      }
      line += "}"
    }
    line += "]"
    if !isWhole { line += ",\"refs_complete\":false" }
  }
}

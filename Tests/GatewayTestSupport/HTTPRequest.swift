import HTTPCore

/// A request for a test's client to send.
package struct HTTPRequest: Sendable {
  package enum Framing: Sendable {
    case length
    /// In chunks of at most this many bytes.
    case chunked(Int)
  }

  package var method: String
  package var target: String
  package var fields: [(String, String)]
  package var body: [UInt8]
  package var framing: Framing

  package init(
    _ method: String, _ target: String, _ fields: [(String, String)] = [], body: [UInt8] = [],
    framing: Framing = .length
  ) {
    self.method = method
    self.target = target
    self.fields = fields
    self.body = body
    self.framing = framing
  }

  package func with(_ name: String, _ value: String) -> HTTPRequest {
    var copy = self
    copy.fields.append((name, value))
    return copy
  }

  package var head: [UInt8] {
    var lines = ["\(method) \(target) HTTP/1.1"]
    if !fields.contains(where: { $0.0.lowercased() == "host" }) { lines.append("Host: localhost") }
    lines += fields.map { "\($0.0): \($0.1)" }
    switch framing {
    case .length where !body.isEmpty || method == "POST": lines.append("Content-Length: \(body.count)")
    case .length: break
    case .chunked: lines.append("Transfer-Encoding: chunked")
    }
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
  }

  package var bytes: [UInt8] {
    guard case .chunked(let size) = framing else { return head + body }
    var bytes = head
    var rest = body[...]
    while !rest.isEmpty {
      let chunk = rest.prefix(size)
      bytes += Array((String(chunk.count, radix: 16) + "\r\n").utf8) + chunk + [13, 10]
      rest = rest.dropFirst(chunk.count)
    }
    return bytes + Array("0\r\n\r\n".utf8)
  }

  var knownMethod: HTTPCore.Method { HTTPCore.Method(rawValue: method) ?? .get }
}

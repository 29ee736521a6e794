import GatewayTestSupport

/// Ways in which an upstream fails before any of its answer could be used, and what a client is told.
enum Fault: String, CaseIterable, Sendable {
  case reset, closed, stalled, stalledInHead, stalledAfterHead, cutInHead, cutAfterHead, garbage
  case status401, status403, insufficient, status404, status429, status500, status503, status400, redirect
  case html, chunkedGarbage, informationalStorm, switching, bodyOn204, twoLengths, hugeHead

  /// What the client is told; for git as text, for others as status too.
  var expected: (status: Int, code: String) {
    switch self {
    case .reset, .closed, .cutInHead, .cutAfterHead: (502, "upstream_unreachable")
    case .stalled, .stalledInHead, .stalledAfterHead: (504, "upstream_timeout")
    case .garbage, .html, .chunkedGarbage, .informationalStorm, .switching, .bodyOn204, .twoLengths, .hugeHead:
      (502, "upstream_malformed")
    case .status401, .status403, .insufficient: (403, "credentials")
    case .status404: (404, "no_such_repo")
    case .status429: (429, "rate_limited")
    case .status500: (502, "upstream_error")
    case .status503: (503, "upstream_error")
    case .status400: (400, "upstream_error")
    case .redirect: (502, "upstream_redirect")
    }
  }

  /// Told by a time-out only.
  var isStall: Bool { self == .stalled || self == .stalledInHead || self == .stalledAfterHead }

  func answer(to operation: GitOperation) -> ScriptedAnswer {
    let type = ("Content-Type", operation.answerType)
    switch self {
    case .reset: return ScriptedAnswer([.reset])
    case .closed: return ScriptedAnswer([.close])
    case .stalled: return ScriptedAnswer([.stall])
    case .stalledInHead: return .bytes("HTTP/1.1 200 OK\r\nContent-", then: .stall)
    case .stalledAfterHead:
      return ScriptedAnswer([.send(ScriptedAnswer.head(200, [type, ("Content-Length", "100")])), .stall])
    case .cutInHead: return .bytes("HTTP/1.1 200 OK\r\nContent-", then: .close)
    case .cutAfterHead:
      return ScriptedAnswer([.send(ScriptedAnswer.head(200, [type, ("Content-Length", "100")])), .close])
    case .garbage: return .bytes("SSH-2.0-OpenSSH_9.2p1\r\n\r\n", then: .close)
    case .status401:
      return .response(
        401, [("Content-Type", "text/plain"), ("WWW-Authenticate", "Basic realm=\"artifacts\"")],
        text: "Authentication required")
    case .status403: return .response(403, text: "Invalid or expired token")
    case .insufficient: return .response(403, text: "Insufficient permissions")
    case .status404: return .response(404, text: "404 Not Found")
    case .status429: return .response(429, [("Content-Type", "text/plain"), ("Retry-After", "40")], text: "slow down")
    case .status500: return .response(500, text: "boom")
    case .status503: return .response(503, text: "later")
    case .status400: return .response(400, text: "bad filter")
    case .redirect: return .response(302, [("Location", "https://elsewhere.example/"), ("Content-Type", "text/html")])
    case .html: return .response(200, [("Content-Type", "text/html")], text: "<html>sign in</html>")
    case .chunkedGarbage:
      return ScriptedAnswer([
        .send(ScriptedAnswer.head(200, [type, ("Transfer-Encoding", "chunked")]) + Array("zz\r\n".utf8)), .close,
      ])
    case .informationalStorm:
      return .bytes(String(repeating: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", count: 100), then: .stall)
    case .switching: return .bytes("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", then: .stall)
    case .bodyOn204: return .bytes("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", then: .close)
    case .twoLengths:
      return ScriptedAnswer([
        .send(ScriptedAnswer.head(200, [type, ("Content-Length", "4"), ("Content-Length", "5")]) + Array("0000".utf8)),
        .close,
      ])
    case .hugeHead: return .bytes("HTTP/1.1 200 OK\r\nX: \(String(repeating: "x", count: 40_000))", then: .close)
    }
  }
}

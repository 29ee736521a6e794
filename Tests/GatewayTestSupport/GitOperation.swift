import GitProtocol
import HTTPCore

/// The requests that git makes of a gateway, each with an answer that a service would give.
package enum GitOperation: String, CaseIterable, Sendable {
  case fetchRefs, pushRefs, fetch, push, probe

  package static let git = "git/2.39.5"
  package static let curl = "curl/7.88.1"

  private var service: Service { self == .fetchRefs || self == .fetch ? .uploadPack : .receivePack }

  package func request(_ repo: String = "demo", userAgent: String = git, body: [UInt8]? = nil) -> HTTPRequest {
    let agent = ("User-Agent", userAgent)
    switch self {
    case .fetchRefs, .pushRefs:
      return HTTPRequest("GET", "/git/\(repo)/info/refs?service=\(service.wireName)", [agent])
    case .fetch, .push, .probe:
      var fields = [agent, ("Content-Type", service.requestContentType), ("Accept", service.resultContentType)]
      if self == .fetch { fields.append(("Git-Protocol", "version=2")) }
      return HTTPRequest("POST", "/git/\(repo)/\(service.wireName)", fields, body: body ?? self.body)
    }
  }

  /// What git would send.
  package var body: [UInt8] {
    switch self {
    case .fetchRefs, .pushRefs: []
    case .fetch:
      PktLines.line("command=fetch") + PktLines.line("object-format=sha1") + Array("0001".utf8)
        + PktLines.line("want \(Self.id)\n") + PktLines.line("done\n") + PktLines.flush
    case .push: Self.pushHead() + Array("PACK not looked at".utf8)
    case .probe: PktLines.flush
    }
  }

  /// The command of a push.
  package static func pushHead(_ capabilities: String = "report-status side-band-64k agent=git/2.39.5") -> [UInt8] {
    let none = String(repeating: "0", count: 40)
    return PktLines.line("\(none) \(id) refs/heads/main\0 \(capabilities)") + PktLines.flush
  }

  /// A push of `count` bytes in all.
  package static func push(bytes count: Int) -> [UInt8] {
    let head = pushHead()
    return head + (head.count..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
  }

  package static let id = "0123456789abcdef0123456789abcdef01234567"

  package var answerType: String {
    switch self {
    case .fetchRefs, .pushRefs: service.advertisementContentType
    case .fetch, .push, .probe: service.resultContentType
    }
  }

  package var answerBody: [UInt8] {
    switch self {
    case .fetchRefs, .pushRefs:
      PktLines.line("# service=\(service.wireName)\n") + PktLines.flush
        + PktLines.line("\(Self.id) HEAD\0side-band-64k\n") + PktLines.flush
    case .fetch: PktLines.line("packfile\n") + PktLines.band(1, "PACK") + PktLines.flush
    case .push: PktLines.band(1, PktLines.line("unpack ok\n") + PktLines.flush) + PktLines.flush
    case .probe: []
    }
  }

  /// What a service in good health answers.
  package var answer: ScriptedAnswer {
    .response(200, [("Content-Type", answerType), ("Cache-Control", "no-cache")], answerBody)
  }

  /// Which of them a request is, as it arrives upstream.
  package init?(_ request: RecordedRequest) {
    if request.head.target.hasSuffix("service=git-upload-pack") {
      self = .fetchRefs
    } else if request.head.target.hasSuffix("service=git-receive-pack") {
      self = .pushRefs
    } else if request.head.target.hasSuffix("/git-upload-pack") {
      self = .fetch
    } else if request.head.target.hasSuffix("/git-receive-pack") {
      self = request.head.framing == .length(4) ? .probe : .push
    } else {
      return nil
    }
  }
}

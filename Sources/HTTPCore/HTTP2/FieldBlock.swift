/// The fields of one header block as they come out of the decompression, and the head that they make (RFC 9113, 8.2 and
/// 8.3). Held to the rules of the HTTP/1 reader. Takes no more than a head may have; the rest is counted and dropped.
struct FieldBlock {
  enum Kind { case request, response, trailers }

  /// A head this much too long is no mistake: the peer plays with the compression.
  private static let bombBytes = 16 * MessageLimits.headBytes

  let kind: Kind
  private var fields = Fields()
  private var byteCount = 0
  private var sawRegular = false
  private var method: [UInt8]?
  private var target: String?
  private var scheme: Bool = false
  private var authority: [UInt8]?
  private var host: [UInt8]?
  private var status: Int?
  private var cookie: [UInt8] = []
  private var contentLength: Int?
  private var expectation = Expectation.none
  /// Against the rules: the stream is reset.
  private(set) var fault: HTTPParseError?
  /// Within the rules and not to be served: answered with this status.
  private var refusal: HTTPParseError?

  private enum Expectation { case none, `continue`, unknown }

  init(_ kind: Kind) {
    self.kind = kind
    if kind != .trailers { fields.reserve(16, bytes: 512) }
  }

  var isBomb: Bool { byteCount > Self.bombBytes }

  /// Takes the next field. The bytes are valid during the call only.
  mutating func take(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
    // As it counts in HTTP/1: with the colon, a blank and the line end.
    byteCount += name.count + value.count + 4
    guard fault == nil else { return }
    do throws(HTTPParseError) {
      if kind == .trailers {
        if byteCount > MessageLimits.trailerBytes { throw HTTPParseError(431, "the trailers are too long") }
        return try check(name, value)
      }
      guard byteCount <= MessageLimits.headBytes else { return refuse(431, "the head is too long") }
      if name.first == UInt8(ascii: ":") {
        try takePseudo(name, value)
      } else {
        sawRegular = true
        try takeRegular(name, value)
      }
    } catch {
      fault = error
    }
  }

  private mutating func refuse(_ status: Int, _ reason: String) {
    if refusal == nil { refusal = HTTPParseError(status, reason) }
  }

  private func check(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(HTTPParseError) {
    guard !name.isEmpty, name.allSatisfy({ Grammar.isToken($0) && !($0 &- 0x41 < 26) }) else {
      throw HTTPParseError("a bad field name")
    }
    guard value.allSatisfy(Grammar.isFieldContent) else {
      throw HTTPParseError("a control character in a field value")
    }
    guard !Self.isBlank(value.first), !Self.isBlank(value.last) else {
      throw HTTPParseError("a field value with blanks around it")
    }
  }

  private static func isBlank(_ byte: UInt8?) -> Bool { byte == 0x20 || byte == 0x09 }

  // MARK: Pseudo-fields

  private mutating func takePseudo(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer)
    throws(HTTPParseError)
  {
    guard !sawRegular else { throw HTTPParseError("a pseudo-field behind a field") }
    if kind == .response {
      guard Fields.matches(name, ":status"), status == nil else { throw HTTPParseError("a bad pseudo-field") }
      return status = try Self.status(value)
    }
    if Fields.matches(name, ":method") {
      guard method == nil, !value.isEmpty, value.allSatisfy(Grammar.isToken) else {
        throw HTTPParseError("a bad method")
      }
      method = Array(value)
    } else if Fields.matches(name, ":path") {
      guard target == nil else { throw HTTPParseError("more than one path") }
      try takePath(value)
    } else if Fields.matches(name, ":scheme") {
      guard !scheme, Fields.matches(value, "http") || Fields.matches(value, "https") else {
        throw HTTPParseError("a bad scheme")
      }
      scheme = true
    } else if Fields.matches(name, ":authority") {
      guard authority == nil else { throw HTTPParseError("more than one authority") }
      authority = try Self.host(value)
    } else {
      throw HTTPParseError("an unknown pseudo-field")
    }
  }

  private mutating func takePath(_ value: UnsafeRawBufferPointer) throws(HTTPParseError) {
    guard value.count <= MessageLimits.targetBytes else {
      target = ""
      return refuse(414, "the target is too long")
    }
    guard !value.isEmpty, value.allSatisfy({ Grammar.isTarget($0) && $0 != UInt8(ascii: "#") }) else {
      throw HTTPParseError("a bad request target")
    }
    target = String(decoding: value, as: UTF8.self)
  }

  private static func status(_ value: UnsafeRawBufferPointer) throws(HTTPParseError) -> Int {
    guard value.count == 3, value.allSatisfy(Grammar.isDigit) else { throw HTTPParseError("a bad status") }
    let status = value.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    guard (100...599).contains(status) else { throw HTTPParseError("a bad status") }
    return status
  }

  /// What an authority may hold: as for `Host` in HTTP/1.
  private static func host(_ value: UnsafeRawBufferPointer) throws(HTTPParseError) -> [UInt8] {
    guard Authority.isValid(value) else { throw HTTPParseError("a bad Host") }
    return Array(value)
  }

  // MARK: Fields

  private mutating func takeRegular(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer)
    throws(HTTPParseError)
  {
    try check(name, value)
    guard fields.count < MessageLimits.fieldCount else { return refuse(431, "too many fields") }
    switch name.count {
    case 2 where Fields.matches(name, "te"):
      guard FieldSection.equal(value, "trailers") else { throw HTTPParseError("TE other than trailers") }
    case 4 where Fields.matches(name, .host):
      guard host == nil else { throw HTTPParseError("more than one Host") }
      host = try Self.host(value)
      // Written with the others at the end, once.
      return
    case 6 where Fields.matches(name, "cookie"):
      // Crumbs are one field again (RFC 9113, 8.2.3).
      if !cookie.isEmpty { cookie += [UInt8(ascii: ";"), 0x20] }
      return cookie += value
    case 6 where Fields.matches(name, .expect):
      expectation = expectation == .none && FieldSection.equal(value, "100-continue") ? .continue : .unknown
    case 7 where Fields.matches(name, "upgrade"), 10 where Fields.matches(name, .connection),
      10 where Fields.matches(name, .keepAlive), 16 where Fields.matches(name, "proxy-connection"),
      17 where Fields.matches(name, .transferEncoding):
      throw HTTPParseError("a field of HTTP/1 connections")
    case 14 where Fields.matches(name, .contentLength):
      guard contentLength == nil else { throw HTTPParseError("more than one Content-Length") }
      contentLength = try Self.length(value)
    default: break
    }
    // Names that some servers fold into one another are nobody's: `content_length`, `x.y`.
    if name.contains(UInt8(ascii: "_")) || name.contains(UInt8(ascii: ".")) { return }
    fields.append(checked: name, value)
  }

  private static func length(_ value: UnsafeRawBufferPointer) throws(HTTPParseError) -> Int {
    guard !value.isEmpty, value.count <= 19, value.allSatisfy(Grammar.isDigit),
      let length = Int(String(decoding: value, as: UTF8.self))
    else { throw HTTPParseError("a bad Content-Length") }
    return length
  }

  // MARK: Heads

  /// The head of a request, or the error to answer it with.
  /// - Throws: what `fault` holds, or a 400 for what is missing: the stream is to be reset.
  mutating func request(isEnded: Bool) throws(HTTPParseError) -> Result<RequestHead, HTTPParseError> {
    if let fault { throw fault }
    if let refusal { return .failure(refusal) }
    guard let method else { throw HTTPParseError("no method") }
    let known = method.withUnsafeBytes { Method($0) }
    if known == .connect { return .failure(HTTPParseError(405, "CONNECT is not served")) }
    guard let target, scheme else { throw HTTPParseError("no path or no scheme") }
    guard let authority = authority ?? host else { throw HTTPParseError("no authority") }
    if let host, !Self.agree(host, authority) { throw HTTPParseError("Host names another host than the authority") }
    guard let known else { return .failure(HTTPParseError(501, "an unknown method")) }
    guard target.utf8.first == UInt8(ascii: "/") || (target == "*" && known == .options) else {
      throw HTTPParseError("a bad request target")
    }
    authority.withUnsafeBytes { fields.append(checked: FieldName.host.bytes, $0) }
    if !cookie.isEmpty { cookie.withUnsafeBytes { fields.append(checked: ("cookie" as FieldName).bytes, $0) } }
    var head = RequestHead(known, target, fields: fields, framing: try framing(isEnded: isEnded))
    switch expectation {
    case .none: break
    case .continue: head.expectsContinue = head.framing != .none
    case .unknown: return .failure(HTTPParseError(417, "an unknown expectation"))
    }
    return .success(head)
  }

  /// The head of a response to a request with `method`.
  mutating func response(to method: Method, isEnded: Bool) throws(HTTPParseError) -> ResponseHead {
    if let fault = fault ?? refusal { throw fault }
    guard let status else { throw HTTPParseError("no status") }
    if status == 101 { throw HTTPParseError("101 in HTTP/2") }
    var head = ResponseHead(status: status, fields: fields)
    if status < 200 || status == 204 {
      guard (contentLength ?? 0) == 0 else { throw HTTPParseError("a body where none may be") }
    } else if status != 304, method != .head {
      head.framing = try framing(isEnded: isEnded)
    }
    return head
  }

  /// - Returns: `.chunked` for a body whose length nobody tells: its end is told apart from a cut, as in HTTP/1.
  private func framing(isEnded: Bool) throws(HTTPParseError) -> BodyFraming {
    if let contentLength {
      guard contentLength == 0 || !isEnded else { throw HTTPParseError("a body shorter than Content-Length") }
      return contentLength > 0 ? .length(contentLength) : .none
    }
    return isEnded ? .none : .chunked
  }

  private static func agree(_ first: [UInt8], _ second: [UInt8]) -> Bool {
    first.count == second.count
      && zip(first, second).allSatisfy { ($0 &- 0x41 < 26 ? $0 | 0x20 : $0) == ($1 &- 0x41 < 26 ? $1 | 0x20 : $1) }
  }
}

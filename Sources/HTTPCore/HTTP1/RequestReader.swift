extension RequestHead {
  /// Reads a request head (RFC 9112 sections 3 to 6), strictly: whatever two parties could read in two ways is refused.
  ///
  /// - Parameter bytes: the whole head as `HeadScanner` delimited it.
  /// - Throws: the status to answer with: 400, 414, 417, 501 or 505.
  package init(parsing bytes: UnsafeRawBufferPointer) throws(HTTPParseError) {
    var position = 0
    while Grammar.isToken(bytes[position]) { position += 1 }
    guard position > 0, bytes[position] == 0x20 else { throw HTTPParseError("a bad request line") }
    let name = UnsafeRawBufferPointer(rebasing: bytes[0..<position])
    position += 1
    let targetStart = position
    while Grammar.isTarget(bytes[position]), bytes[position] != UInt8(ascii: "#") { position += 1 }
    guard position > targetStart, bytes[position] == 0x20 else {
      throw HTTPParseError(bytes[position] == UInt8(ascii: "#") ? "a fragment in the target" : "a bad request target")
    }
    let targetBytes = UnsafeRawBufferPointer(rebasing: bytes[targetStart..<position])
    if targetBytes.count > MessageLimits.targetBytes { throw HTTPParseError(414, "the target is too long") }
    let version = try HTTPVersion(in: bytes, at: position + 1)
    position += 1 + HTTPVersion.byteCount
    guard bytes[position] == 0x0d, bytes[position + 1] == 0x0a else { throw HTTPParseError("a bad request line") }
    guard let method = Method(name) else {
      throw HTTPParseError(501, "an unknown method")
    }

    let section = try FieldSection(bytes, from: position + 2)
    try Self.checkHost(section, version, in: bytes)
    switch section.expectation {
    case .none: break
    case .continue: expectsContinue = version.isVersion11
    case .unknown: throw HTTPParseError(417, "an unknown expectation")
    }
    if section.isChunked {
      guard version.isVersion11 else { throw HTTPParseError("Transfer-Encoding in HTTP/1.0") }
      framing = .chunked
    } else {
      framing = section.contentLength.map { $0 > 0 ? .length($0) : .none } ?? .none
    }
    self.method = method
    target = try Self.originForm(targetBytes, method, section.fields)
    fields = section.fields
    isVersion11 = version.isVersion11
    keepsAlive = section.keepsAlive(isVersion11: version.isVersion11)
    namesHopFields = section.namesOtherOptions
    if framing == .none { expectsContinue = false }
  }

  /// One Host, neither more nor (in 1.1) less, and in it only what an authority may hold (RFC 9112 section 3.2).
  private static func checkHost(_ section: FieldSection, _ version: HTTPVersion, in bytes: UnsafeRawBufferPointer)
    throws(HTTPParseError)
  {
    guard section.hostCount <= 1, section.hostCount == 1 || !version.isVersion11 else {
      throw HTTPParseError(section.hostCount == 0 ? "no Host" : "more than one Host")
    }
    // Empty where the target has no authority (RFC 9110 section 7.2).
    guard let host = section.host, !host.isEmpty else { return }
    guard Authority.isValid(UnsafeRawBufferPointer(rebasing: bytes[host])) else { throw HTTPParseError("a bad Host") }
  }

  /// Brings the target to origin-form. An absolute-form authority must be the Host's.
  private static func originForm(_ bytes: UnsafeRawBufferPointer, _ method: Method, _ fields: Fields)
    throws(HTTPParseError) -> String
  {
    let target = String(decoding: bytes, as: UTF8.self)
    if bytes[0] == UInt8(ascii: "/") { return target }
    if method == .options, target == "*" { return target }
    if method == .connect { throw HTTPParseError(405, "CONNECT is not served") }
    guard let scheme = target.range(of: "://"), ["http", "https"].contains(target[..<scheme.lowerBound].lowercased())
    else { throw HTTPParseError("a bad request target") }
    let rest = target[scheme.upperBound...]
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    guard !authority.isEmpty, let host = fields[.host], authority.lowercased() == host.lowercased() else {
      throw HTTPParseError("the target names another host than Host")
    }
    let path = rest[authority.endIndex...]
    return path.hasPrefix("/") ? String(path) : "/" + path
  }
}

/// The version of a message: `HTTP/1.0` or `HTTP/1.1`.
struct HTTPVersion {
  static let byteCount = 8
  let isVersion11: Bool

  /// - Throws: 400 when it is no version at all, 505 when it is another one.
  init(in bytes: UnsafeRawBufferPointer, at start: Int) throws(HTTPParseError) {
    let prefix: FieldName = "HTTP/"
    guard start + Self.byteCount <= bytes.count else { throw HTTPParseError("a bad HTTP version") }
    for index in 0..<5 where bytes[start + index] != prefix.bytes[index] {
      throw HTTPParseError("a bad HTTP version")
    }
    guard Grammar.isDigit(bytes[start + 5]), bytes[start + 6] == UInt8(ascii: "."), Grammar.isDigit(bytes[start + 7])
    else { throw HTTPParseError("a bad HTTP version") }
    guard bytes[start + 5] == UInt8(ascii: "1") else { throw HTTPParseError(505, "an HTTP version other than 1") }
    isVersion11 = bytes[start + 7] != UInt8(ascii: "0")
  }
}

extension String {
  /// The range of the first occurrence of an ASCII needle.
  fileprivate func range(of needle: String) -> Range<String.Index>? {
    let pattern = Array(needle.utf8)
    var start = utf8.startIndex
    while let end = utf8.index(start, offsetBy: pattern.count, limitedBy: utf8.endIndex) {
      if utf8[start..<end].elementsEqual(pattern) { return start..<end }
      start = utf8.index(after: start)
    }
    return nil
  }
}

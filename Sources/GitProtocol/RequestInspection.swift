/// What the beginning of a request body tells.
package enum RequestInspection<Request> {
  /// Too few bytes to tell anything: call again with more of the body.
  case needsMoreBytes
  /// The facts that stand at the beginning are known; later lines may add to them.
  case head(Request)
  /// The request has been read to its end. A pack may follow it.
  case whole(Request)

  /// What is known so far, if anything.
  package var request: Request? {
    switch self {
    case .needsMoreBytes: nil
    case .head(let request), .whole(let request): request
    }
  }
}

extension RequestInspection: Equatable where Request: Equatable {}
extension RequestInspection: Sendable where Request: Sendable {}

/// Why a request body cannot be one of a Git service.
package enum RequestError: Error, Hashable {
  case pktLine(PktLineError)
  case inflate(InflateError)
  /// A pkt-line in a place where the grammar of the service has no such line.
  case unexpectedLine
  /// The body has ended before the request did.
  case truncated
  /// More bytes, or more lines, than are read.
  case tooLarge
}

/// How a request body is coded on top of its Git content. Source: gitprotocol-http; RFC 9110, 8.4.
package enum BodyCoding: Hashable, Sendable {
  case identity, gzip

  /// Reads the value of a `Content-Encoding` field; nil for codings that Git does not use.
  package init?(contentEncoding: String?) {
    switch contentEncoding?.lowercased() {
    case nil, "", "identity": self = .identity
    case "gzip", "x-gzip": self = .gzip
    default: return nil
    }
  }
}

/// The beginning of a request body, decoded and bounded.
struct RequestHead {
  /// Most bytes looked at, before and after inflation. One pkt-line always fits.
  static let maxBytes = 65_536

  /// Decoded bytes, at most `maxBytes`.
  let bytes: [UInt8]
  /// Whether these are all bytes of the body.
  let isWholeBody: Bool
  /// Whether more bytes of the body would be looked at.
  let isFull: Bool

  /// Takes the first bytes of a body, and whether they are all of it. Throws `.inflate`.
  init(_ body: [UInt8], coding: BodyCoding, isWholeBody: Bool) throws(RequestError) {
    let kept = body.prefix(Self.maxBytes)
    let isAll = isWholeBody && kept.count == body.count
    switch coding {
    case .identity:
      bytes = Array(kept)
      self.isWholeBody = isAll
      isFull = kept.count == Self.maxBytes
    case .gzip:
      var output: [UInt8] = []
      var isCut = false
      do throws(InflateError) {
        let inflate = try Inflate(limit: Self.maxBytes)
        try inflate.feed(kept, into: &output)
        if isAll { try inflate.finish() }
      } catch .tooLarge {
        isCut = true
      } catch {
        throw .inflate(error)
      }
      bytes = output
      self.isWholeBody = isAll && !isCut
      isFull = isCut || output.count == Self.maxBytes || kept.count == Self.maxBytes
    }
  }

  /// Hands every whole packet to `body` until that returns false, and says whether it did.
  func forEachPacket(
    _ body: (PktLine.Packet) throws(RequestError) -> Bool
  ) throws(RequestError) -> Bool {
    var reader = PktLineReader(bytes)
    while true {
      let packet: PktLine.Packet?
      do throws(PktLineError) { packet = try reader.next() } catch { throw .pktLine(error) }
      guard let packet else {
        if isWholeBody && !reader.rest.isEmpty { throw .truncated }
        return false
      }
      if !(try body(packet)) { return true }
    }
  }
}

/// What the beginning of a POST to `git-receive-pack` says about the push.
///
/// Source: gitprotocol-pack, reference update request and packfile transfer.
package struct ReceivePackRequest: Hashable, Sendable {
  /// One command of a push. Ids are 40 or 64 hexadecimal digits in lower case.
  package struct Update: Hashable, Sendable {
    /// The id that the client believes the ref has; all zeros for a ref to be created.
    package var old: String
    /// The id that the ref shall get; all zeros for a ref to be deleted.
    package var new: String
    /// The full name of the ref; bytes that are not UTF-8 are replaced.
    package var ref: String

    package init(old: String, new: String, ref: String) {
      self.old = old
      self.new = new
      self.ref = ref
    }

    package var isCreation: Bool { old.utf8.allSatisfy { $0 == UInt8(ascii: "0") } }
    package var isDeletion: Bool { new.utf8.allSatisfy { $0 == UInt8(ascii: "0") } }
  }

  /// The commands, in their order.
  package var updates: [Update] = []
  /// The capabilities of the first command or of the push certificate, such as `side-band-64k`.
  package var capabilities: [String] = []
  /// Whether the commands came in a signed push certificate.
  package var isSigned = false
  /// Whether the body is a flush-pkt without commands: the probe of 4 bytes before a big push.
  package var isProbe = false

  package init() {}

  /// Whether the answer is to be a report of each ref.
  package var wantsReport: Bool { has("report-status") || has("report-status-v2") }
  /// The object format named, or nil for the default, SHA-1.
  package var objectFormat: String? {
    let key = "object-format="
    return capabilities.first { $0.hasPrefix(key) }.map { String($0.dropFirst(key.count)) }
  }
  /// When the client reads the answer as sideband.
  package var sidebandStart: PktLineTracker.SidebandStart { has("side-band-64k") ? .immediately : .never }

  package func has(_ capability: String) -> Bool { capabilities.contains(capability) }

  /// Reads the beginning of a request body; of a longer one only the first 64 KiB count, also after inflation.
  ///
  /// - Parameters:
  ///   - body: the body from its first byte, as it came over the wire.
  ///   - isWholeBody: whether no byte follows.
  /// - Returns: `.needsMoreBytes` until the first command, and so all capabilities, or a flush-pkt is there; `.whole`
  ///   once the flush-pkt after the commands was seen; else `.head` with the commands so far.
  /// - Throws: `RequestError`; `.truncated` only for a whole body.
  package static func inspect(
    _ body: [UInt8], coding: BodyCoding, isWholeBody: Bool
  ) throws(RequestError) -> RequestInspection<Self> {
    let head = try RequestHead(body, coding: coding, isWholeBody: isWholeBody)
    var request = Self()
    var isFirst = true
    let isEnded = try head.forEachPacket { packet throws(RequestError) in
      switch packet {
      case .flush: return false
      case .delimiter, .responseEnd: throw .unexpectedLine
      case .data(let line):
        if !line.hasPrefix("shallow ") {
          try request.read(line, isFirst: isFirst)
          isFirst = false
        }
        return true
      }
    }
    if isEnded {
      request.isProbe = isFirst
      return .whole(request)
    }
    if head.isWholeBody { throw .truncated }
    return isFirst && !head.isFull ? .needsMoreBytes : .head(request)
  }

  /// Reads a command, or a line of a push certificate, which holds the same commands among other text.
  private mutating func read(_ line: ArraySlice<UInt8>, isFirst: Bool) throws(RequestError) {
    var command = line
    if isFirst, let border = line.firstIndex(of: 0) {
      command = line[..<border]
      capabilities = line[(border + 1)...].chomped.split(separator: UInt8(ascii: " ")).map {
        String(decoding: $0, as: UTF8.self)
      }
    }
    if isFirst, command.chomped.equals("push-cert") {
      isSigned = true
    } else if let update = Update(command.chomped) {
      updates.append(update)
    } else if !isSigned {
      throw .unexpectedLine
    }
  }
}

extension ReceivePackRequest.Update {
  /// Reads `<old> <new> <ref>`; nil when the line is no command.
  init?(_ line: ArraySlice<UInt8>) {
    let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, ObjectID.isHexadecimal(parts[0]), ObjectID.isHexadecimal(parts[1]),
      parts[0].count == parts[1].count, !parts[2].isEmpty, !parts[2].contains(0)
    else { return nil }
    old = String(decoding: parts[0], as: UTF8.self).lowercased()
    new = String(decoding: parts[1], as: UTF8.self).lowercased()
    ref = String(decoding: parts[2], as: UTF8.self)
  }
}

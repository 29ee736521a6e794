/// What the beginning of a POST to `git-upload-pack` says about the request.
///
/// Sources: gitprotocol-pack, packfile negotiation; gitprotocol-v2, command request and fetch.
package struct UploadPackRequest: Hashable, Sendable {
  /// The command of a v2 request.
  package enum Command: Hashable, Sendable {
    case lsRefs, fetch
    /// Any other name, made safe for a log and cut at 64 bytes.
    case other(String)
  }

  /// The widest sideband that a v0 or v1 request asks for.
  package enum SidebandCapability: Hashable, Sendable {
    case none
    /// `side-band`: packets of at most 1,000 bytes.
    case small
    /// `side-band-64k`: packets of at most 65,520 bytes.
    case large
  }

  /// The version that the request was read as.
  package var version: ProtocolVersion
  /// The command in v2, nil when the request names none; always nil in v0 and v1.
  package var command: Command?
  /// What the first want line asks for; `.none` in v2, where the packfile section is sideband always.
  package var sideband = SidebandCapability.none
  /// Whether a v2 fetch asks for `sideband-all`.
  package var isSidebandAll = false
  /// Whether `done` was seen: the answer brings a pack.
  package var isDone = false
  /// Whether `no-progress` was seen: the client wants no band-2 text.
  package var isWithoutProgress = false

  package init(
    version: ProtocolVersion, command: Command? = nil, sideband: SidebandCapability = .none, isDone: Bool = false,
    isWithoutProgress: Bool = false
  ) {
    self.version = version
    self.command = command
    self.sideband = sideband
    self.isDone = isDone
    self.isWithoutProgress = isWithoutProgress
  }

  /// When the client reads the answer as sideband.
  package var sidebandStart: PktLineTracker.SidebandStart {
    switch version {
    case .v2 where isSidebandAll: .immediately
    case .v2: .afterPackfileLine
    case .v0, .v1: sideband == .none ? .never : .afterAcknowledgement
    }
  }

  /// Reads the beginning of a request body; of a longer one only the first 64 KiB count, also after inflation.
  ///
  /// - Parameters:
  ///   - body: the body from its first byte, as it came over the wire.
  ///   - isWholeBody: whether no byte follows.
  /// - Returns: `.needsMoreBytes` until the command (v2) or the first want line (v0, v1) is there; `.whole` once the
  ///   flush-pkt (v2) or `done` or the end of the body (v0, v1) was seen; else `.head`.
  /// - Throws: `RequestError`; `.truncated` only for a whole body.
  package static func inspect(
    _ body: [UInt8], version: ProtocolVersion, coding: BodyCoding, isWholeBody: Bool
  ) throws(RequestError) -> RequestInspection<Self> {
    let head = try RequestHead(body, coding: coding, isWholeBody: isWholeBody)
    return version == .v2 ? try inspectCommand(head) : try inspectWants(head, version: version)
  }

  private static func inspectCommand(_ head: RequestHead) throws(RequestError) -> RequestInspection<Self> {
    var request = Self(version: .v2)
    var isInArguments = false
    let isEnded = try head.forEachPacket { packet throws(RequestError) in
      switch packet {
      case .flush: return false
      case .delimiter where !isInArguments: isInArguments = true
      case .delimiter, .responseEnd: throw .unexpectedLine
      case .data(let line) where isInArguments: request.readArgument(line.chomped)
      case .data(let line): try request.readCapability(line.chomped)
      }
      return true
    }
    if isEnded { return .whole(request) }
    if head.isWholeBody { throw .truncated }
    return request.command == nil && !isInArguments && !head.isFull ? .needsMoreBytes : .head(request)
  }

  private mutating func readCapability(_ line: ArraySlice<UInt8>) throws(RequestError) {
    guard line.hasPrefix("command=") else { return }
    // git refuses this too; whoever reads the first and whoever reads the last would not agree.
    guard command == nil else { throw .unexpectedLine }
    command = Command(name: line.dropFirst("command=".utf8.count))
  }

  private mutating func readArgument(_ line: ArraySlice<UInt8>) {
    guard command == .fetch else { return }
    if line.equals("done") { isDone = true }
    if line.equals("no-progress") { isWithoutProgress = true }
    if line.equals("sideband-all") { isSidebandAll = true }
  }

  private static func inspectWants(
    _ head: RequestHead, version: ProtocolVersion
  ) throws(RequestError) -> RequestInspection<Self> {
    var request = Self(version: version)
    var hasWant = false
    let isEnded = try head.forEachPacket { packet throws(RequestError) in
      switch packet {
      // A flush-pkt ends the wants, and later each batch of haves. Without wants it says: nothing, thanks.
      case .flush: return hasWant
      case .delimiter, .responseEnd: throw .unexpectedLine
      case .data(let line):
        if line.hasPrefix("want "), !hasWant {
          hasWant = true
          request.readCapabilities(line.chomped)
        }
        request.isDone = line.chomped.equals("done")
        return !request.isDone
      }
    }
    if isEnded || head.isWholeBody && hasWant { return .whole(request) }
    if head.isWholeBody { throw .truncated }
    return hasWant || head.isFull ? .head(request) : .needsMoreBytes
  }

  private mutating func readCapabilities(_ line: ArraySlice<UInt8>) {
    for word in line.split(separator: UInt8(ascii: " ")).dropFirst(2) {
      if word.equals("side-band-64k") { sideband = .large }
      if word.equals("side-band"), sideband == .none { sideband = .small }
      if word.equals("no-progress") { isWithoutProgress = true }
    }
  }
}

extension UploadPackRequest.Command {
  /// The command that the line `command=<name>` names.
  init(name: ArraySlice<UInt8>) {
    if name.equals("ls-refs") {
      self = .lsRefs
    } else if name.equals("fetch") {
      self = .fetch
    } else {
      self = .other(GitError.sanitised(String(decoding: name.prefix(64), as: UTF8.self)))
    }
  }
}

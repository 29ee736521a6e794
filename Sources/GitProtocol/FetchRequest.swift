/// A v2 `fetch` whose answer depends on nothing but the repository's objects and what is asked: one that may be cached.
///
/// Source: gitprotocol-v2, fetch.
package struct FetchRequest: Sendable {
  /// Most want lines.
  package static let maxWants = 16_384

  /// The ids asked for in lower case, sorted, each once; at least one. They share their memory with the request body.
  package let wants: [ArraySlice<UInt8>]
  /// The ids that the client says it has in lower case, sorted, each once.
  package let haves: [ArraySlice<UInt8>]
  /// Whether the client ends the negotiation: the answer brings a pack. Without it a round of acknowledgments may come.
  package let isDone: Bool
  /// Whether the client wants no band-2 text.
  package let isWithoutProgress: Bool
  /// Whether the lines before the pack are sideband as well.
  package let isSidebandAll: Bool
  package let objectFormat: ObjectFormat
  /// All that changes the bytes of the answer, in one form: requests that differ in `agent`, `session-id`,
  /// `no-progress`, the order of their lines or the repetition of one have the same bytes, others never.
  ///
  /// Pkt-lines: the protocol version, the object format, a delim-pkt, the arguments sorted and each once, a flush-pkt.
  package let canonicalBytes: [UInt8]

  /// Reads a request; nil for one that must not be cached or is not understood.
  ///
  /// Nil are other commands, and every line that is not known. `want-ref`, `deepen-not` and the filter `sparse:oid` are
  /// among those on purpose: they name refs, so the same words mean another pack after a push. So are `packfile-uris`,
  /// `wait-for-done` and `server-option`, which give the answer another form or another meaning. Nil are
  /// also ids of the wrong form, no want, more than 16,384 wants, and a line said twice that has but one value.
  package init?(_ command: CommandRequest) {
    guard command.command == .fetch, let objectFormat = Self.objectFormat(of: command.capabilities) else { return nil }
    var lines: [ArraySlice<UInt8>] = []
    var wantCount = 0
    var isDone = false
    var isWithoutProgress = false
    var isSidebandAll = false
    var limits: Set<String> = []
    for line in command.arguments {
      guard let (name, value) = Self.split(line) else { return nil }
      switch (name, value) {
      case ("want", let id?), ("have", let id?), ("shallow", let id?):
        guard Self.isObjectID(id, objectFormat) else { return nil }
        if name == "want" { wantCount += 1 }
      case ("deepen", let number?), ("deepen-since", let number?):
        guard Self.isNumber(number), limits.insert(name).inserted else { return nil }
      case ("filter", let text?):
        guard Self.isFilter(text), limits.insert(name).inserted else { return nil }
      case ("done", nil): isDone = true
      case ("no-progress", nil):
        isWithoutProgress = true
        continue
      case ("sideband-all", nil): isSidebandAll = true
      case ("thin-pack", nil), ("ofs-delta", nil), ("include-tag", nil), ("deepen-relative", nil): break
      default: return nil
      }
      lines.append(line)
    }
    guard 1...Self.maxWants ~= wantCount else { return nil }
    let sorted = lines.sortedUnique()
    wants = Self.values(of: "want ", in: sorted)
    haves = Self.values(of: "have ", in: sorted)
    self.isDone = isDone
    self.isWithoutProgress = isWithoutProgress
    self.isSidebandAll = isSidebandAll
    self.objectFormat = objectFormat
    canonicalBytes = Self.canonical(objectFormat, sorted)
  }

  /// The object format named, SHA-1 when none is; nil for a capability that may change the answer.
  private static func objectFormat(of capabilities: [ArraySlice<UInt8>]) -> ObjectFormat? {
    var named: ObjectFormat?
    for line in capabilities where !line.isClientName {
      guard named == nil, line.hasPrefix("object-format="),
        let format = ObjectFormat(
          rawValue: String(decoding: line.dropFirst("object-format=".utf8.count), as: UTF8.self))
      else { return nil }
      named = format
    }
    return named ?? .sha1
  }

  /// Splits `<name>` or `<name> <value>`; nil when the name is longer than any known one.
  private static func split(_ line: ArraySlice<UInt8>) -> (name: String, value: ArraySlice<UInt8>?)? {
    let name = line.prefix { $0 != UInt8(ascii: " ") }
    // Not longer, it is kept in place: no memory is asked for a line.
    guard name.count <= "deepen-relative".utf8.count else { return nil }
    let value = name.endIndex < line.endIndex ? line[(name.endIndex + 1)...] : nil
    return (String(decoding: name, as: UTF8.self), value)
  }

  /// git takes ids in upper case, too, but writes them in lower case: a second spelling would be a second key.
  private static func isObjectID(_ digits: ArraySlice<UInt8>, _ format: ObjectFormat) -> Bool {
    digits.count == format.idDigits && ObjectID.isLowerCaseHexadecimal(digits)
  }

  /// A decimal number in the one way to write it.
  private static func isNumber(_ digits: ArraySlice<UInt8>) -> Bool {
    1...19 ~= digits.count && digits.first != UInt8(ascii: "0")
      && digits.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
  }

  /// Whether a filter, or each part of a combined one, looks at the objects alone. Source: git-rev-list, --filter.
  private static func isFilter(_ text: ArraySlice<UInt8>) -> Bool {
    let isCombined = text.hasPrefix("combine:")
    let parts = isCombined ? text.dropFirst("combine:".utf8.count).split(separator: UInt8(ascii: "+")) : [text]
    return !parts.isEmpty
      && parts.allSatisfy { $0.hasPrefix("blob:") || $0.hasPrefix("tree:") || $0.hasPrefix("object:type=") }
  }

  private static func values(of prefix: StaticString, in lines: [ArraySlice<UInt8>]) -> [ArraySlice<UInt8>] {
    lines.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.utf8CodeUnitCount) }
  }

  private static func canonical(_ format: ObjectFormat, _ lines: [ArraySlice<UInt8>]) -> [UInt8] {
    var output: [UInt8] = []
    PktLine.append(line: "version 2", to: &output)
    PktLine.append(line: "object-format=\(format.rawValue)", to: &output)
    output += PktLine.delimiter
    for line in lines { PktLine.append(line, to: &output) }
    return output + PktLine.flush
  }
}

extension [ArraySlice<UInt8>] {
  /// The lines in the order of their bytes, each once.
  func sortedUnique() -> [ArraySlice<UInt8>] {
    var unique: [ArraySlice<UInt8>] = []
    for line in sorted(by: { $0.lexicographicallyPrecedes($1) }) where line != unique.last { unique.append(line) }
    return unique
  }
}

extension ArraySlice<UInt8> {
  /// Whether a capability line only tells who asks. Source: gitprotocol-v2, agent and session-id.
  var isClientName: Bool { hasPrefix("agent=") || hasPrefix("session-id=") }
}

/// Why bytes are no ref advertisement.
package enum AdvertisementError: Error, Hashable {
  case pktLine(PktLineError)
  /// More than 16 MiB.
  case tooLarge
  /// The bytes end before the last flush-pkt, or go on after it.
  case badEnd
  /// A pkt-line in a place where an advertisement has no such line; carries its number, counted from 1.
  case unexpectedLine(Int)
}

/// The ref advertisement of protocol v0 and v1: the reply to `GET info/refs` for either service.
///
/// Parse what one server says, change it, and encode it again. Sources: gitprotocol-http, smart server response;
/// gitprotocol-pack, reference discovery.
package struct Advertisement: Equatable, Sendable {
  /// Most bytes accepted.
  package static let maxBytes = 16 << 20

  /// One line of the advertisement. Peeled tags (`refs/tags/v1^{}`) and `.have` lines are lines of their own.
  package struct Reference: Equatable, Sendable {
    /// 40 or 64 hexadecimal digits.
    package var objectID: ArraySlice<UInt8>
    /// The name of the ref, any bytes but NUL and newline.
    package var name: ArraySlice<UInt8>

    package init(objectID: ArraySlice<UInt8>, name: ArraySlice<UInt8>) {
      self.objectID = objectID
      self.name = name
    }
  }

  package var service: Service
  /// `.v1` writes the line `version 1` in front of the refs; `.v0` and `.v2` do not.
  package var version: ProtocolVersion
  /// The lines in their order; none for an empty repo.
  package var references: [Reference]
  /// The capabilities in their order, without `symref=HEAD:...`.
  package var capabilities: [String]
  /// The ref that HEAD names: the value of the capability `symref=HEAD:`. Nil for none, and for a detached HEAD.
  package var headTarget: String?
  /// Ids of the `shallow` lines after the refs, as they stand in a shallow repo.
  package var shallow: [ArraySlice<UInt8>]

  package init(
    service: Service, version: ProtocolVersion = .v0, references: [Reference] = [], capabilities: [String] = [],
    headTarget: String? = nil, shallow: [ArraySlice<UInt8>] = []
  ) {
    self.service = service
    self.version = version
    self.references = references
    self.capabilities = capabilities
    self.headTarget = headTarget
    self.shallow = shallow
  }

  /// Makes HEAD the first line, as `headTarget` resolves among the refs: a HEAD line that stands elsewhere moves, a
  /// missing one is made, and one whose branch is not there goes. Without `headTarget` a HEAD line only moves.
  ///
  /// For receive-pack: stock git does not advertise HEAD to a push.
  package mutating func placeHeadFirst() {
    let head = Array("HEAD".utf8)[...]
    let detached = references.first { $0.name == head }
    references.removeAll { $0.name == head }
    if let headTarget {
      guard let branch = references.first(where: { $0.name.elementsEqual(headTarget.utf8) }) else { return }
      references.insert(Reference(objectID: branch.objectID, name: head), at: 0)
    } else if let detached {
      references.insert(detached, at: 0)
    }
  }

  /// The bytes of the reply: banner, flush-pkt, refs with the capabilities behind the NUL of the first line, flush-pkt.
  ///
  /// `symref=HEAD:<headTarget>` comes last among the capabilities. Without refs the zero id and `capabilities^{}` stand
  /// in for the first line. A ref line must fit in one pkt-line with the capabilities: the caller keeps their list short.
  package func encoded() -> [UInt8] {
    var output = Self.banner(of: service)
    if version == .v1 { PktLine.append(line: "version 1", to: &output) }
    var capabilities = capabilities
    if let headTarget { capabilities.append("symref=HEAD:\(headTarget)") }
    let suffix = [0] + Array(capabilities.joined(separator: " ").utf8)
    if references.isEmpty {
      Self.append(Array(Self.zeroID.utf8), Array(Self.emptyName.utf8), suffix, to: &output)
    }
    for (position, reference) in references.enumerated() {
      Self.append(reference.objectID, reference.name, position == 0 ? suffix : [], to: &output)
    }
    for id in shallow {
      PktLine.append(line: "shallow \(String(decoding: id, as: UTF8.self))", to: &output)
    }
    return output + PktLine.flush
  }

  static let zeroID = String(repeating: "0", count: 40)
  /// The name that carries the capabilities when there is no ref.
  static let emptyName = "capabilities^{}"

  /// `# service=<name>` and the flush-pkt after it.
  static func banner(of service: Service) -> [UInt8] {
    var output: [UInt8] = []
    PktLine.append(line: "# service=\(service.wireName)", to: &output)
    return output + PktLine.flush
  }

  private static func append(
    _ id: some Collection<UInt8>, _ name: some Collection<UInt8>, _ suffix: [UInt8], to output: inout [UInt8]
  ) {
    // Id, blank, name, NUL and capabilities, newline.
    PktLine.appendPrefix(payloadBytes: id.count + 1 + name.count + suffix.count + 1, to: &output)
    output.append(contentsOf: id)
    output.append(UInt8(ascii: " "))
    output.append(contentsOf: name)
    output.append(contentsOf: suffix)
    output.append(UInt8(ascii: "\n"))
  }
}

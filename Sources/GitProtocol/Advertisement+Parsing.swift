extension Advertisement {
  /// Reads a whole advertisement of at most 16 MiB, with the banner `# service=...` (then of this service) or without,
  /// as `git upload-pack --http-backend-info-refs` prints it.
  ///
  /// Throws `AdvertisementError`. An `ERR` line is an unexpected line.
  package init(parsing bytes: [UInt8], service: Service) throws(AdvertisementError) {
    guard bytes.count <= Self.maxBytes else { throw .tooLarge }
    self.init(service: service)
    var lines = Lines(bytes)
    var line = try lines.next()
    if let banner = line, banner.hasPrefix("# service=") {
      guard banner.dropFirst("# service=".utf8.count).elementsEqual(service.wireName.utf8), try lines.next() == nil
      else { throw lines.unexpected }
      line = try lines.next()
    }
    if let text = line, text.equals("version 1") {
      version = .v1
      line = try lines.next()
    }
    var isFirst = true
    while let text = line {
      if !isFirst, text.hasPrefix("shallow ") {
        let id = text.dropFirst("shallow ".utf8.count)
        guard ObjectID.isHexadecimal(id) else { throw lines.unexpected }
        shallow.append(id)
      } else if let reference = isFirst ? readFirst(text) : Self.reference(text) {
        let isPlaceholder = isFirst && reference.name.elementsEqual(Self.emptyName.utf8)
        if !isPlaceholder { references.append(reference) }
      } else {
        throw lines.unexpected
      }
      isFirst = false
      line = try lines.next()
    }
    guard lines.isAtEnd else { throw .badEnd }
  }

  /// Reads the first line, `<id> <name>NUL<capabilities>`; nil when it is no such line.
  private mutating func readFirst(_ line: ArraySlice<UInt8>) -> Reference? {
    let border = line.firstIndex(of: 0) ?? line.endIndex
    readCapabilities(line[border...].dropFirst())
    return Self.reference(line[..<border])
  }

  /// Splits `<id> <name>`; nil when the line is no ref.
  private static func reference(_ line: ArraySlice<UInt8>) -> Reference? {
    guard let blank = line.firstIndex(of: UInt8(ascii: " ")), ObjectID.isHexadecimal(line[..<blank]) else { return nil }
    let name = line[(blank + 1)...]
    return name.isEmpty || name.contains(0) ? nil : Reference(objectID: line[..<blank], name: name)
  }

  private mutating func readCapabilities(_ list: ArraySlice<UInt8>) {
    for word in list.split(separator: UInt8(ascii: " ")) {
      let text = String(decoding: word, as: UTF8.self)
      if headTarget == nil, text.hasPrefix("symref=HEAD:") {
        headTarget = String(text.dropFirst("symref=HEAD:".count))
      } else {
        capabilities.append(text)
      }
    }
  }

  /// The lines up to a flush-pkt, without their newlines, and the number of the last one.
  private struct Lines {
    private var reader: PktLineReader
    private var number = 0

    init(_ bytes: [UInt8]) { reader = PktLineReader(bytes) }

    var isAtEnd: Bool { reader.rest.isEmpty }
    var unexpected: AdvertisementError { .unexpectedLine(number) }

    /// The next line, or nil at a flush-pkt.
    mutating func next() throws(AdvertisementError) -> ArraySlice<UInt8>? {
      number += 1
      let packet: PktLine.Packet?
      do throws(PktLineError) { packet = try reader.next() } catch { throw .pktLine(error) }
      switch packet {
      case nil: throw .badEnd
      case .flush: return nil
      case .delimiter, .responseEnd: throw unexpected
      case .data(let line): return line.chomped
      }
    }
  }
}

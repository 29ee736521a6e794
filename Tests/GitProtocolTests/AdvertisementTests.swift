import GatewayTestSupport
import GitProtocol
import Testing

private let main = "\(oneID) refs/heads/main"

/// What stock git prints for a repo with a branch and an annotated tag.
private let stock =
  packet("\(oneID) HEAD\0multi_ack thin-pack side-band symref=HEAD:refs/heads/main agent=git/2.39.5\n")
  + packet("\(main)\n") + packet("\(twoID) refs/tags/v1\n") + packet("\(oneID) refs/tags/v1^{}\n") + PktLine.flush

private let liveCapabilities = ["agent=gitty/1.0", "object-format=sha1", "side-band-64k"]

private func banner(_ service: Service) -> [UInt8] { packet("# service=\(service.wireName)\n") + PktLine.flush }

@Suite struct AdvertisementTests {
  @Test func `A parsed advertisement names its refs, capabilities and default branch`() throws {
    let advertisement = try Advertisement(parsing: stock, service: .uploadPack)
    #expect(advertisement.capabilities == ["multi_ack", "thin-pack", "side-band", "agent=git/2.39.5"])
    #expect(advertisement.headTarget == "refs/heads/main")
    #expect(
      advertisement.references.map { text($0.name) } == ["HEAD", "refs/heads/main", "refs/tags/v1", "refs/tags/v1^{}"])
    #expect(text(advertisement.references[2].objectID) == twoID)
    #expect(advertisement.version == .v0)
  }

  @Test func `Another list of capabilities replaces that of stock git`() throws {
    var advertisement = try Advertisement(parsing: stock, service: .uploadPack)
    advertisement.capabilities = liveCapabilities
    let first = "\(oneID) HEAD\0agent=gitty/1.0 object-format=sha1 side-band-64k symref=HEAD:refs/heads/main\n"
    let rest = stock.dropFirst(try #require(try packets(stock).packets.first.map(size)))
    #expect(advertisement.encoded() == banner(.uploadPack) + packet(first) + rest)
  }

  @Test func `What was encoded is parsed again to the same`() throws {
    for version in [ProtocolVersion.v0, .v1] {
      var advertisement = try Advertisement(parsing: stock, service: .uploadPack)
      advertisement.version = version
      advertisement.shallow = [bytes(twoID)[...]]
      let encoded = advertisement.encoded()
      #expect(try Advertisement(parsing: encoded, service: .uploadPack) == advertisement)
      #expect(text(encoded).contains("000eversion 1\n") == (version == .v1))
    }
  }

  @Test func `A push advertisement gets HEAD in front`() throws {
    let plain = packet("\(twoID) refs/heads/a\0report-status\n") + packet("\(main)\n") + PktLine.flush
    var advertisement = try Advertisement(parsing: plain, service: .receivePack)
    advertisement.headTarget = "refs/heads/main"
    advertisement.placeHeadFirst()
    #expect(
      advertisement.encoded() == banner(.receivePack)
        + packet("\(oneID) HEAD\0report-status symref=HEAD:refs/heads/main\n") + packet("\(twoID) refs/heads/a\n")
        + packet("\(main)\n") + PktLine.flush)
  }

  @Test func `A HEAD line moves to the front, and goes when its branch is not there`() throws {
    let plain = packet("\(main)\0x\n") + packet("\(twoID) HEAD\n") + PktLine.flush
    var advertisement = try Advertisement(parsing: plain, service: .uploadPack)
    advertisement.placeHeadFirst()
    #expect(advertisement.references.map { text($0.name) } == ["HEAD", "refs/heads/main"])
    #expect(text(advertisement.references[0].objectID) == twoID)
    advertisement.headTarget = "refs/heads/none"
    advertisement.placeHeadFirst()
    #expect(advertisement.references.map { text($0.name) } == ["refs/heads/main"])
  }

  @Test func `An empty repo shows the zero id and capabilities^{}`() throws {
    let empty = packet("\(zeroID) capabilities^{}\0side-band-64k symref=HEAD:refs/heads/main\n") + PktLine.flush
    let advertisement = try Advertisement(parsing: empty, service: .uploadPack)
    #expect(advertisement.references.isEmpty)
    #expect(advertisement.headTarget == "refs/heads/main")
    #expect(advertisement.encoded() == banner(.uploadPack) + empty)
    #expect(try Advertisement(parsing: PktLine.flush, service: .uploadPack).references.isEmpty)
  }

  @Test func `In v2 the capabilities stand alone`() {
    let capabilities = ["agent=gitty/1.0", "ls-refs=unborn", "fetch=shallow filter sideband-all", "object-format=sha1"]
    let lines = capabilities.flatMap { packet($0 + "\n") }
    let plain = packet("version 2\n") + lines + PktLine.flush
    #expect(CapabilityAdvertisement(capabilities: capabilities, hasBanner: false).encoded() == plain)
    #expect(
      CapabilityAdvertisement(capabilities: capabilities, hasBanner: true).encoded() == banner(.uploadPack) + plain)
  }

  @Test(arguments: [banner(.uploadPack) + stock, banner(.uploadPack) + packet("version 1\n") + stock])
  func `An advertisement cut at any byte has a bad end`(whole: [UInt8]) {
    #expect(throws: Never.self) { try Advertisement(parsing: whole, service: .uploadPack) }
    for count in whole.indices {
      #expect(throws: AdvertisementError.badEnd) {
        try Advertisement(parsing: Array(whole[..<count]), service: .uploadPack)
      }
    }
  }

  @Test(arguments: [
    (stock + stock, AdvertisementError.badEnd), (packet("ERR no such repo") + PktLine.flush, .unexpectedLine(1)),
    (packet("# service=git-receive-pack\n") + PktLine.flush + stock, .unexpectedLine(1)),
    (packet("version 2\n") + PktLine.flush, .unexpectedLine(1)), (PktLine.delimiter, .unexpectedLine(1)),
    (packet("\(main)\0x") + packet("\(twoID) refs/heads/b\0y") + PktLine.flush, .unexpectedLine(2)),
    (packet("\(main)\0x") + packet("12 refs/heads/b") + PktLine.flush, .unexpectedLine(2)),
    (packet("\(main)\0x") + packet("shallow 12") + PktLine.flush, .unexpectedLine(2)),
    (packet("\(main)\0x") + packet("shallow \(twoID.dropLast())x") + PktLine.flush, .unexpectedLine(2)),
    (bytes("0003"), .pktLine(.badLength(3))), (bytes("<html>"), .pktLine(.notHexadecimal)),
  ])
  func `Other bytes are refused`(input: [UInt8], error: AdvertisementError) {
    #expect(throws: error) { try Advertisement(parsing: input, service: .uploadPack) }
  }

  @Test func `More than 16 MiB are not read`() {
    let input = Array(repeating: UInt8(ascii: "0"), count: Advertisement.maxBytes + 1)
    #expect(throws: AdvertisementError.tooLarge) { try Advertisement(parsing: input, service: .uploadPack) }
  }

  @Test func `Random damage never traps`() {
    var generator = SplitMix64(state: 6)
    for _ in 0..<2_000 {
      var input = stock
      for _ in 0..<3 {
        input[Int.random(in: 0..<input.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      var advertisement = try? Advertisement(parsing: input, service: .uploadPack)
      advertisement?.placeHeadFirst()
      _ = advertisement?.encoded()
    }
  }

  private func size(_ packet: PktLine.Packet) -> Int {
    if case .data(let line) = packet { line.count + PktLine.prefixBytes } else { PktLine.prefixBytes }
  }
}

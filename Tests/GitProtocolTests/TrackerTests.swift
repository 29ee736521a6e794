import GatewayTestSupport
import GitProtocol
import Testing

/// A fetch in v2 that brings a pack: acknowledgments, the packfile section with progress, three pieces of pack.
private let fetchResponse: [UInt8] =
  packet("acknowledgments\n") + packet("ACK \(oneID)\n") + packet("ready\n") + PktLine.delimiter
  + packet("packfile\n") + packet(.progress, bytes("Enumerating objects: 3, done.\n"))
  + packet(.data, bytes("PACK\0\0\0\u{2}\0\0\0\u{3}")) + packet(.data, []) + packet("")
  + packet(.data, Array(repeating: 0xab, count: 300)) + packet(.progress, bytes("Total 3\n"))
  + packet(.data, Array(0..<40)) + PktLine.flush

/// The same in v0 with side-band-64k, after a shallow section.
private let acknowledgedResponse: [UInt8] =
  packet("shallow \(twoID)\n") + PktLine.flush + packet("ACK \(oneID) common\n") + packet("ACK \(oneID)\n")
  + packet(.progress, bytes("Counting\r")) + packet(.data, bytes("PACK0123456789")) + PktLine.flush

/// A push report in side-band-64k.
private let pushResponse: [UInt8] =
  packet(.progress, bytes("hello\n"))
  + packet(.data, packet("unpack ok\n") + packet("ok refs/heads/main\n") + PktLine.flush)
  + PktLine.flush

private let refsResponse: [UInt8] =
  packet("\(oneID) HEAD symref-target:refs/heads/main\n") + packet("\(oneID) refs/heads/main\n") + PktLine.flush

/// Relays `chunk` and appends what goes out to `output`; also checks that no byte is lost or held too long.
private func relay(_ chunk: ArraySlice<UInt8>, _ tracker: inout PktLineTracker, _ output: inout [UInt8]) {
  let held = tracker.heldPrefix.count
  let release = chunk.withUnsafeBytes { tracker.advance(over: $0) }
  output += release.prefix
  output += chunk.prefix(release.count)
  #expect(tracker.heldPrefix.count <= 3)
  #expect(held + chunk.count == release.prefix.count + release.count + tracker.heldPrefix.count)
}

@Suite struct TrackerTests {
  static let streams: [([UInt8], PktLineTracker.SidebandStart)] = [
    (fetchResponse, .afterPackfileLine), (acknowledgedResponse, .afterAcknowledgement), (pushResponse, .immediately),
    (refsResponse, .afterPackfileLine),
  ]

  @Test(arguments: streams)
  func `A stream cut at any byte ends in an error packet`(
    stream: [UInt8], sideband: PktLineTracker.SidebandStart
  ) throws {
    for cut in stream.indices {
      var tracker = PktLineTracker(sideband: sideband)
      var output: [UInt8] = []
      relay(stream[..<cut], &tracker, &output)
      #expect(tracker.hasForwarded == !output.isEmpty)
      let isErrorInBand = tracker.isInSideband
      let read = try packets(output + tracker.ending(with: "origin went away"))
      #expect(read.rest.isEmpty)
      guard case .data(let last) = read.packets.last else {
        Issue.record("no data-pkt at the end after a cut at \(cut)")
        continue
      }
      let form =
        isErrorInBand ? "\u{3}artifacts-gateway: origin went away" : "ERR artifacts-gateway: origin went away"
      #expect(text(last) == form)
    }
  }

  @Test(arguments: streams)
  func `Two chunks or single bytes make the same stream and the same state`(
    stream: [UInt8], sideband: PktLineTracker.SidebandStart
  ) {
    var whole = PktLineTracker(sideband: sideband)
    var expected: [UInt8] = []
    relay(stream[...], &whole, &expected)
    #expect(expected == stream)
    #expect(whole.endsInFlush)
    #expect(whole.isBetweenPackets)
    #expect(!whole.isTransparent)
    for border in 0...stream.count {
      var tracker = PktLineTracker(sideband: sideband)
      var output: [UInt8] = []
      relay(stream[..<border], &tracker, &output)
      relay(stream[border...], &tracker, &output)
      #expect(output == stream)
      #expect(tracker.ending(with: "x") == whole.ending(with: "x"))
    }
    var single = PktLineTracker(sideband: sideband)
    var output: [UInt8] = []
    for index in stream.indices { relay(stream[index...index], &single, &output) }
    #expect(output == stream)
    #expect(single.isInSideband == whole.isInSideband)
  }

  @Test func `An open packet without its band becomes progress`() {
    var tracker = PktLineTracker(sideband: .immediately)
    var output: [UInt8] = []
    relay(bytes("0008")[...], &tracker, &output)
    #expect(tracker.openBytes == 4)
    #expect(tracker.openBand == nil)
    #expect(text(tracker.ending(with: "x")) == "\u{2}   " + text(GitError.bandThree("x")))
  }

  @Test(arguments: [(Sideband.data, "\0\0"), (.progress, "  "), (.error, "  ")])
  func `An open packet is filled up in its band`(band: Sideband, padding: String) {
    var tracker = PktLineTracker(sideband: .afterPackfileLine)
    var output: [UInt8] = []
    relay((bytes("0008") + [band.rawValue, 65])[...], &tracker, &output)
    #expect(tracker.openBand == band.rawValue)
    #expect(text(tracker.ending(with: "x")) == padding + text(GitError.bandThree("x")))
  }

  @Test func `After the last flush-pkt of sideband there is nothing to say`() {
    for (stream, sideband) in Self.streams.prefix(3) {
      var tracker = PktLineTracker(sideband: sideband)
      var output: [UInt8] = []
      relay(stream[...], &tracker, &output)
      #expect(tracker.ending(with: "x").isEmpty)
    }
  }

  @Test(arguments: [
    ("packfile\n", PktLineTracker.SidebandStart.afterPackfileLine, true), ("packfile", .afterPackfileLine, true),
    ("packfile-uris\n", .afterPackfileLine, false), ("NAK\n", .afterPackfileLine, false),
    ("NAK\n", .afterAcknowledgement, true), ("NAK", .afterAcknowledgement, true),
    ("NAKED", .afterAcknowledgement, false),
    ("ACK \(oneID)\n", .afterAcknowledgement, true), ("ACK \(oneID) ready\n", .afterAcknowledgement, false),
    ("ACK \(oneID)\n", .never, false), ("packfile\n", .never, false), ("\u{2}text", .never, true),
  ])
  func `Sideband begins where the negotiation says`(
    line: String, sideband: PktLineTracker.SidebandStart, begins: Bool
  ) {
    var tracker = PktLineTracker(sideband: sideband)
    var output: [UInt8] = []
    relay(packet(line)[...], &tracker, &output)
    #expect(tracker.isInSideband == begins)
  }

  @Test(arguments: ["PACK\0\0\0\u{2}", "<html>", "0003", "ffff and more", "x", "00zz", "0x"])
  func `Bytes that are no pkt-line make the stream transparent`(garbage: String) {
    let stream = packet("NAK\n") + bytes(garbage) + Array(repeating: 48, count: 20)
    for border in 0...stream.count {
      var tracker = PktLineTracker(sideband: .never)
      var output: [UInt8] = []
      relay(stream[..<border], &tracker, &output)
      relay(stream[border...], &tracker, &output)
      #expect(output == stream)
      #expect(tracker.isTransparent)
      #expect(tracker.ending(with: "x").isEmpty)
    }
  }

  @Test func `Bytes held back can be taken at the clean end`() {
    var tracker = PktLineTracker(sideband: .never)
    var output: [UInt8] = []
    relay(bytes("00")[...], &tracker, &output)
    #expect(output.isEmpty)
    #expect(!tracker.hasForwarded)
    #expect(Array(tracker.takeHeldPrefix()) == bytes("00"))
    #expect(tracker.heldPrefix.isEmpty)
    #expect(tracker.ending(with: "x").isEmpty)
  }

  @Test func `Random bytes pass unchanged whatever the chunks`() {
    var generator = SplitMix64(state: 3)
    for _ in 0..<2_000 {
      let alphabet = bytes("000012f\u{1}\u{3}PA")
      let stream = (0..<60).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
      var tracker = PktLineTracker(sideband: .afterPackfileLine)
      var output: [UInt8] = []
      var rest = stream[...]
      while !rest.isEmpty {
        let chunk = rest.prefix(Int.random(in: 1...9, using: &generator))
        relay(chunk, &tracker, &output)
        rest = rest.dropFirst(chunk.count)
      }
      _ = tracker.ending(with: "x")
      #expect(output + tracker.takeHeldPrefix() == stream)
    }
  }
}

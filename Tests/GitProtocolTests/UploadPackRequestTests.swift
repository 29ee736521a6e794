import GatewayTestSupport
import GitProtocol
import Testing

private let fetchHead = packet("command=fetch") + packet("agent=git/2.39.5") + packet("object-format=sha1")
private let fetch =
  fetchHead + PktLine.delimiter + packet("thin-pack") + packet("no-progress") + packet("want \(oneID)\n")
  + packet("done\n") + PktLine.flush
private let clone =
  packet("want \(oneID) multi_ack_detailed no-done side-band-64k thin-pack no-progress agent=git/2.39.5\n")
  + packet("want \(twoID)\n") + PktLine.flush + packet("done\n")

private func inspect(
  _ body: [UInt8], _ version: ProtocolVersion, _ coding: BodyCoding = .identity, whole: Bool = true
) throws(RequestError) -> RequestInspection<UploadPackRequest> {
  try UploadPackRequest.inspect(body, version: version, coding: coding, isWholeBody: whole)
}

@Suite struct UploadPackRequestTests {
  private var fetchRequest: UploadPackRequest {
    UploadPackRequest(version: .v2, command: .fetch, isDone: true, isWithoutProgress: true)
  }
  private var cloneRequest: UploadPackRequest {
    UploadPackRequest(version: .v0, sideband: .large, isDone: true, isWithoutProgress: true)
  }

  @Test func `A fetch in v2 is read, plain or compressed`() throws {
    #expect(try inspect(fetch, .v2) == .whole(fetchRequest))
    #expect(try inspect(gzipped(fetch), .v2, .gzip) == .whole(fetchRequest))
    #expect(fetchRequest.sidebandStart == .afterPackfileLine)
  }

  @Test func `A fetch in v0 is read, plain or compressed`() throws {
    #expect(try inspect(clone, .v0) == .whole(cloneRequest))
    #expect(try inspect(gzipped(clone), .v0, .gzip) == .whole(cloneRequest))
    #expect(cloneRequest.sidebandStart == .afterAcknowledgement)
  }

  @Test(arguments: [
    ("ls-refs", UploadPackRequest.Command.lsRefs), ("fetch", .fetch), ("object-info", .other("object-info")),
    ("\u{1b}", .other(#"\u{1b}"#)), ("", .other("")),
  ])
  func `The command of a v2 request is named`(name: String, command: UploadPackRequest.Command) throws {
    let body = packet("command=\(name)\n") + PktLine.delimiter + PktLine.flush
    #expect(try inspect(body, .v2).request?.command == command)
  }

  @Test func `A long command name is cut`() throws {
    let body = packet("command=" + String(repeating: "x", count: 9_000)) + PktLine.flush
    #expect(try inspect(body, .v2).request?.command == .other(String(repeating: "x", count: 64)))
  }

  @Test(arguments: [
    ("", UploadPackRequest.SidebandCapability.none, PktLineTracker.SidebandStart.never),
    (" side-band", .small, .afterAcknowledgement), (" side-band side-band-64k", .large, .afterAcknowledgement),
    (" side-band-64k side-band", .large, .afterAcknowledgement), (" xside-band", .none, .never),
  ])
  func `The first want line names the sideband`(
    capabilities: String, sideband: UploadPackRequest.SidebandCapability, start: PktLineTracker.SidebandStart
  ) throws {
    let body = packet("want \(oneID)\(capabilities)\n") + PktLine.flush + packet("done\n")
    let request = try #require(try inspect(body, .v1).request)
    #expect(request.sideband == sideband)
    #expect(request.sidebandStart == start)
  }

  @Test func `A round without done ends with the body`() throws {
    let body = packet("want \(oneID) side-band-64k\n") + PktLine.flush + packet("have \(twoID)\n") + PktLine.flush
    #expect(try inspect(body, .v0) == .whole(UploadPackRequest(version: .v0, sideband: .large)))
    #expect(try inspect(body, .v0, whole: false) == .head(UploadPackRequest(version: .v0, sideband: .large)))
    #expect(try inspect(PktLine.flush, .v0) == .whole(UploadPackRequest(version: .v0)))
  }

  @Test func `sideband-all puts the whole answer into sideband`() throws {
    let body = fetchHead + PktLine.delimiter + packet("sideband-all") + PktLine.flush
    #expect(try inspect(body, .v2).request?.sidebandStart == .immediately)
  }

  @Test(arguments: [(fetch, ProtocolVersion.v2), (clone, .v0)])
  func `A body cut at any byte needs more or tells its head, and is truncated if no more comes`(
    body: [UInt8], version: ProtocolVersion
  ) throws {
    let firstLine = try #require(try packets(body).packets.first)
    guard case .data(let line) = firstLine else { return }
    for count in body.indices {
      let part = Array(body[..<count])
      let inspection = try inspect(part, version, whole: false)
      if count < line.count + PktLine.prefixBytes {
        #expect(inspection == .needsMoreBytes)
      } else if case .head(let request) = inspection {
        #expect(request.sideband == (version == .v2 ? .none : .large))
        // In v2 a flush-pkt follows `done`.
        #expect(request.isDone == (version == .v2 && count >= body.count - PktLine.flush.count))
      } else {
        Issue.record("\(inspection) after \(count) bytes")
      }
      if version == .v2 { #expect(throws: RequestError.truncated) { try inspect(part, version) } }
      let compressed = Array(gzipped(body).prefix(count))
      #expect(throws: RequestError.inflate(.truncated)) { try inspect(compressed, version, .gzip) }
      #expect(throws: Never.self) { try inspect(compressed, version, .gzip, whole: false) }
    }
  }

  @Test func `Beyond 64 KiB the head is what is known`() throws {
    let wants = (0..<3_000).flatMap { _ in packet("want \(oneID)\n") }
    let body = fetchHead + PktLine.delimiter + wants + packet("done\n") + PktLine.flush
    let head = UploadPackRequest(version: .v2, command: .fetch)
    #expect(try inspect(body, .v2) == .head(head))
    #expect(try inspect(gzipped(body), .v2, .gzip) == .head(head))
    #expect(throws: RequestError.pktLine(.notHexadecimal)) { try inspect(gzipBomb, .v0, .gzip) }
  }

  @Test(arguments: [
    (bytes("0003"), ProtocolVersion.v0, RequestError.pktLine(.badLength(3))),
    (bytes("GET /"), .v2, .pktLine(.notHexadecimal)), (PktLine.delimiter, .v0, .unexpectedLine),
    (PktLine.responseEnd, .v2, .unexpectedLine),
    (packet("command=fetch") + packet("command=ls-refs"), .v2, .unexpectedLine),
    ([], .v0, .truncated), ([], .v2, .truncated),
  ])
  func `A body that is no request is refused`(body: [UInt8], version: ProtocolVersion, error: RequestError) {
    #expect(throws: error) { try inspect(body, version) }
  }

  @Test func `Random bytes never trap`() {
    var generator = SplitMix64(state: 4)
    for _ in 0..<1_000 {
      var body = Bool.random(using: &generator) ? fetch : clone
      for _ in 0..<4 {
        body[Int.random(in: 0..<body.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      for version in [ProtocolVersion.v0, .v2] {
        _ = try? inspect(body, version)
        _ = try? inspect(generator.bytes(50), version, .gzip)
      }
    }
  }
}

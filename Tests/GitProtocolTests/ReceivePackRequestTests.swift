import GatewayTestSupport
import GitProtocol
import Testing

private let capabilities = " report-status-v2 side-band-64k object-format=sha1 agent=git/2.39.5"
private let push =
  packet("\(zeroID) \(twoID.uppercased()) refs/heads/main\0\(capabilities)")
  + packet("\(oneID) \(zeroID) refs/heads/old name\n") + PktLine.flush
private let pack = bytes("PACK\0\0\0\u{2}and so on")

private func inspect(
  _ body: [UInt8], _ coding: BodyCoding = .identity, whole: Bool = true
) throws(RequestError) -> RequestInspection<ReceivePackRequest> {
  try ReceivePackRequest.inspect(body, coding: coding, isWholeBody: whole)
}

@Suite struct ReceivePackRequestTests {
  @Test(arguments: [true, false])
  func `The commands and capabilities of a push are read`(isCompressed: Bool) throws {
    let body = isCompressed ? gzipped(push + pack) : push + pack
    guard case .whole(let request) = try inspect(body, isCompressed ? .gzip : .identity) else {
      Issue.record("not read to the end of the commands")
      return
    }
    #expect(
      request.updates == [
        .init(old: zeroID, new: twoID, ref: "refs/heads/main"),
        .init(old: oneID, new: zeroID, ref: "refs/heads/old name"),
      ])
    #expect(request.updates.map(\.isCreation) == [true, false])
    #expect(request.updates.map(\.isDeletion) == [false, true])
    #expect(request.wantsReport)
    #expect(request.objectFormat == "sha1")
    #expect(request.sidebandStart == .immediately)
    #expect(!request.isProbe)
    #expect(!request.isSigned)
  }

  @Test func `A lone flush-pkt is the probe`() throws {
    let request = try #require(try inspect(PktLine.flush).request)
    #expect(request.isProbe)
    #expect(request.sidebandStart == .never)
    #expect(request.objectFormat == nil)
  }

  @Test func `Lines of a shallow client are passed over`() throws {
    let request = try #require(try inspect(packet("shallow \(oneID)\n") + push).request)
    #expect(request.updates.count == 2)
    #expect(request.has("side-band-64k"))
  }

  @Test func `A push certificate holds the commands`() throws {
    let certificate =
      packet("push-cert\0\(capabilities)\n") + packet("certificate version 0.1\n") + packet("pusher a <a@b> 1 +0\n")
      + packet("\n") + packet("\(zeroID) \(oneID) refs/heads/main\n") + packet("-----BEGIN PGP SIGNATURE-----\n")
      + packet("push-cert-end\n") + PktLine.flush
    let request = try #require(try inspect(certificate).request)
    #expect(request.isSigned)
    #expect(request.updates == [.init(old: zeroID, new: oneID, ref: "refs/heads/main")])
    #expect(request.has("side-band-64k"))
  }

  @Test func `A body cut at any byte needs more or tells the commands so far`() throws {
    let second = (try packets(push).packets.first).map { if case .data(let line) = $0 { line.count + 4 } else { 0 } }
    let border = try #require(second)
    for count in push.indices {
      let part = Array(push[..<count])
      let inspection = try inspect(part, whole: false)
      if count < border {
        #expect(inspection == .needsMoreBytes)
      } else {
        #expect(inspection.request?.has("side-band-64k") == true)
        #expect(inspection.request?.updates.count == (count < push.count - 4 ? 1 : 2))
      }
      #expect(throws: RequestError.truncated) { try inspect(part) }
    }
  }

  @Test func `Of many commands the first 64 KiB are kept`() throws {
    let many = (0..<1_500).flatMap { packet("\(zeroID) \(oneID) refs/tags/\($0)\n") }
    guard case .head(let request) = try inspect(many + PktLine.flush) else {
      Issue.record("read beyond the bound")
      return
    }
    #expect((600..<700).contains(request.updates.count))
  }

  @Test(arguments: [
    "hello", "\(zeroID) \(oneID)", "\(zeroID) \(oneID) ", "\(zeroID) 123 refs/heads/x",
    "\(zeroID)  \(oneID) refs/heads/x",
    "\(zeroID) \(oneID)\(oneID.prefix(24)) refs/heads/x", "g\(zeroID.dropFirst()) \(oneID) refs/heads/x", "",
  ])
  func `A line that is no command is refused`(line: String) {
    #expect(throws: RequestError.unexpectedLine) { try inspect(packet(line) + PktLine.flush) }
  }

  @Test(arguments: [PktLine.delimiter, PktLine.responseEnd])
  func `Control packets of v2 are refused`(body: [UInt8]) {
    #expect(throws: RequestError.unexpectedLine) { try inspect(body) }
  }

  @Test func `Random bytes never trap`() {
    var generator = SplitMix64(state: 5)
    for _ in 0..<1_000 {
      var body = push
      for _ in 0..<4 {
        body[Int.random(in: 0..<body.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      _ = try? inspect(body)
      _ = try? inspect(generator.bytes(60), whole: false)
      _ = try? inspect(generator.bytes(60), .gzip)
    }
  }
}

import GatewayTestSupport
import GitProtocol
import Testing

private let head = packet("command=fetch\n") + packet("agent=git/2.39.5") + packet("object-format=sha1\n")
private let fetch =
  head + PktLine.delimiter + packet("thin-pack\n") + packet("want \(oneID)\n") + packet("done") + PktLine.flush

@Suite struct CommandRequestTests {
  @Test(arguments: [(fetch, BodyCoding.identity), (gzipped(fetch), .gzip)])
  func `A command is read whole, plain or compressed`(body: [UInt8], coding: BodyCoding) throws {
    let request = try CommandRequest(parsing: body, coding: coding)
    #expect(request.command == .fetch)
    #expect(request.capabilities.map(text) == ["agent=git/2.39.5", "object-format=sha1"])
    #expect(request.arguments.map(text) == ["thin-pack", "want \(oneID)", "done"])
  }

  @Test(arguments: [
    (packet("command=ls-refs") + PktLine.flush, UploadPackRequest.Command.lsRefs),
    (packet("agent=x") + packet("command=object-info\n") + PktLine.delimiter + PktLine.flush, .other("object-info")),
  ])
  func `Arguments and the place of the command are free`(body: [UInt8], command: UploadPackRequest.Command) throws {
    let request = try CommandRequest(parsing: body, coding: .identity)
    #expect(request.command == command)
    #expect(request.arguments.isEmpty)
  }

  @Test(arguments: [
    (PktLine.flush, RequestError.unexpectedLine), (packet("agent=x") + PktLine.flush, .unexpectedLine),
    (head + packet("command=fetch") + PktLine.flush, .unexpectedLine),
    (head + PktLine.delimiter + PktLine.delimiter + PktLine.flush, .unexpectedLine),
    (head + PktLine.responseEnd, .unexpectedLine), (fetch + bytes("0"), .unexpectedLine),
    (fetch + fetch, .unexpectedLine), (head + bytes("0003"), .pktLine(.badLength(3))),
    (bytes("POST"), .pktLine(.notHexadecimal)),
  ])
  func `Another body is refused`(body: [UInt8], error: RequestError) {
    #expect(throws: error) { try CommandRequest(parsing: body, coding: .identity) }
  }

  @Test func `A body cut at any byte is truncated`() {
    for count in fetch.indices {
      #expect(throws: RequestError.truncated) {
        try CommandRequest(parsing: Array(fetch[..<count]), coding: .identity)
      }
    }
    let compressed = gzipped(fetch)
    for count in compressed.indices {
      #expect(throws: RequestError.inflate(.truncated)) {
        try CommandRequest(parsing: Array(compressed[..<count]), coding: .gzip)
      }
    }
  }

  @Test func `What is not gzip is corrupt`() {
    #expect(throws: RequestError.inflate(.corrupt)) { try CommandRequest(parsing: fetch, coding: .gzip) }
    #expect(throws: RequestError.inflate(.corrupt)) { try CommandRequest(parsing: gzipped(fetch) + [0], coding: .gzip) }
  }

  @Test func `Beyond 32 MiB nothing is read, and a gzip bomb ends there`() {
    let zeros = Array(repeating: UInt8(ascii: "0"), count: CommandRequest.maxBytes + 1)
    #expect(throws: RequestError.tooLarge) { try CommandRequest(parsing: zeros, coding: .identity) }
    let bomb = gzippedZeros(atLeast: CommandRequest.maxBytes + 1)
    #expect(bomb.count < 1 << 20)
    #expect(throws: RequestError.tooLarge) { try CommandRequest(parsing: bomb, coding: .gzip) }
  }

  @Test func `More than 262,144 lines are not read`() throws {
    let lines = (0..<CommandRequest.maxLines).flatMap { _ in bytes("0004") }
    let most = packet("command=fetch") + PktLine.delimiter + lines
    #expect(
      try CommandRequest(parsing: most + PktLine.flush, coding: .identity).arguments.count == CommandRequest.maxLines)
    #expect(throws: RequestError.tooLarge) {
      try CommandRequest(parsing: most + bytes("0004") + PktLine.flush, coding: .identity)
    }
  }
}

import GitProtocol
import Testing

private let banner = packet("# service=git-upload-pack\n") + PktLine.flush
private let lines = ["agent=git/2.39.5 (Example)", "ls-refs=unborn", "fetch=shallow filter", "server-option"]
private let advertisement = packet("version 2\n") + lines.flatMap { packet($0 + "\n") } + PktLine.flush

@Suite struct CapabilityAdvertisementTests {
  @Test(arguments: [true, false])
  func `What was encoded is parsed again to the same`(hasBanner: Bool) throws {
    let encoded = (hasBanner ? banner : []) + advertisement
    let parsed = try #require(CapabilityAdvertisement(parsing: encoded[...]))
    #expect(parsed == CapabilityAdvertisement(capabilities: lines, hasBanner: hasBanner))
    #expect(parsed.encoded() == encoded)
  }

  @Test func `Newlines are optional`() {
    let plain = packet("version 2") + lines.flatMap(packet) + PktLine.flush
    #expect(CapabilityAdvertisement(parsing: plain[...])?.capabilities == lines)
  }

  @Test func `One cut at any byte is none`() {
    let encoded = banner + advertisement
    for count in encoded.indices { #expect(CapabilityAdvertisement(parsing: encoded[..<count]) == nil) }
  }

  @Test(arguments: [
    advertisement + PktLine.flush, advertisement + advertisement, PktLine.flush, packet("version 1\n") + PktLine.flush,
    packet("version 2\n") + packet("\(oneID) refs/heads/main\n") + PktLine.flush,
    packet("version 2\n") + packet("\(oneID) HEAD\0agent=x\n") + PktLine.flush,
    packet("version 2\n") + packet("shallow \(oneID)\n") + PktLine.flush,
    packet("version 2\n") + packet("=x\n") + PktLine.flush, packet("version 2\n") + packet("") + PktLine.flush,
    packet("version 2\n") + packet("agent=\u{1b}[0m\n") + PktLine.flush,
    packet("version 2\n") + PktLine.delimiter + PktLine.flush, packet("ERR no such repo") + PktLine.flush,
    packet("# service=git-receive-pack\n") + PktLine.flush + advertisement, banner + banner + advertisement,
    packet("\(oneID) HEAD\0agent=x\n") + PktLine.flush, bytes("<html>"),
  ])
  func `Anything else is none`(bytes: [UInt8]) {
    #expect(CapabilityAdvertisement(parsing: bytes[...]) == nil)
  }

  @Test func `More than 16 KiB are not read`() {
    let line = packet("agent=" + String(repeating: "x", count: 1_014))
    let most = packet("version 2\n") + (0..<16).flatMap { _ in line }
    let short = packet("version 2\n") + (0..<15).flatMap { _ in line }
    #expect(most.count + 4 > CapabilityAdvertisement.maxBytes)
    #expect(CapabilityAdvertisement(parsing: (most + PktLine.flush)[...]) == nil)
    #expect(CapabilityAdvertisement(parsing: (short + PktLine.flush)[...]) != nil)
  }
}

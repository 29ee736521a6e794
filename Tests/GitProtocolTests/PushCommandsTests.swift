import GitProtocol
import Testing

@Suite struct PushCommandsTests {
  private static let one = String(repeating: "1", count: 40)
  private static let two = String(repeating: "2", count: 40)

  private static func packet(_ text: String) -> [UInt8] {
    var output: [UInt8] = []
    PktLine.append(Array(text.utf8), to: &output)
    return output
  }

  private static func read(_ body: [UInt8]) throws(RequestError) -> PushCommands {
    var commands = PushCommands()
    try commands.feed(body)
    return commands
  }

  @Test func `commands split at every byte are read the same`() throws {
    let body =
      Self.packet("shallow \(Self.one)") + Self.packet("\(Self.one) \(Self.two) refs/heads/a\0 report-status atomic\n")
      + Self.packet("\(Self.two) \(Self.one) refs/heads/b") + PktLine.flush + Array("PACK and more".utf8)
    let whole = try Self.read(body)
    #expect(whole.isEnded && whole.updates.map(\.ref) == ["refs/heads/a", "refs/heads/b"])
    #expect(whole.capabilities == ["report-status", "atomic"] && whole.wantsReport && !whole.hasSideband)
    #expect(Array(body[whole.byteCount...]) == Array("PACK and more".utf8))
    for split in 0...body.count {
      var commands = PushCommands()
      try commands.feed(body[..<split])
      #expect(commands.isEnded == (split >= whole.byteCount))
      try commands.feed(body[split...])
      #expect(commands.updates == whole.updates && commands.byteCount == whole.byteCount)
    }
  }

  @Test func `receive-pack takes a ref up to its first NUL, on every line`() throws {
    let commands = try Self.read(
      Self.packet("\(Self.one) \(Self.two) refs/heads/a\0report-status")
        + Self.packet("\(Self.one) \(Self.two) refs/heads/b\0side-band-64k") + PktLine.flush)
    #expect(commands.updates.map(\.ref) == ["refs/heads/a", "refs/heads/b"])
    #expect(commands.wantsReport && commands.hasSideband)
  }

  @Test func `all commands of a certificate are found, whatever packets its lines are in`() throws {
    let certificate = [
      Self.packet("push-cert\0report-status side-band-64k"), Self.packet("certificate version 0.1\n"),
      Self.packet("pusher x\nnonce y\n\n\(Self.one) \(Self.two) refs/heads/a\n\(Self.one) \(Self.two) "),
      Self.packet("refs/heads/b\n"), Self.packet("-----BEGIN PGP SIGNATURE-----\n"), Self.packet("push-cert-end\n"),
    ].flatMap { $0 }
    let commands = try Self.read(certificate + PktLine.flush)
    #expect(commands.isSigned && commands.isEnded && commands.hasSideband)
    #expect(commands.updates.map(\.ref) == ["refs/heads/a", "refs/heads/b"])
    // Commands may stand before it, too.
    let mixed = Self.packet("\(Self.one) \(Self.two) refs/heads/c") + certificate + PktLine.flush
    #expect(try Self.read(mixed).updates.map(\.ref) == ["refs/heads/c", "refs/heads/a", "refs/heads/b"])
    // One that is cut off by the flush-pkt counts all the same.
    let cut = Self.packet("push-cert") + Self.packet("\(Self.one) \(Self.two) refs/heads/d\n") + PktLine.flush
    #expect(try Self.read(cut).updates.map(\.ref) == ["refs/heads/d"])
  }

  @Test(
    arguments: [
      packet("hello"), packet("\(one) \(two)"), packet("\(one) \(two.dropLast()) refs/heads/a"), PktLine.delimiter,
      packet("push-cert") + packet("\(one) \(two) refs/heads/a\0\n"), Array("zzzz".utf8), Array("0003".utf8),
    ])
  func `what is not understood is an error`(body: [UInt8]) {
    #expect(throws: RequestError.self) { try Self.read(body + PktLine.flush) }
  }

  @Test func `there are bounds`() throws {
    let line = Self.packet("\(Self.one) \(Self.two) refs/heads/a")
    var commands = PushCommands()
    for _ in 0..<PushCommands.maxUpdates { try commands.feed(line) }
    #expect(throws: RequestError.tooLarge) { try commands.feed(line) }
    var long = PushCommands()
    let large = Self.packet("\(Self.one) \(Self.two) refs/heads/" + String(repeating: "a", count: 65_000))
    #expect(throws: RequestError.tooLarge) { for _ in 0..<100 { try long.feed(large) } }
  }
}

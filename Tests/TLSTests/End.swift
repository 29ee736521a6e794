import EventLoop
import TLS

/// One end of a connection, on the loop. Plain until `startClient` or `startServer`.
actor End {
  private let loop: Loop
  private var channel: Channel?
  private var tls: TLSChannel?

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  init(_ loop: Loop) { self.loop = loop }

  struct NotOpen: Error {}

  /// Takes a connected socket over.
  func open(_ descriptor: CInt) throws { channel = try Channel(OwnedDescriptor(owning: descriptor), on: loop) }

  func startClient(_ context: TLSClientContext, name: String, key: String) throws {
    tls = try TLSChannel(client: plain(), context: context, serverName: name, sessionKey: key)
  }

  func startServer(_ context: TLSServerContext) throws { tls = try TLSChannel(server: plain(), context: context) }

  private func plain() throws -> Channel {
    guard let channel else { throw NotOpen() }
    return channel
  }

  private func secure() throws -> TLSChannel {
    guard let tls else { throw NotOpen() }
    return tls
  }

  /// Nil when it succeeded.
  func handshake(timeout: Duration = .seconds(20)) async throws -> TLSError? {
    let tls = try secure()
    do throws(TLSError) {
      try await tls.handshake(timeout: timeout)
      return nil
    } catch { return error }
  }

  var negotiatedProtocol: String? { tls?.negotiatedProtocol }
  var wasResumed: Bool { tls?.wasResumed ?? false }
  var protocolVersion: String { tls?.protocolVersion ?? "" }

  // MARK: Encrypted

  func send(_ bytes: [UInt8], closing: Bool = false) async throws {
    let tls = try secure()
    // Moved for each attempt, which OpenSSL has to accept.
    var rest = bytes[...]
    while !rest.isEmpty {
      let moved = Array(rest.prefix(200_000))
      switch try moved.withUnsafeBytes({ try tls.write($0) }) {
      case .bytes(let count): rest = rest.dropFirst(count)
      case .wouldBlock: try await tls.waitUntilWritable(for: .seconds(20))
      case .endOfStream: throw NotOpen()
      }
    }
    if closing { try await tls.finishWriting(for: .seconds(20)) }
  }

  /// Sends the pieces through one gather list. Gives back how many calls got something out.
  func send(gathering pieces: [[UInt8]]) async throws -> Int {
    let tls = try secure()
    let list = GatherList()
    let blocks = pieces.map { piece in
      let block = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.count, alignment: 1)
      block.copyBytes(from: piece)
      return block
    }
    defer { for block in blocks { block.deallocate() } }
    for block in blocks { list.append(UnsafeRawBufferPointer(block)) }
    var calls = 0
    while !list.isEmpty {
      switch try tls.write(gathering: list) {
      case .bytes: calls += 1
      case .wouldBlock: try await tls.waitUntilWritable(for: .seconds(20))
      case .endOfStream: throw NotOpen()
      }
    }
    return calls
  }

  /// Reads until `limit` bytes are there or the stream ends, with blocks of `blockBytes`.
  func receive(_ limit: Int = .max, blockBytes: Int = 65_536, idle: Duration = .seconds(20)) async throws -> [UInt8] {
    let tls = try secure()
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: blockBytes, alignment: 1)
    defer { block.deallocate() }
    var received: [UInt8] = []
    while received.count < limit {
      // Waiting first shows that a wait never misses what OpenSSL holds already.
      try await tls.waitUntilReadable(for: idle)
      let room = UnsafeMutableRawBufferPointer(rebasing: block[..<min(blockBytes, limit - received.count)])
      switch try tls.read(into: room) {
      case .bytes(let count): received += room[..<count]
      case .endOfStream: return received
      case .wouldBlock: break
      }
    }
    return received
  }

  /// What a single read comes to.
  func readOnce(_ limit: Int = 65_536) throws -> IOResult {
    let tls = try secure()
    return try withUnsafeTemporaryAllocation(byteCount: limit, alignment: 1) { try tls.read(into: $0) }
  }

  func closeWriting() throws { try secure().closeWriting() }

  // MARK: Plain

  /// Sends as they are, past TLS. They must fit into the socket.
  func sendPlain(_ bytes: [UInt8]) throws {
    let channel = try plain()
    _ = try bytes.withUnsafeBytes { try channel.write($0) }
  }

  /// Reads past TLS, until `count` bytes have come.
  func receivePlain(_ count: Int) async throws -> [UInt8] {
    let channel = try plain()
    var bytes: [UInt8] = []
    while bytes.count < count {
      var block = [UInt8](repeating: 0, count: count - bytes.count)
      switch try block.withUnsafeMutableBytes({ try channel.read(into: $0) }) {
      case .bytes(let got): bytes += block[..<got]
      case .endOfStream: return bytes
      case .wouldBlock: try await channel.waitUntilReadable(for: .seconds(20))
      }
    }
    return bytes
  }

  /// FIN without close_notify.
  func cutWriting() throws { try plain().closeWriting() }

  func close() {
    tls?.close()
    tls?.close()
    channel?.close()
    tls = nil
    channel = nil
  }
}

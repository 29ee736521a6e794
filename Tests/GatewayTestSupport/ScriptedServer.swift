package import EventLoop
import HTTPCore
import HTTPTransport
package import TLS

/// An HTTP/1.1 peer on a loopback port that answers each request as its script says, well or badly, and records what it
/// got. Lives on a loop and never blocks it.
package actor ScriptedServer {
  package typealias Script = @Sendable (RecordedRequest) -> ScriptedAnswer

  private enum Event {
    case requests(Int)
    case bodyBytes(Int)
    case over(Int)
    case noConnections
  }

  private static let patience = Duration.seconds(60)

  private let loop: Loop
  /// Scripts that look at the body are asked once it is there.
  private let readsBodyFirst: Bool
  private let script: Script
  /// Nil is in the clear.
  private let tls: TLSServerContext?
  private var acceptor: Acceptor?
  private var channels: [ObjectIdentifier: Channel] = [:]
  private var watchers: [(event: Event, continuation: CheckedContinuation<Void, Never>)] = []
  /// In the order in which their heads came.
  package private(set) var requests: [RecordedRequest] = []
  /// Connections accepted so far.
  package private(set) var connectionCount = 0

  package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  package init(on loop: Loop, readsBodyFirst: Bool = false, tls: TLSServerContext? = nil, script: @escaping Script) {
    self.loop = loop
    self.tls = tls
    self.readsBodyFirst = readsBodyFirst
    self.script = script
  }

  /// Listens on a free loopback port, which is returned.
  package func start() throws -> UInt16 {
    let socket = try ListeningSocket(binding: .v4(0x7f00_0001, port: 0))
    acceptor = try Acceptor(
      socket, on: loop,
      onAccept: { [loop] accepted in
        let number = accepted.descriptor.release()
        Task(executorPreference: loop) { await self.serve(number) }
      }, onExhausted: { _ in })
    guard let port = socket.address.port else { throw TestFailure("no port") }
    return port
  }

  /// Accepts no more and closes what is open.
  package func stop() {
    acceptor?.stop()
    acceptor = nil
    for channel in channels.values { channel.close() }
  }

  // MARK: Waiting

  package func waitForRequests(_ count: Int) async { await wait(for: .requests(count)) }

  /// Until the last request has so many body bytes.
  package func waitForBody(bytes: Int) async { await wait(for: .bodyBytes(bytes)) }

  /// Until the connection of a request has ended.
  package func waitForEnd(ofRequest index: Int) async { await wait(for: .over(index)) }

  package func waitForNoConnections() async { await wait(for: .noConnections) }

  private func wait(for event: Event) async {
    await withCheckedContinuation { continuation in
      // Looked at inside, since getting there may let others in.
      if hasHappened(event) { continuation.resume() } else { watchers.append((event, continuation)) }
    }
  }

  private func hasHappened(_ event: Event) -> Bool {
    switch event {
    case .requests(let count): requests.count >= count
    case .bodyBytes(let count): (requests.last?.body.count ?? 0) >= count
    case .over(let index): index < requests.count && requests[index].isOver
    case .noConnections: channels.isEmpty
    }
  }

  private func notify() {
    let due = watchers.filter { hasHappened($0.event) }
    watchers.removeAll { hasHappened($0.event) }
    for watcher in due { watcher.continuation.resume() }
  }

  // MARK: Serving

  private func serve(_ number: CInt) async {
    let owned = OwnedDescriptor(owning: number)
    guard acceptor != nil, let channel = try? Channel(owned, on: loop) else { return }
    connectionCount += 1
    channels[ObjectIdentifier(channel)] = channel
    let first = requests.count
    var own: [Int] = []
    if let transport = try? await transport(on: channel) {
      let wire = HTTP1Wire(transport)
      while let index = try? await receive(wire) {
        own.append(index)
        guard (try? await answer(index, wire, transport)) == true else { break }
      }
      transport.close()
    }
    channel.close()
    channels[ObjectIdentifier(channel)] = nil
    for index in own where index >= first { requests[index].isOver = true }
    notify()
  }

  private func transport(on channel: Channel) async throws -> Transport {
    guard let tls else { return Transport(channel) }
    let secured = try TLSChannel(server: channel, context: tls)
    try await secured.handshake(timeout: Self.patience)
    return Transport(secured)
  }

  private func receive(_ wire: HTTP1Wire) async throws -> Int? {
    let request = try await wire.readHead(first: Self.patience, rest: Self.patience) {
      (bytes) throws(HTTPParseError) in
      RecordedRequest(text: String(decoding: bytes, as: UTF8.self), head: try RequestHead(parsing: bytes))
    }
    guard let request else { return nil }
    wire.beginBody(request.head.framing)
    requests.append(request)
    let index = requests.count - 1
    requests[index].isWhole = wire.isBodyRead
    notify()
    return index
  }

  private func readBody(_ index: Int, _ wire: HTTP1Wire, upTo limit: Int = .max) async throws {
    let list = GatherList()
    while requests[index].body.count < limit, try await wire.readBody(into: list, idle: Self.patience) {
      list.forEach { requests[index].body.append(contentsOf: $0) }
      list.removeAll()
      requests[index].isWhole = wire.isBodyRead
      notify()
    }
    requests[index].isWhole = wire.isBodyRead
  }

  /// Returns whether the connection goes on.
  private func answer(_ index: Int, _ wire: HTTP1Wire, _ transport: Transport) async throws -> Bool {
    if readsBodyFirst { try await readBody(index, wire) }
    let answer = script(requests[index])
    switch answer.moment {
    case .afterHead: break
    case .afterBody(let bytes): try await readBody(index, wire, upTo: bytes)
    case .afterRequest: try await readBody(index, wire)
    }
    for step in answer.steps {
      switch step {
      case .send(let bytes): try await send(bytes, on: transport)
      case .wait(let gate): await gate.wait()
      case .reset:
        transport.channel.resetOnClose()
        return false
      case .close, .stall:
        if case .close = step { transport.closeWriting() }
        try await readBody(index, wire)
        while try await wire.input.fill(idle: Self.patience) { wire.input.consume(wire.input.bytes.count) }
        return false
      }
    }
    try await readBody(index, wire)
    return true
  }

  private func send(_ bytes: [UInt8], on transport: Transport) async throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let list = GatherList()
      let result = try rest.withUnsafeBytes {
        list.append($0)
        return try transport.write(gathering: list)
      }
      rest = rest.suffix(list.byteCount)
      if case .wouldBlock = result { try await transport.waitUntilWritable(for: Self.patience) }
    }
  }
}

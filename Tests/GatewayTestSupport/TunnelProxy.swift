package import EventLoop
import HTTPCore
import HTTPTransport

/// A proxy on a loopback port that opens tunnels on CONNECT and records what it was asked. Lives on a loop and never blocks it.
package actor TunnelProxy {
  private static let patience = Duration.seconds(60)

  private let loop: Loop
  /// The status for the next requests.
  private let status: Int
  private var acceptor: Acceptor?
  private var channels: [Channel] = []
  /// The heads as they came.
  package private(set) var heads: [String] = []

  package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  package init(on loop: Loop, status: Int = 200) {
    self.loop = loop
    self.status = status
  }

  package func start() throws -> UInt16 {
    let socket = try ListeningSocket(binding: .v4(0x7f00_0001, port: 0))
    acceptor = try Acceptor(
      socket, on: loop,
      onAccept: { [loop] accepted in
        let number = accepted.descriptor.release()
        Task(executorPreference: loop) { try? await self.serve(number) }
      }, onExhausted: { _ in })
    guard let port = socket.address.port else { throw TestFailure("no port") }
    return port
  }

  package func stop() {
    acceptor?.stop()
    for channel in channels { channel.close() }
  }

  private func serve(_ number: CInt) async throws {
    let client = try Channel(OwnedDescriptor(owning: number), on: loop)
    channels.append(client)
    defer { client.close() }
    var head: [UInt8] = []
    while !head.suffix(4).elementsEqual([13, 10, 13, 10]) {
      var byte: [UInt8] = [0]
      switch try byte.withUnsafeMutableBytes({ try client.read(into: $0) }) {
      case .bytes: head += byte
      case .endOfStream: return
      case .wouldBlock: try await client.waitUntilReadable(for: Self.patience)
      }
    }
    let text = String(decoding: head, as: UTF8.self)
    heads.append(text)
    guard status == 200 else {
      try await client.sendAll(Array("HTTP/1.1 \(status) No\r\nContent-Length: 0\r\n\r\n".utf8))
      return
    }
    guard let target = text.split(separator: " ").dropFirst().first,
      let address = SocketAddress(parsing: String(target))
    else { return }
    let origin = try await Connector.connect(to: [address], on: loop, timeout: Self.patience)
    channels.append(origin)
    defer { origin.close() }
    try await client.sendAll(Array("HTTP/1.1 200 Connection established\r\n\r\n".utf8))
    let other = LoopBound((client, origin))
    let back = Task(executorPreference: loop) { await self.copy(other.value.1, to: other.value.0) }
    await copy(client, to: origin)
    await back.value
  }

  /// Copies to the end, and passes that on.
  private func copy(_ source: Channel, to sink: Channel) async {
    let block = loop.buffers.take()
    defer { loop.buffers.give(block) }
    copying: while let result = try? source.read(into: block) {
      switch result {
      case .bytes(let count): guard (try? await sink.sendAll(Array(block[..<count]))) != nil else { break copying }
      case .endOfStream: break copying
      case .wouldBlock: guard (try? await source.waitUntilReadable(for: Self.patience)) != nil else { break copying }
      }
    }
    sink.closeWriting()
  }
}

package import EventLoop

/// The other end of a connection, which says and hears what a test tells it to. Confined to its loop.
package final class Peer {
  package let channel: Channel
  /// What has come and was not asked for yet.
  private var kept: [UInt8] = []
  /// How long to wait for anything.
  package var patience = Duration.seconds(20)

  /// The connection ended before what was waited for.
  package struct EndedEarly: Error {
    package let received: String
  }

  package init(_ channel: Channel) { self.channel = channel }

  deinit { channel.close() }

  /// Connects to `address`.
  package static func connect(to address: SocketAddress, on loop: Loop) async throws -> Peer {
    Peer(try await Connector.connect(to: [address], on: loop, timeout: .seconds(10)))
  }

  /// Two ends of one Unix connection.
  package static func pair(on loop: Loop) throws -> (Peer, Peer) {
    let pair = try Socket.pair()
    let first = Peer(try Channel(pair.first, on: loop))
    return (first, Peer(try Channel(pair.second, on: loop)))
  }

  package func send(_ text: String) async throws { try await send(Array(text.utf8)) }

  package func send(_ bytes: [UInt8]) async throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      switch try rest.withUnsafeBytes({ try channel.write($0) }) {
      case .bytes(let count): rest = rest.dropFirst(count)
      case .wouldBlock, .endOfStream: try await channel.waitUntilWritable(for: patience)
      }
    }
  }

  /// What one read of at most `limit` bytes brings, kept for the next `receive`.
  package func readOnce(_ limit: Int = 65_536) throws -> IOResult {
    let result = try withUnsafeTemporaryAllocation(byteCount: limit, alignment: 1) { block in
      let result = try channel.read(into: block)
      if case .bytes(let count) = result { kept += block[..<count] }
      return result
    }
    return result
  }

  /// Waits for more. False at the end.
  private func more() async throws -> Bool {
    while true {
      switch try readOnce() {
      case .bytes: return true
      case .endOfStream: return false
      case .wouldBlock: try await channel.waitUntilReadable(for: patience)
      }
    }
  }

  private func take(_ count: Int) -> [UInt8] {
    defer { kept.removeFirst(count) }
    return Array(kept.prefix(count))
  }

  /// What has come and was not asked for yet; waits for nothing.
  package func takeAll() -> [UInt8] { take(kept.count) }

  package func receive(_ count: Int) async throws -> [UInt8] {
    while kept.count < count {
      guard try await more() else { throw EndedEarly(received: String(decoding: kept, as: UTF8.self)) }
    }
    return take(count)
  }

  package func receiveText(_ count: Int) async throws -> String {
    String(decoding: try await receive(count), as: UTF8.self)
  }

  /// Everything up to the end of the stream.
  package func receiveToEnd() async throws -> String {
    while try await more() {}
    return String(decoding: take(kept.count), as: UTF8.self)
  }

  /// Everything that comes until the stream ends in one way or another.
  package func receiveAll() async -> [UInt8] {
    while (try? await more()) == true {}
    return takeAll()
  }

  /// A message head, its empty line included.
  package func receiveHead() async throws -> String {
    let end = Array("\r\n\r\n".utf8)
    while true {
      for start in kept.indices where kept[start...].starts(with: end) {
        return String(decoding: take(start + end.count), as: UTF8.self)
      }
      guard try await more() else { throw EndedEarly(received: String(decoding: kept, as: UTF8.self)) }
    }
  }

  /// A head and a body of the length that it tells.
  package func receiveMessage() async throws -> (head: String, body: String) {
    let head = try await receiveHead()
    let line = head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length: ") }
    return (head, try await receiveText(line.flatMap { Int($0.dropFirst(16)) } ?? 0))
  }

  /// Waits until the other end closes, or breaks off, without another byte.
  package func receiveEnd() async throws -> Bool {
    do {
      return try await !more()
    } catch ChannelError.system {
      return true
    }
  }

  /// Closes so that the other end is reset.
  package func reset() {
    channel.resetOnClose()
    channel.close()
  }

  package func close() { channel.close() }
}

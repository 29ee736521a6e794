import GatewayTestSupport
import Glibc
import Synchronization
import Testing

@testable import EventLoop

@Suite(.timeLimit(.minutes(1)))
struct ConnectorTests {
  /// An address that answers nothing: its queue is full, so the kernel drops whoever knocks.
  private final class Silence {
    let socket: ListeningSocket
    private let filler: Peer

    init(on loop: Loop) async throws {
      socket = try ListeningSocket(binding: .anyLoopback, backlog: 0)
      filler = try await Peer.connect(to: socket.address, on: loop)
    }
  }

  private func failure(to addresses: [SocketAddress], on loop: Loop, timeout: Duration = .seconds(20)) async
    -> ConnectError?
  {
    do throws(ConnectError) {
      try await Connector.connect(to: addresses, on: loop, timeout: timeout).close()
      return nil
    } catch { return error }
  }

  @Test func `a refusal is told with the address`() async throws {
    try await onLoop { loop in
      let refused = ConnectError.failed(SystemError("connect", ECONNREFUSED), address: .refusing)
      #expect(await failure(to: [.refusing], on: loop) == refused)
      #expect(refused.description == "127.0.0.1:1: connect: Connection refused")
      #expect(loop.load.load(ordering: .relaxed) == 0)
    }
  }

  @Test func `the first of several failures is told`() async throws {
    try await onLoop { loop in
      let addresses = [SocketAddress.refusing, .v4(0x7f00_0002, port: 1)]
      #expect(
        await failure(to: addresses, on: loop)
          == .failed(SystemError("connect", ECONNREFUSED), address: .refusing))
    }
  }

  @Test func `no address is an error`() async throws {
    try await onLoop { loop in #expect(await failure(to: [], on: loop) == .noAddress) }
  }

  @Test func `a socket that is not there is told`() async throws {
    try await onLoop { loop in
      let address = SocketAddress.unix("/nonexistent/socket")
      #expect(await failure(to: [address], on: loop) == .failed(SystemError("connect", ENOENT), address: address))
    }
  }

  @Test func `after a refusal the next address is tried at once`() async throws {
    try await onLoop { loop in
      let listening = try Listening(on: loop)
      defer { listening.close() }
      // The fastest of several, since the machine may be busy.
      var least = UInt64.max
      for _ in 0..<5 {
        let start = loop.now
        let channel = try await Connector.connect(
          to: [.refusing, listening.address], on: loop, timeout: .seconds(20))
        least = min(least, loop.now - start)
        channel.close()
        #expect(try await listening.next().receiveEnd())
      }
      #expect(least < 200_000_000)
    }
  }

  @Test func `a silent address is overtaken by the next`() async throws {
    try await onLoop { loop in
      let silence = try await Silence(on: loop)
      let listening = try Listening(on: loop)
      defer { listening.close() }
      let start = loop.now
      let channel = try await Connector.connect(
        to: [silence.socket.address, listening.address], on: loop, timeout: .seconds(20))
      #expect(loop.now - start >= 250_000_000)
      let peer = await listening.next()
      let client = Peer(channel)
      try await client.send("x")
      #expect(try await peer.receiveText(1) == "x")
      client.close()
      peer.close()
    }
  }

  @Test func `families take turns, beginning with the first`() async throws {
    try await onLoop { loop in
      let four = try Listening(on: loop)
      let six = try Listening(try ListeningSocket(binding: .v6(0, 1, port: 0, scope: 0)), on: loop)
      defer {
        four.close()
        six.close()
      }
      // The third comes before the second.
      let addresses = [SocketAddress.refusing, four.address, six.address]
      try await Connector.connect(to: addresses, on: loop, timeout: .seconds(20)).close()
      #expect(try await six.next().receiveEnd())
      #expect(four.acceptedCount == 0)
    }
  }

  @Test func `silence ends with the time-out and leaves nothing behind`() async throws {
    try await onLoop { loop in
      let silence = try await Silence(on: loop)
      let before = loop.load.load(ordering: .relaxed)
      let addresses = [silence.socket.address, silence.socket.address]
      let start = loop.now
      #expect(await failure(to: addresses, on: loop, timeout: .milliseconds(300)) == .timedOut)
      #expect(loop.now - start >= 300_000_000)
      #expect(loop.load.load(ordering: .relaxed) == before)
    }
  }

  @Test func `a peer that answers and ends before the connect is noticed is heard`() async throws {
    try await onLoop { loop in
      let socket = try ListeningSocket(binding: .anyLoopback)
      async let connecting = LoopBound(
        try await Connector.connect(to: [socket.address], on: loop, timeout: .seconds(20)))
      // The connect has begun and the loop has not polled since.
      await Task.yield()
      while true {
        guard let accepted = try socket.accept() else {
          await loop.yield()
          continue
        }
        #expect(Glibc.send(accepted.descriptor.rawValue, "hello", 5, 0) == 5)
        break
      }
      let client = Peer(try await connecting.value)
      client.patience = .seconds(5)
      defer { client.close() }
      #expect(try await client.receiveToEnd() == "hello")
    }
  }
}

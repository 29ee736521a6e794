import CLinux
import GatewayTestSupport
import Glibc
import Testing

@testable import EventLoop

@Suite(.timeLimit(.minutes(1)))
struct ListenerTests {
  /// A path for a Unix socket in a folder of its own.
  private func withPath(_ body: (String) async throws -> Void) async throws {
    var template = Array("/tmp/listener-tests.XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
    }
    let folder = try #require(made)
    defer {
      unlink(folder + "/socket")
      rmdir(folder)
    }
    try await body(folder + "/socket")
  }

  private func mode(_ path: String) -> mode_t? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode : nil
  }

  @Test func `a connection is told where it comes from`() async throws {
    try await onLoop { loop in
      let listening = try Listening(on: loop)
      defer { listening.close() }
      let client = try Socket.stream(for: listening.address)
      let number = client.rawValue
      let status = listening.address.withSockaddr { Glibc.connect(number, $0, $1) }
      #expect(status == 0 || errno == EINPROGRESS)
      let peer = await listening.next()
      #expect(peer.channel.isOpen)
      peer.close()
    }
  }

  @Test func `every loop accepts, and one alone takes all`() async throws {
    let socket = try ListeningSocket(binding: .anyLoopback)
    try await onLoop { first in
      let mine = try Listening(socket, on: first)
      try await onLoop { second in
        let other = try Listening(socket, on: second)
        var clients: [Peer] = []
        for _ in 0..<50 { clients.append(try await Peer.connect(to: socket.address, on: second)) }
        for client in clients { try await client.send("x") }
        other.close()
        clients.removeAll()
      }
      let before = mine.acceptedCount
      for number in 0..<10 {
        let client = try await Peer.connect(to: socket.address, on: first)
        while mine.acceptedCount < before + number + 1 { await first.yield() }
        client.close()
      }
      mine.close()
      // Whoever has stopped takes nothing more.
      let late = try await Peer.connect(to: socket.address, on: first)
      for _ in 0..<20 { await first.yield() }
      #expect(mine.acceptedCount == before + 10)
      late.close()
    }
  }

  @Test func `a port that is taken is told`() throws {
    let socket = try ListeningSocket(binding: .anyLoopback)
    #expect(throws: SystemError("bind", EADDRINUSE)) { try ListeningSocket(binding: socket.address) }
  }

  @Test func `a port is free again after its last owner`() throws {
    let address: SocketAddress
    do { address = try ListeningSocket(binding: .anyLoopback).address }
    #expect(try ListeningSocket(binding: address).address == address)
  }

  @Test func `a Unix socket is for its owner only, and goes with its listener`() async throws {
    try await withPath { path in
      do {
        let socket = try ListeningSocket(binding: .unix(path))
        #expect(mode(path) == S_IFSOCK | 0o600)
        #expect(socket.address == .unix(path))
        try await onLoop { loop in
          let listening = try Listening(socket, on: loop)
          defer { listening.close() }
          let client = try await Peer.connect(to: .unix(path), on: loop)
          try await client.send("hello")
          #expect(try await listening.next().receiveText(5) == "hello")
          client.close()
        }
      }
      #expect(mode(path) == nil)
    }
  }

  @Test func `a stale Unix socket is replaced`() async throws {
    try await withPath { path in
      do {
        // Bound and left behind, as by a process that was killed.
        let left = try Socket.stream(for: .unix(path))
        let number = left.rawValue
        #expect(SocketAddress.unix(path).withSockaddr { bind(number, $0, $1) } == 0)
      }
      #expect(mode(path) != nil)
      let socket = try ListeningSocket(binding: .unix(path))
      try await onLoop { loop in
        let listening = try Listening(socket, on: loop)
        defer { listening.close() }
        let client = try await Peer.connect(to: .unix(path), on: loop)
        await listening.next().close()
        #expect(try await client.receiveEnd())
      }
    }
  }

  @Test func `a Unix socket that took another's place stays when that one ends`() async throws {
    try await withPath { path in
      var first: ListeningSocket? = try ListeningSocket(binding: .unix(path))
      #expect(unlink(path) == 0)
      let second = try ListeningSocket(binding: .unix(path))
      #expect(first?.address == second.address)
      first = nil
      #expect(mode(path) != nil)
    }
  }

  @Test func `a live Unix socket is not replaced`() async throws {
    try await withPath { path in
      let socket = try ListeningSocket(binding: .unix(path))
      #expect(throws: SystemError("bind", EADDRINUSE)) { try ListeningSocket(binding: socket.address) }
      #expect(mode(path) != nil)
    }
  }

  @Test func `a live Unix socket whose queue is full is neither replaced nor waited for`() async throws {
    try await withPath { path in
      let socket = try ListeningSocket(binding: .unix(path), backlog: 0)
      try await onLoop { loop in
        // As many as the queue takes; nobody accepts them.
        let first = try await Peer.connect(to: .unix(path), on: loop)
        await #expect(throws: ConnectError.self) { try await Peer.connect(to: .unix(path), on: loop) }
        #expect(throws: SystemError("bind", EADDRINUSE)) { try ListeningSocket(binding: socket.address) }
        first.close()
      }
    }
  }

  @Test func `a file that is no socket is left alone`() async throws {
    try await withPath { path in
      let number = open(path, O_CREAT | O_WRONLY, 0o644)
      #expect(number >= 0)
      close(number)
      #expect(throws: SystemError("bind", EADDRINUSE)) { try ListeningSocket(binding: .unix(path)) }
      #expect(mode(path) == S_IFREG | 0o644)
    }
  }

  @Test func `a path that cannot be is told`() {
    #expect(throws: SystemError("bind", ENOENT)) { try ListeningSocket(binding: .unix("/nonexistent/socket")) }
  }

  /// In a process of its own, since it takes all descriptors away.
  @Test func `out of descriptors an acceptor pauses, does not spin, and goes on`() async {
    await #expect(processExitsWith: .success) {
      let clients = try await onLoop { loop in
        let socket = try ListeningSocket(binding: .anyLoopback)
        var clients: [Peer] = []
        // The kernel answers them; they wait in the queue.
        for _ in 0..<3 { clients.append(try await Peer.connect(to: socket.address, on: loop)) }

        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        var none = rlimit(rlim_cur: 3, rlim_max: limit.rlim_max)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &none)

        var pauses = 0
        var accepted = 0
        let start = loop.now
        let before = clinux_nanoseconds(CLOCK_PROCESS_CPUTIME_ID)
        var acceptor: Acceptor?
        await withUnsafeContinuation { (done: UnsafeContinuation<Void, Never>) in
          acceptor = try? Acceptor(
            socket, on: loop,
            onAccept: { _ = $0.descriptor.release() },
            onExhausted: { error in
              precondition(error.code == EMFILE)
              pauses += 1
              if pauses == 3 { done.resume() }
            })
        }
        precondition(loop.now - start >= 200_000_000, "three pauses within \(loop.now - start) ns")
        let used = clinux_nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - before
        precondition(used < 100_000_000, "\(used) ns of processor time")
        acceptor?.stop()

        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        await withUnsafeContinuation { (done: UnsafeContinuation<Void, Never>) in
          acceptor = try? Acceptor(
            socket, on: loop,
            onAccept: {
              _ = $0.descriptor.release()
              accepted += 1
              if accepted == 3 { done.resume() }
            }, onExhausted: { _ in fatalError("out of descriptors again") })
        }
        acceptor?.stop()
        for client in clients { client.close() }
        return accepted
      }
      precondition(clients == 3)
    }
  }
}

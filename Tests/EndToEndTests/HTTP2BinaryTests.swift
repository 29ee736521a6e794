import EventLoop
import GatewayTestSupport
import HTTPCore
import Testing

/// The real program over HTTP/2: with the tools of other people, and with clients that mean it ill.
@Suite(.enabled(if: Git.isThere && RunningBinary.isThere), .timeLimit(.minutes(5)))
struct HTTP2BinaryTests {
  static let h2load = ExternalTool("h2load")
  static let nghttp = ExternalTool("nghttp")
  static let curl = ExternalTool("curl")

  @Test(.enabled(if: nghttp.isThere)) func `nghttp is served`() async throws {
    try await withTemporaryFolder { folder in
      try await BinaryTests.withLocal(in: folder) { _, base in
        let outcome = try await Self.nghttp.run(["-nv", base + "/livez", base + "/", base + "/nope"], in: folder)
        for status in ["200", "404"] { #expect(outcome.text.contains(":status: \(status)"), "\(outcome.text)") }
        #expect(!outcome.text.contains("RST_STREAM") && !outcome.text.contains("PROTOCOL_ERROR"), "\(outcome.text)")
      }
    }
  }

  @Test(.enabled(if: h2load.isThere)) func `h2load gets all its answers`() async throws {
    try await withTemporaryFolder { folder in
      try await BinaryTests.withLocal(in: folder) { _, base in
        for target in ["/livez", "/git/hello/info/refs?service=git-upload-pack"] {
          let outcome = try await Self.h2load.run(["-n", "1000", "-c", "4", "-m", "32", base + target], in: folder)
          #expect(outcome.text.contains("1000 succeeded, 0 failed, 0 errored"), "\(outcome.text)")
          #expect(outcome.text.contains("1000 2xx"), "\(outcome.text)")
        }
      }
    }
  }

  @Test(.enabled(if: curl.isThere)) func `curl sends and gets bodies`() async throws {
    try await withTemporaryFolder { folder in
      try await BinaryTests.withLocal(in: folder) { _, base in
        let create = [
          "-s", "--http2-prior-knowledge", "-w", "\n%{http_code} %{http_version}\n", "-H",
          "content-type: application/json", "-d", "{\"name\":\"fresh\"}", base + "/api/v1/repos",
        ]
        let outcome = try await Self.curl.run(create, in: folder)
        #expect(outcome.text.contains("\"name\":\"fresh\"") && outcome.text.contains("\n201 2"), "\(outcome.text)")
        let long = "-H" + "x-long: " + String(repeating: "a", count: 17_000)
        let refused = try await Self.curl.run(
          ["-s", "--http2-prior-knowledge", "-w", "\n%{http_code}\n", long, base + "/livez"], in: folder)
        #expect(refused.text.contains("\n431\n"), "\(refused.text)")
      }
    }
  }

  @Test func `rapid resets from many connections leave the memory as it was`() async throws {
    try await withTemporaryFolder { folder in
      try await BinaryTests.withLocal(in: folder) { binary, _ in
        let port = try await binary.port()
        try await Self.flood(port: port, connections: 20)
        let before = try await binary.peakMemory()
        try await Self.flood(port: port, connections: 20)
        let after = try await binary.peakMemory()
        #expect(after < before + 8 << 20, "\(before >> 10) KiB, then \(after >> 10) KiB")
      }
    }
  }

  private static func get(_ path: String) -> [(String, String)] {
    [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "localhost")]
  }

  /// Ten thousand streams a connection, each reset at once; every one is to end in GOAWAY.
  private static func flood(port: UInt16, connections: Int) async throws {
    try await onLoop { loop in
      for _ in 0..<connections {
        let peer = try await Peer.connect(to: .v4(0x7f00_0001, port: port), on: loop)
        defer { peer.close() }
        let own = LoopConfined(peer)
        let flood = Task(executorPreference: loop) {
          try await own.value.send(Frame.preface + Frame.settings())
          for index in 0..<10_000 {
            let stream = Int32(2 * index + 1)
            let fields = get("/git/hello/info/refs?service=git-upload-pack")
            try await own.value.send(Frame.headers(stream, fields) + Frame.reset(stream))
          }
        }
        var isSentAway = false
        while let frame = try? await peer.receiveFrame() {
          guard frame.type == 7 else { continue }
          isSentAway = true
          #expect(frame.payload[7] == 0xb)
        }
        #expect(isSentAway)
        peer.close()
        _ = await flood.result
      }
    }
  }

  @Test func `answers that nobody reads are not held`() async throws {
    try await withTemporaryFolder { folder in
      try await BinaryTests.withLocal(in: folder) { binary, base in
        try await BinaryTests.pushBig(Git(in: folder), base, bytes: 24 << 20)
        let port = try await binary.port()
        try await onLoop { loop in
          let peer = try await Peer.connect(to: .v4(0x7f00_0001, port: port), on: loop)
          defer { peer.close() }
          // Windows of 1 KiB: that much of each answer comes, and then nothing.
          try await peer.send(Frame.preface + Frame.settings([(4, 1_024)]))
          let streams = 20
          let fields = Self.get("/api/v1/repos/hello/raw/big/big.bin")
          for index in 0..<streams { try await peer.send(Frame.headers(Int32(2 * index + 1), fields)) }
          var bytes = 0
          while bytes < streams * 1_024 {
            let frame = try await peer.receiveFrame()
            if frame.type == 0 { bytes += frame.payload.count }
            #expect(frame.type != 3)
          }
        }
        let peak = try await binary.peakMemory()
        #expect(peak < 60 << 20, "\(peak >> 20) MB")
      }
    }
  }
}

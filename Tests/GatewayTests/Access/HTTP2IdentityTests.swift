import ArtifactsAPI
import EventLoop
import Gateway
import GatewayTestSupport
import HTTPTransport
import TLS
import Testing

/// What can be said in HTTP/2 about who one is and what one wants: nothing but the one `authorization` and the one path count.
@Suite(.enabled(if: Certificates.directory != nil), .timeLimit(.minutes(5))) struct HTTP2IdentityTests {
  /// A client that says what it likes, in the clear or under TLS. Confined to its loop.
  private final class Client {
    private static let patience = Duration.seconds(20)
    private let transport: Transport
    private var kept: [UInt8] = []
    private var stream: Int32 = -1

    enum Answer: Equatable {
      /// The stream, or the connection, was ended.
      case ended
      case body(String)
    }

    private init(_ transport: Transport) { self.transport = transport }

    static func connect(to port: UInt16, secure: Bool, on loop: Loop) async throws -> Client {
      let channel = try await Connector.connect(to: [.v4(0x7f00_0001, port: port)], on: loop, timeout: patience)
      var client = Client(Transport(channel))
      if secure {
        let context = try Certificates.clientContext(["h2"])
        let tls = try TLSChannel(client: channel, context: context, serverName: "127.0.0.1", sessionKey: "test")
        try await tls.handshake(timeout: patience)
        client = Client(Transport(tls))
      }
      try await client.send(Frame.preface + Frame.settings())
      return client
    }

    func close() { transport.close() }

    private func send(_ bytes: [UInt8]) async throws {
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
      defer { memory.deallocate() }
      memory.copyBytes(from: bytes)
      let list = GatherList()
      list.append(UnsafeRawBufferPointer(memory))
      while !list.isEmpty {
        if case .wouldBlock = try transport.write(gathering: list) {
          try await transport.waitUntilWritable(for: Self.patience)
        }
      }
    }

    /// The next frame, but for what settles the connection; nil at the end.
    private func frame() async throws -> (type: UInt8, stream: Int32, isLast: Bool, payload: [UInt8])? {
      while true {
        if let (type, stream, payload) = frames(of: kept).first, kept.count >= 9 + payload.count, isWhole {
          defer { kept.removeFirst(9 + payload.count) }
          return (type, stream, type <= 1 && kept[4] & 1 == 1, payload)
        }
        var block = [UInt8](repeating: 0, count: 65_536)
        switch try block.withUnsafeMutableBytes({ try transport.read(into: $0) }) {
        case .bytes(let count): kept += block[..<count]
        case .wouldBlock: try await transport.waitUntilReadable(for: Self.patience)
        case .endOfStream: return nil
        }
      }
    }

    /// The first frame of what is kept has come to its end.
    private var isWhole: Bool {
      kept.count >= 9 && kept.count >= 9 + (Int(kept[0]) << 16 | Int(kept[1]) << 8 | Int(kept[2]))
    }

    /// Sends a request, and its trailers, and reads its answer.
    func ask(_ fields: [(String, String)], body: [UInt8] = [], trailers: [(String, String)] = []) async throws -> Answer
    {
      stream += 2
      let number = stream
      var text: [UInt8] = []
      do {
        try await send(Frame.headers(number, fields, ends: body.isEmpty))
        if !body.isEmpty { try await send(Frame.data(number, body, ends: trailers.isEmpty)) }
        if !trailers.isEmpty { try await send(Frame.headers(number, trailers)) }
        while let frame = try await frame() {
          if frame.type == 7 { return .ended }
          guard frame.stream == number else { continue }
          if frame.type == 3 { return .ended }
          if frame.type == 0 { text += frame.payload }
          if frame.isLast { return .body(String(decoding: text, as: UTF8.self)) }
        }
      } catch is TransportError {}
      return .ended
    }
  }

  private struct House {
    let test: TestGateway
    let secure: UInt16
    let root: String
    let stranger: String
  }

  private func with(_ body: (House) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
      let people = ["root", "stranger"].map { ($0, TokenSecret.make()) }
      var access = try AccessConfiguration.knowing(people, in: folder)
      access.allow("token:root", Set(Right.allCases), "**")
      access.allow("token:stranger", [.read], "default/open")
      try await TestGateway.with(configure: { [access] in $0.access = access }) { test async throws in
        let files = TLSServerFiles(certificate: Certificates.path("good.pem"), key: Certificates.path("good.key"))
        let secure = try await test.gateway.listen(on: ListenerConfiguration(.anyLoopback, tls: files))
        try await body(
          House(
            test: test, secure: try #require(secure.port), root: "Bearer \(people[0].1.exposed)",
            stranger: "Bearer \(people[1].1.exposed)"))
      }
    }
  }

  private static let secret = "/git/secret/info/refs?service=git-upload-pack"
  private static let open = "/git/open/info/refs?service=git-upload-pack"

  private static func get(
    _ path: String = secret, authority: String? = "localhost", _ fields: (String, String)...
  ) -> [(String, String)] {
    [(":method", "GET"), (":scheme", "http"), (":path", path)] + (authority.map { [(":authority", $0)] } ?? [])
      + [("user-agent", GitOperation.git)] + fields
  }

  /// What is asked for by the stranger, or by nobody: every one is to be refused, whoever has asked before.
  private static func tricks(_ root: String, _ stranger: String) -> [[(String, String)]] {
    let own = ("authorization", stranger)
    var tricks = [
      get(), get(secret, own),
      // Hosts.
      get(secret, own, ("host", "other")), get(secret, own, ("host", "open")), get(open, own, ("host", "evil.test")),
      get(open, authority: "evil.test", own), get(open, authority: "evil.test", own, ("host", "localhost")),
      get(open, authority: nil, own, ("host", "evil.test")), get(open, authority: nil, own),
      get(open, authority: "root@localhost", own), get(open, authority: "localhost/git/open", own),
      get(open, authority: "localhost", own, ("host", "localhost"), ("host", "localhost")),
      get(open, authority: "", own), get(secret, authority: "open", own),
      // Credentials.
      get(secret, ("Authorization", root)), get(secret, own, ("Authorization", root)),
      get(secret, own, ("authorization", root)), get(secret, ("authorization", root), own),
      get(secret, ("authorization", root), ("authorization", root)),
      get(secret, ("authorization", "\(stranger), \(root)")),
      get(secret, ("authorization", "\(root)\u{0}")), get(secret, ("authorization", "\(root), \(root)")),
      get(secret, ("authorization ", root)), get(secret, (":authorization", root)),
      get(secret, ("proxy-authorization", root)), get(secret, ("cookie", "authorization=\(root)")),
      get(secret, ("x-authorization", root)), get(secret, ("x_authorization", root)),
      // Paths.
      get("/git/open/../secret/info/refs?service=git-upload-pack", own),
      get("/git/open/%2e%2e/secret/info/refs?service=git-upload-pack", own), get("//git" + secret.dropFirst(4), own),
      get("http://localhost" + secret, own), get("http://open" + secret, own), get("*", own),
      get(secret, own, (":path", open)), get(open, own) + [(":path", secret)], [(":path", open)] + get(secret, own),
      get(secret + "#" + open, own), get(open + "\r\nx: y", own),
    ]
    for field in [
      ("x-forwarded-for", "127.0.0.1"), ("x-forwarded-user", "token:root"), ("x-forwarded-host", "open"),
      ("x-forwarded-proto", "https"), ("x-forwarded-prefix", "/git/open"), ("forwarded", "for=127.0.0.1;host=open"),
      ("x-real-ip", "127.0.0.1"), ("x-original-url", open), ("x-rewrite-url", open), ("x-http-method-override", "HEAD"),
      ("remote-user", "token:root"), ("x-remote-user", "root"), ("x-auth-user", "root"), ("x-client-cert", "root"),
      ("cf-access-authenticated-user-email", "root"), ("user-agent", "kube-probe/1.30"), ("via", "2 localhost"),
    ] {
      tricks.append(get(secret, field))
      tricks.append(get(secret, own, field))
    }
    return tricks
  }

  @Test(arguments: [false, true]) func `no field but the one that counts says who one is, or what one wants`(
    isSecure: Bool
  ) async throws {
    try await with { house async throws in
      let (port, root, stranger) = (isSecure ? house.secure : house.test.port, house.root, house.stranger)
      let tricks = Self.tricks(root, stranger)
      let good = String(decoding: GitOperation.fetchRefs.answerBody, as: UTF8.self)
      try await onLoop { loop in
        for trick in tricks {
          let client = try await Client.connect(to: port, secure: isSecure, on: loop)
          defer { client.close() }
          // What the connection has learnt of another one helps nobody.
          #expect(try await client.ask(Self.get(Self.secret, ("authorization", root))) == .body(good))
          switch try await client.ask(trick) {
          case .ended: break
          case .body(let text):
            #expect(text.hasPrefix("artifacts-gateway: ") && !text.contains(GitOperation.id), "\(trick): \(text)")
          }
        }
      }
      #expect(await house.test.upstream.requests.count == tricks.count)
      for request in await house.test.upstream.requests {
        #expect(request.target == "/git/default/secret.git/info/refs?service=git-upload-pack")
      }
    }
  }

  @Test(arguments: [false, true]) func `what stands behind a body says nothing`(isSecure: Bool) async throws {
    try await with { house async throws in
      let (port, root, stranger) = (isSecure ? house.secure : house.test.port, house.root, house.stranger)
      try await onLoop { loop in
        let client = try await Client.connect(to: port, secure: isSecure, on: loop)
        defer { client.close() }
        for shown in [[], [("authorization", stranger)]] {
          let push: [(String, String)] = [
            (":method", "POST"), (":scheme", "http"), (":path", "/git/secret/git-receive-pack"),
            (":authority", "localhost"), ("user-agent", GitOperation.curl),
            ("content-type", "application/x-git-receive-pack-request"),
          ]
          let answer = try await client.ask(
            push + shown, body: GitOperation.push.body,
            trailers: [("authorization", root), ("x-forwarded-user", "root")])
          if case .body(let text) = answer { #expect(text.hasPrefix("artifacts-gateway: "), "\(text)") }
        }
      }
      #expect(await house.test.upstream.requests.isEmpty)
    }
  }

  @Test(arguments: [false, true]) func `what may be said is served, and none of it goes upstream`(isSecure: Bool)
    async throws
  {
    try await with { house async throws in
      let (port, stranger) = (isSecure ? house.secure : house.test.port, house.stranger)
      let good = String(decoding: GitOperation.fetchRefs.answerBody, as: UTF8.self)
      let own = ("authorization", stranger)
      let served = [
        Self.get(Self.open, own), Self.get(Self.open, own, ("host", "localhost")),
        Self.get(Self.open, authority: nil, own, ("host", "localhost")),
        Self.get(
          Self.open, own, ("x-forwarded-user", "root"), ("x-forwarded-for", "10.0.0.1"), ("forwarded", "for=10.0.0.1")),
      ]
      try await onLoop { loop in
        let client = try await Client.connect(to: port, secure: isSecure, on: loop)
        defer { client.close() }
        for fields in served { #expect(try await client.ask(fields) == .body(good)) }
      }
      for request in await house.test.upstream.requests {
        #expect(request.target == "/git/default/open.git/info/refs?service=git-upload-pack")
        #expect(!request.text.contains(stranger) && !request.text.lowercased().contains("forwarded"), "\(request.text)")
        #expect(request.field("host") == "127.0.0.1:\(house.test.upstreamPort)")
      }
    }
  }
}

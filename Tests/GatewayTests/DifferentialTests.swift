import ArtifactsAPI
import EventLoop
import Fuzzing
import Gateway
import GatewayTestSupport
import Glibc
import HTTPCore
import HTTPTransport
import Synchronization
import Testing

/// Streams of requests, good ones with anything done to them, through the running gateway: what comes out at the upstream is
/// exactly what was asked and answered, as a second reader sees both sides.
@Suite(.timeLimit(.minutes(5))) struct DifferentialTests {
  /// A request as it matters to the upstream.
  private struct Asked: Equatable, CustomStringConvertible {
    var method: String
    var target: String
    var body: [UInt8]
    var description: String { "\(method) \(target) \(String(decoding: body.prefix(60), as: UTF8.self))" }
  }

  private static let token = "art_v1_of_the_test"

  /// Answers every whole request with the body that its route wants.
  private static let next: RawUpstream.Next = { bytes in
    guard case .message(let request) = PlainReader.request(in: bytes) else { return nil }
    let operation: GitOperation =
      if request.target.hasSuffix("=git-upload-pack") {
        .fetchRefs
      } else if request.target.hasSuffix("=git-receive-pack") {
        .pushRefs
      } else {
        request.target.hasSuffix("/git-upload-pack") ? .fetch : .push
      }
    let body = operation.answerBody
    let head = "HTTP/1.1 200 OK\r\nContent-Type: \(operation.answerType)\r\nContent-Length: \(body.count)\r\n\r\n"
    return (request.length, Array(head.utf8) + body)
  }

  // MARK: Streams

  private func goodRequest(_ number: Int, _ generator: inout SplitMix64) -> [UInt8] {
    let operation = GitOperation.allCases.randomElement(using: &generator) ?? .fetch
    var body: [UInt8]?
    // Each body is another, so that none can be taken for its neighbour; some hold a request.
    if operation == .fetch || operation == .push {
      body = operation.body + Array("\(number)".utf8)
      if Bool.random(using: &generator) { body = (body ?? []) + GitOperation.fetchRefs.request("smuggled").bytes }
    }
    var request = operation.request("r\(number)", body: body)
    if Bool.random(using: &generator) { request.framing = .chunked(Int.random(in: 1...200, using: &generator)) }
    if request.method == "GET" { request.framing = .length }
    let spare = [
      ("Content_Length", "3"), ("Connection", "X-Hop"), ("Keep-Alive", "1"), ("Expect", "100-continue"),
      ("Cookie", "a=b"),
      ("Authorization", "Basic eDp5"), ("TE", "trailers"), ("Connection", "keep-alive"), ("Accept-Encoding", "gzip"),
    ]
    for _ in 0..<Int.random(in: 0...3, using: &generator) {
      if let (name, value) = spare.randomElement(using: &generator) { request = request.with(name, value) }
    }
    return request.bytes
  }

  private static let ambiguous = [
    "Content-Length: 5\r\n", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: identity\r\n", "Content-Length: +5\r\n", "Host: evil\r\n",
    "X: y\n", "X: y\r", " folded\r\n", "Connection: content-length\r\n", "0\r\n\r\n", "\r\n",
    "Content-Length: 5, 5\r\n",
    "GET /git/inner/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: localhost\r\n\r\n",
  ]

  private func damaged(_ stream: [UInt8], _ generator: inout SplitMix64) -> [UInt8] {
    var bytes = stream
    for _ in 0..<Int.random(in: 0...3, using: &generator) {
      guard let position = bytes.indices.randomElement(using: &generator) else { break }
      let telling = Array("\r\n\t :;,/%0123456789af\0".utf8) + [0x7f, 0x80]
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: bytes[position] = telling.randomElement(using: &generator) ?? 0
      case 1: bytes.insert(telling.randomElement(using: &generator) ?? 0, at: position)
      case 2: bytes.remove(at: position)
      default:
        // Behind a line end, where it does most harm.
        let lines = bytes.indices.filter { bytes[$0] == 10 }
        guard let end = lines.randomElement(using: &generator) else { break }
        let line = Self.ambiguous.randomElement(using: &generator) ?? ""
        bytes.insert(contentsOf: Array(line.utf8), at: end + 1)
      }
    }
    return bytes
  }

  // MARK: What was asked, and what came out

  /// The requests that a stream holds up to where the second reader loses its way, and how many empty lines it passed.
  private func requests(of stream: [UInt8]) -> [Asked] {
    var rest = stream
    var asked: [Asked] = []
    while !rest.isEmpty {
      for _ in 0..<2 where rest.starts(with: [13, 10]) { rest.removeFirst(2) }
      guard case .message(let request) = PlainReader.request(in: rest) else { break }
      asked.append(Asked(method: request.method, target: request.target, body: request.body))
      rest.removeFirst(request.length)
    }
    return asked
  }

  /// As the template of the remote makes it.
  private func upstreamTarget(of target: String) -> String {
    let parts = target.dropFirst("/git/".count).split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard let service = parts.firstIndex(where: { $0 == "info" || $0.hasPrefix("git-") }) else { return target }
    let names = parts[..<service].filter { !$0.isEmpty }
    var repo = names.last ?? ""
    if repo.hasSuffix(".git") { repo.removeLast(4) }
    let namespace = names.count > 1 ? names[0] : "default"
    return "/up/\(namespace)/\(repo).git/" + parts[service...].joined(separator: "/")
  }

  /// Sends a stream and reads all answers. Gives, in order, whether each was a success of a git route.
  private func ask(_ stream: [UInt8], port: UInt16, on loop: Loop) async throws -> [Bool] {
    let connection = try await HTTPConnection.open(port: port, on: loop)
    let sending = Task(executorPreference: loop) {
      try? await connection.send(stream)
      await connection.closeWriting()
    }
    var answers: [Bool] = []
    // A stream that is refused may be reset behind the answer.
    while let answer = try? await connection.receive(to: .post) {
      answers.append(answer.status == 200 && answer.field("x-artifacts-gateway-error") == nil)
      if !answer.isWhole { break }
    }
    await connection.close()
    await sending.value
    return answers
  }

  @Test(arguments: 0..<4)
  func `what comes out upstream is what was asked and answered`(seed: Int) async throws {
    let group = try TestLoops.take()
    let peers = try TestLoops.take()
    let loop = peers.loops[0]
    let upstream = RawUpstream(on: loop, next: Self.next)
    let port = try await upstream.start()
    let base = OriginURL.loopback(port: port)
    var configuration = GatewayConfiguration(endpoint: .init(base: base, accountID: "a", token: { nil }))
    configuration.remoteTemplate = "http://127.0.0.1:\(port)/up/{namespace}/{repo}.git"
    configuration.allowedRemoteHosts = ["127.0.0.1"]
    configuration.allowsInsecureUpstream = true
    configuration.staticToken = { .init(Self.token) }
    let gateway = try Gateway(configuration, on: group, log: TestGateway.logger(nil))
    let address = try await gateway.listen(on: .anyLoopback)
    gateway.ready()

    // More of it, each time something else, when a person asks for it.
    let asked = getenv("FUZZ_ROUNDS").flatMap { Int(String(cString: $0)) }
    var generator = SplitMix64(state: asked == nil ? UInt64(seed) : UInt64.random(in: 0...UInt64.max))
    var accepted = 0
    var refused = 0
    for round in 0..<(asked ?? 150) {
      let before = await upstream.streams
      var stream: [UInt8] = []
      for number in 0..<Int.random(in: 1...4, using: &generator) {
        stream += goodRequest(100 * round + number, &generator)
      }
      stream = damaged(stream, &generator)
      let answers = try await ask(stream, port: address.port ?? 0, on: loop)

      let seen = requests(of: stream)
      var expected: [Asked] = []
      for (index, isSuccess) in answers.enumerated() where isSuccess {
        guard index < seen.count else {
          Issue.record("answered, and not read by the second reader: \(String(decoding: stream, as: UTF8.self))")
          break
        }
        expected.append(
          Asked(method: seen[index].method, target: upstreamTarget(of: seen[index].target), body: seen[index].body))
      }
      accepted += expected.count
      refused += answers.count - expected.count

      // One client at a time, so the pool's one connection carries all; a new one takes over after a cut.
      let after = await upstream.streams
      var came: [Asked] = []
      for (index, bytes) in after.enumerated() {
        let new = Array(bytes.dropFirst(index < before.count ? before[index].count : 0))
        var rest = new
        while case .message(let request) = PlainReader.request(in: rest) {
          came.append(Asked(method: request.method, target: request.target, body: request.body))
          #expect(request.values("authorization") == ["Bearer \(Self.token)"])
          #expect(request.values("host") == ["127.0.0.1:\(port)"])
          for name in ["cookie", "keep-alive", "te", "expect", "connection", "content_length"] {
            #expect(request.values(name).isEmpty, "\(name)")
          }
          rest.removeFirst(request.length)
        }
        #expect(rest.isEmpty, "something else came upstream: \(String(decoding: rest, as: UTF8.self))")
      }
      #expect(came == expected, "\(String(decoding: stream, as: UTF8.self).debugDescription)")
    }
    #expect(accepted > 50 && refused > 20, "\(accepted) accepted, \(refused) refused")

    _ = await gateway.drain(timeout: .zero)
    await upstream.stop()
    await upstream.waitForNoConnections()
    TestLoops.give(group)
    TestLoops.give(peers)
  }
}

import ArtifactsAPI
import EventLoop
import Fuzzing
import Gateway
import GatewayTestSupport
import HTTPTransport
import Synchronization
import Testing

/// Answers of an upstream, good ones with anything done to them, through the running gateway: a client gets one whole
/// response, which is what a second reader makes of an answer to this very request, or an error.
@Suite(.timeLimit(.minutes(5))) struct ResponseDifferentialTests {
  private struct State {
    var generator: SplitMix64
    /// What was answered, by the repo that was asked for.
    var answers: [String: [UInt8]] = [:]
  }

  private static let evil = "HTTP/1.1 200 OK\r\nContent-Type: text/evil\r\nContent-Length: 4\r\n\r\nevil"

  private static let lines = [
    "Content-Length: 5\r\n", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n", "X: y\n", "X: y\r", " folded\r\n", "Connection: content-length\r\n", "\r\n",
    "0\r\n\r\n", "Set-Cookie: a=b\r\n", "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\n", evil,
  ]

  private static func repo(in target: String) -> String { String(target.split(separator: "/").dropLast().last ?? "") }

  private static func answer(to repo: String, _ generator: inout SplitMix64) -> [UInt8] {
    let text = PktLines.band(1, PktLines.line("unpack ok \(repo)\n") + PktLines.flush) + PktLines.flush
    var head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-receive-pack-result\r\n"
    if Int.random(in: 0..<6, using: &generator) == 0 { head = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + head }
    var bytes: [UInt8]
    if Bool.random(using: &generator) {
      bytes = Array((head + "Content-Length: \(text.count)\r\n\r\n").utf8) + text
    } else {
      let half = text.count / 2
      bytes = Array((head + "Transfer-Encoding: chunked\r\n\r\n\(String(half, radix: 16));x=y\r\n").utf8)
      bytes += text[..<half] + Array("\r\n\(String(text.count - half, radix: 16))\r\n".utf8) + text[half...]
      bytes += Array("\r\n0\r\nX-Trailer: 1\r\n\r\n".utf8)
    }
    for _ in 0..<Int.random(in: 0...2, using: &generator) {
      guard let position = bytes.indices.randomElement(using: &generator) else { break }
      switch Int.random(in: 0..<5, using: &generator) {
      case 0: bytes[position] = Array("\r\n\t :;,0159af\0".utf8).randomElement(using: &generator) ?? 0
      case 1: bytes.remove(at: position)
      case 2: bytes += Array(evil.utf8)
      default:
        let ends = bytes.indices.filter { bytes[$0] == 10 }
        guard let end = ends.randomElement(using: &generator) else { break }
        bytes.insert(contentsOf: Array((lines.randomElement(using: &generator) ?? "").utf8), at: end + 1)
      }
    }
    return bytes
  }

  /// The body of the first final response in `bytes`, as the second reader sees it; nil when there is none.
  private static func body(of bytes: [UInt8]) -> [UInt8]? {
    var rest = bytes
    while case .message(let message) = PlainReader.response(in: rest, toHead: false) {
      guard message.start[1].hasPrefix("1") else { return message.body }
      rest.removeFirst(message.length)
    }
    return nil
  }

  @Test(arguments: 0..<4)
  func `a client gets what was answered to its own request, or an error`(seed: Int) async throws {
    let group = try TestLoops.take()
    let peers = try TestLoops.take()
    let loop = peers.loops[0]
    let state = Mutex(State(generator: SplitMix64(state: UInt64(seed))))
    let upstream = RawUpstream(on: loop) { bytes in
      guard case .message(let request) = PlainReader.request(in: bytes) else { return nil }
      let repo = Self.repo(in: request.target)
      let answer = state.withLock { state in
        let answer = Self.answer(to: repo, &state.generator)
        state.answers[repo] = answer
        return answer
      }
      return (request.length, answer)
    }
    let port = try await upstream.start()
    var configuration = GatewayConfiguration(
      endpoint: APIEndpoint(base: .loopback(port: port), accountID: "a", token: { nil }))
    configuration.remoteTemplate = "http://127.0.0.1:\(port)/up/{namespace}/{repo}"
    configuration.allowedRemoteHosts = ["127.0.0.1"]
    configuration.allowsInsecureUpstream = true
    configuration.staticToken = { Secret("token") }
    configuration.packFirstByte = .milliseconds(300)
    configuration.timeouts.idle = .milliseconds(300)
    let gateway = try Gateway(configuration, on: group, log: TestGateway.logger(nil))
    let address = try await gateway.listen(on: .anyLoopback)
    gateway.ready()

    var relayed = 0
    var refused = 0
    for round in 0..<120 {
      let request = GitOperation.push.request("r\(round)", userAgent: GitOperation.curl).with("Connection", "close")
      let received = try await Task(executorPreference: loop) { () -> [UInt8] in
        let peer = try await Peer.connect(to: address, on: loop)
        defer { peer.close() }
        try await peer.send(request.bytes)
        return await peer.receiveAll()
      }.value
      let answered = state.withLock { $0.answers["r\(round)"] } ?? []
      let told = String(decoding: answered, as: UTF8.self).debugDescription
      #expect(!received.isEmpty, "\(told)")
      switch PlainReader.response(in: received, toHead: false) {
      case .bad(let reason): Issue.record("\(reason): \(String(decoding: received, as: UTF8.self)) for \(told)")
      // Cut, which the client sees.
      case .incomplete: refused += 1
      case .message(let message):
        #expect(message.length == received.count, "more than one response for \(told)")
        for name in ["set-cookie", "x-hop", "x-trailer"] { #expect(message.values(name).isEmpty, "\(name)") }
        if message.start[1] == "200" {
          relayed += 1
          let body = Self.body(of: answered)
          // One that was cut in the middle ends with an error that git shows.
          let isCut = String(decoding: message.body, as: UTF8.self).contains("broke off in the middle")
          #expect(message.body == body || isCut, "\(told)")
        } else {
          refused += 1
          #expect(message.values("x-artifacts-gateway-error").count == 1, "\(told)")
        }
      }
    }
    #expect(relayed > 20 && refused > 20, "\(relayed) relayed, \(refused) refused")

    _ = await gateway.drain(timeout: .zero)
    await upstream.stop()
    await upstream.waitForNoConnections()
    TestLoops.give(group)
    TestLoops.give(peers)
  }
}

import ArtifactsAPI
import FoundationEssentials
import GatewayTestSupport
import GitProtocol
import HTTPCore
import Testing

@testable import Gateway
@testable import PackCache

@Suite(.timeLimit(.minutes(5))) struct StatusPageTests {
  private func page(_ test: TestGateway) async throws -> HTTPAnswer { try await test.ask(HTTPRequest("GET", "/")) }

  /// The cells of the row that begins with `name`.
  private func row(_ name: String, in text: String) -> [String] {
    let rows = text.split(separator: "<tr>").first { $0.contains("<th scope=\"row\">\(name)</th>") }
    return (rows ?? "").matches(of: /<td[^>]*>([^<]*)<\/td>/).map { String($0.1) }
  }

  private func document(_ change: (inout Sample) -> Void = { _ in }, isPrivate: Bool = true) -> String {
    var sample = Sample()
    change(&sample)
    return StatusDocument(
      figures: sample.figures, lines: .init(clone: "git clone x", create: "curl", rewrite: nil), isPrivate: isPrivate,
      namespace: "default"
    ).whole.text
  }

  private struct Sample {
    var transfers: [RunningTransfer] = []
    var troubles: [Trouble] = []
    var packs: StatusFigures.Packs?
    var tokens: [TokenCensus]? = []

    var figures: StatusFigures {
      StatusFigures(
        state: .ready, isReadOnly: false, age: 61, now: 1_000, inFlight: 1, traffic: [], transfers: transfers,
        tokens: tokens, minted: 0, mintFailures: 0, packs: packs, troubles: troubles)
    }
  }

  private func failed(_ text: String, in repo: String = "demo") throws -> Trouble {
    let route = GitRoute(
      repo: RepoKey(namespace: "default", name: repo), service: .uploadPack, operation: .service)
    let record = RequestRecord(RequestID(number: 1), .uploadPack, route, at: 0)
    record.failure = ProxyError(.upstreamError, status: 502, text)
    return try #require(Trouble(record, at: 990))
  }

  // MARK: Markup

  @Test(arguments: [
    ("plain", "plain"), ("<script>", "&lt;script&gt;"), ("a&b", "a&amp;b"), ("\"'", "&quot;&#39;"),
    ("a\u{0}\u{1b}[31mb", "a\u{fffd}\u{fffd}[31mb"), ("a\nb", "a\u{fffd}b"),
    ("\u{202e}abc\u{2066}", "\u{fffd}abc\u{fffd}"),
    ("\u{85}\u{2028}", "\u{fffd}\u{fffd}"), ("Grüße 🦊", "Grüße 🦊"), ("", ""),
  ])
  func `what is put into markup is escaped, once`(text: String, escaped: String) {
    let markup: Markup = "<b title=\"\(text)\">\(text)</b>"
    #expect(markup.text == "<b title=\"\(escaped)\">\(escaped)</b>")
    let outer: Markup = "<p>\(markup)\([markup, markup])</p>"
    #expect(outer.text == "<p>\(markup.text)\(markup.text)\(markup.text)</p>")
  }

  @Test(arguments: [
    (0, "0 s"), (59.9, "59 s"), (60, "1 min 0 s"), (3_599, "59 min 59 s"), (7_260, "2 h 1 min"), (90_000, "1 d 1 h"),
    (-5, "0 s"), (.infinity, "0 s"), (.nan, "0 s"), (1e300, "11574074 d 1 h"),
  ])
  func `spans of time are short`(seconds: Double, text: String) { #expect(StatusDocument.span(seconds) == text) }

  @Test(arguments: [
    (-1, "0 B"), (0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (1_999, "1.9 kB"), (999_999, "999.9 kB"),
    (1_500_000, "1.5 MB"), (2_000_000_000, "2.0 GB"), (.max, "9223.3 PB"),
  ])
  func `sizes are short`(bytes: Int, text: String) { #expect(StatusDocument.bytes(bytes) == text) }

  // MARK: The document

  @Test func `it is a whole page that fetches nothing from elsewhere, and holds no style or handler in an attribute`()
    throws
  {
    let text = document()
    #expect(text.hasPrefix("<!doctype html>\n<html lang=\"en\">"))
    for part in ["name=\"viewport\" content=\"width=device-width", "<title>", "<h1>", "prefers-color-scheme:dark"] {
      #expect(text.contains(part), "\(part)")
    }
    #expect(text.firstMatch(of: /<[^>]+ (style|on[a-z]+)=/) == nil)
    for match in text.matches(of: /(src|href)="([^"]*)"/) {
      #expect(match.2.hasPrefix("/") || match.2 == "data:,", "\(match.0)")
    }
    for tag in [
      "section", "table", "thead", "tbody", "tr", "div", "dl", "pre", "p", "main", "header", "footer", "script",
    ] {
      #expect(
        text.matches(of: try Regex("<\(tag)[ >]")).count == text.matches(of: try Regex("</\(tag)>")).count, "\(tag)")
    }
    for heads in text.matches(of: /<th[ >][^>]*/) { #expect(heads.0.contains("scope=")) }
  }

  @Test func `those who are elsewhere are told of no repo, nor of what went wrong with it`() throws {
    let repo = RepoKey(namespace: "default", name: "secret-plan")
    let trouble = try failed("secret-plan: broke", in: "secret-plan")
    let transfer = RunningTransfer(
      repo: repo, service: .receivePack, nanoseconds: 5_000_000_000, bytesIn: 1_200, bytesOut: 3)
    func fill(_ sample: inout Sample) {
      sample.transfers = [transfer]
      sample.troubles = [trouble]
    }
    let near = document(fill)
    #expect(row("default/secret-plan", in: near) == ["push", "5 s", "1.2 kB", "3 B"])
    #expect(near.contains("secret-plan: broke") && near.contains("10 s ago"))
    let far = document(fill, isPrivate: false)
    #expect(!far.contains("secret-plan"))
    #expect(row("a repo", in: far) == ["push", "5 s", "1.2 kB", "3 B"])
    #expect(far.contains("upstream_error"))
  }

  @Test func `long lists are cut`() throws {
    let one = RunningTransfer(
      repo: RepoKey(namespace: "default", name: "demo"), service: .uploadPack, nanoseconds: 0, bytesIn: 0, bytesOut: 0)
    let text = document { $0.transfers = Array(repeating: one, count: 256) }
    #expect(text.matches(of: /default\/demo/).count == 50)
    #expect(text.contains("And 206 more."))
    let long = try failed(String(repeating: "x", count: 5_000))
    #expect(document { $0.troubles = [long] }.matches(of: /xxxxx/).count == 60)
  }

  @Test func `the share of hits is of all that could have been hits`() {
    var statistics = PackCache.Statistics()
    #expect(StatusFigures.Packs(statistics: statistics, bytes: 0).rate == nil)
    (statistics.hits, statistics.joined, statistics.misses, statistics.bypasses) = (2, 1, 1, 10)
    #expect(StatusFigures.Packs(statistics: statistics, bytes: 0).rate == 75)
  }

  @Test func `the last sixteen failures are kept`() throws {
    let ring = TroubleRing()
    for number in 0..<40 { ring.add(try failed("number \(number)")) }
    #expect(ring.all.map(\.text) == (24..<40).reversed().map { "number \($0)" })
  }

  // MARK: The page

  @Test func `nothing runs on it but its own script and style, by their hashes`() async throws {
    try await TestGateway.with { test in
      let answer = try await page(test)
      #expect(answer.field("content-type") == "text/html; charset=utf-8")
      func source(_ tag: String) throws -> String {
        let contents = answer.text.matches(of: try Regex("<\(tag)>([^<]*)</\(tag)>", as: (Substring, Substring).self))
        #expect(contents.count == 1)
        var digest = Digest(.sha256)
        Array((contents.first?.1 ?? "").utf8).withUnsafeBytes { digest.update($0) }
        return "'sha256-\(Data(digest.finish()).base64EncodedString())'"
      }
      #expect(
        answer.field("content-security-policy")
          == "default-src 'none'; style-src \(try source("style")); script-src \(try source("script")); "
          + "connect-src 'self'; img-src data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'")
    }
  }

  @Test func `it shows how to use the gateway by the name that the reader used`() async throws {
    try await TestGateway.with { test in
      let text = try await test.ask(HTTPRequest("GET", "/", [("Host", "localhost:\(test.port)")])).text
      #expect(text.contains("git clone http://localhost:\(test.port)/git/&lt;repo&gt;"))
      #expect(
        text.contains(
          "git config --global url.&quot;http://localhost:\(test.port)/git/&quot;.insteadOf "
            + "&quot;https://acct.artifacts.cloudflare.net/git/&quot;"), "\(text)")
    }
  }

  @Test func `it shows what has been, and what is under way`() async throws {
    let gate = Gate()
    try await TestGateway.with(upstream: { request in
      let whole = TestGateway.healthy(request)
      return request.head.method == .post ? ScriptedAnswer([.wait(gate)] + whole.steps) : whole
    }) { test in
      #expect(try await test.ask(.fetchRefs).status == 200)
      async let fetch = test.ask(.fetch)
      await test.upstream.waitForRequests(2)
      let during = try await page(test).text
      #expect(row("default/demo", in: during).first == "fetch", "\(during)")
      #expect(row("refs", in: during).first == "1")
      #expect(Array(row("read", in: during).prefix(1)) == ["1"])
      #expect(!during.contains(TestGateway.apiToken) && during.contains("Minted: 1."))
      gate.open()
      #expect(try await fetch.status == 200)
      let after = try await page(test).text
      #expect(row("default/demo", in: after).isEmpty)
      #expect(row("upload-pack", in: after).first == "1")
    }
  }

  @Test func `what the upstream said is shown, and does nothing`() async throws {
    let api = ScriptedAPI()
    try await TestGateway.with(
      upstream: { _ in .response(500, text: "<img src=x onerror=alert(1)>") }, api: api
    ) { test in
      _ = try await test.ask(.fetchRefs)
      let text = try await page(test).text
      #expect(text.contains("Last failures") && text.contains("upstream_error"), "\(text)")
      #expect(!text.contains("<img"))
    }
  }
}

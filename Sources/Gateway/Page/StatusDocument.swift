import ArtifactsAPI
import GitProtocol
import PackCache

/// The markup of the status page. What it shows is escaped by `Markup`.
struct StatusDocument {
  /// What a reader pastes into a terminal.
  struct Lines {
    let clone: String
    let create: String
    /// Nil where there is nothing to rewrite.
    let rewrite: String?
  }

  /// More rows say nothing more.
  private static let transferRows = 50

  let figures: StatusFigures
  let lines: Lines
  /// Repos, and what went wrong with them, are named.
  let isPrivate: Bool
  let namespace: String

  /// All of it. With scripts off it is loaded anew every half minute; with them, its figures are every few seconds.
  var whole: Markup {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>artifacts-gateway</title>
    <link rel="icon" href="data:,">
    <noscript><meta http-equiv="refresh" content="30"></noscript>
    <style>\(Self.style)</style>
    </head>
    <body>
    <header>
    <h1>artifacts-gateway</h1>
    <p>Git over HTTP for Cloudflare Artifacts, without tokens: this gateway asks for them.</p>
    </header>
    <main>
    \(usage)<div id="figures">
    \(summary)\(transfers)\(traffic)\(tokens)\(packs)\(troubles)</div>
    </main>
    <footer><p>Version \(GatewayVersion.number). For programs: <a href="/metrics">metrics</a>, \
    <a href="/readyz?verbose">readiness</a>, <a href="/api/v1/openapi.json">admin API</a>.</p></footer>
    <script>\(Self.script)</script>
    </body>
    </html>

    """
  }

  // MARK: Sections

  private var usage: Markup {
    let rewrite: Markup =
      lines.rewrite.map { "<p>Let Git find it by the URLs of the service:</p>\n<pre>\($0)</pre>\n" }
      ?? ""
    return """
      <section aria-labelledby="use"><h2 id="use">Use it</h2>
      <p>Clone, fetch and push; <code>&lt;repo&gt;</code> is a repo of the namespace <code>\(namespace)</code>:</p>
      <pre>\(lines.clone)</pre>
      <p>Create a repo:</p>
      <pre>\(lines.create)</pre>
      \(rewrite)</section>

      """
  }

  private var summary: Markup {
    let isGood = figures.state == .ready
    let readOnly: Markup = figures.isReadOnly ? "<div><dt>Pushes</dt><dd>refused</dd></div>" : ""
    let rate = figures.packs?.rate.map { "\($0) %" } ?? "-"
    return """
      <section aria-labelledby="now"><h2 id="now">Now</h2>
      <dl>
      <div><dt>State</dt><dd class="\(isGood ? "good" : "bad")">\(figures.state.rawValue)</dd></div>
      <div><dt>Up for</dt><dd>\(Self.span(figures.age))</dd></div>
      <div><dt>In flight</dt><dd>\(figures.inFlight)</dd></div>
      <div><dt>Transfers</dt><dd>\(figures.transfers.count)</dd></div>
      <div><dt>Cache hits</dt><dd>\(rate)</dd></div>\(readOnly)
      </dl></section>

      """
  }

  private var transfers: Markup {
    let rows: [Markup] = figures.transfers.prefix(Self.transferRows).map { transfer in
      """
      <tr><th scope="row">\(isPrivate ? transfer.repo.description : "a repo")</th>\
      <td>\(transfer.service == .uploadPack ? "fetch" : "push")</td>\
      <td>\(Self.span(Double(transfer.nanoseconds) / 1e9))</td>\
      <td>\(Self.bytes(transfer.bytesIn))</td><td>\(Self.bytes(transfer.bytesOut))</td></tr>

      """
    }
    let rest = figures.transfers.count - rows.count
    let more: Markup = rest > 0 ? "<p>And \(rest) more.</p>\n" : ""
    return section(
      "transfers", "Transfers under way", ["Repo", "What", "For", "In", "Out"], rows, none: "None.", more)
  }

  private var traffic: Markup {
    let rows: [Markup] = figures.traffic.map { traffic in
      """
      <tr><th scope="row">\(traffic.service.rawValue)</th><td>\(traffic.requests)</td><td>\(traffic.failures)</td>\
      <td>\(Self.bytes(traffic.bytesIn))</td><td>\(Self.bytes(traffic.bytesOut))</td></tr>

      """
    }
    return section("traffic", "Requests since the start", ["Service", "Ended", "Failed", "In", "Out"], rows)
  }

  private var tokens: Markup {
    guard let tokens = figures.tokens else {
      return section("tokens", "Tokens", [], [], none: "One token, from a file, for all repos.")
    }
    func span(_ seconds: Double?) -> String { seconds.map { Self.span($0) } ?? "-" }
    let rows: [Markup] = tokens.map { census in
      """
      <tr><th scope="row">\(census.scope.rawValue)</th><td>\(census.count)</td><td>\(span(census.newest))</td>\
      <td>\(span(census.oldest))</td><td>\(span(census.untilEnd))</td></tr>

      """
    }
    return section(
      "tokens", "Tokens held", ["For", "Held", "Newest", "Oldest", "First ends in"], rows,
      "<p>Minted: \(figures.minted). Refused or failed: \(figures.mintFailures).</p>\n")
  }

  private var packs: Markup {
    guard let packs = figures.packs else {
      return section("packs", "Packs that are kept", [], [], none: "No pack cache.")
    }
    let statistics = packs.statistics
    let row: Markup = """
      <tr><td>\(statistics.hits)</td><td>\(statistics.joined)</td><td>\(statistics.misses)</td>\
      <td>\(Self.bytes(statistics.savedBytes))</td><td>\(Self.bytes(packs.bytes))</td></tr>

      """
    return section("packs", "Packs that are kept", ["Hits", "Joined", "Misses", "Saved", "On disk"], [row])
  }

  private var troubles: Markup {
    let rows: [Markup] = figures.troubles.map { trouble in
      let about = isPrivate ? trouble.repo?.description ?? trouble.service.rawValue : trouble.service.rawValue
      let text = isPrivate ? trouble.shortText : ""
      return """
        <tr><td>\(Self.span(max(0, figures.now - trouble.time))) ago</td><th scope="row">\(about)</th>\
        <td>\(trouble.word)</td><td class="text">\(text)</td></tr>

        """
    }
    return section(
      "troubles", "Last failures of the upstream", ["When", "About", "What", "Told to the client"], rows, none: "None.")
  }

  /// A heading over a table, or over `none` where there are no rows.
  private func section(
    _ id: String, _ title: String, _ columns: [String], _ rows: [Markup], none: String = "", _ more: Markup = ""
  ) -> Markup {
    guard !rows.isEmpty else {
      return "<section aria-labelledby=\"\(id)\"><h2 id=\"\(id)\">\(title)</h2>\n<p>\(none)</p></section>\n\n"
    }
    let heads: [Markup] = columns.map { "<th scope=\"col\">\($0)</th>" }
    return """
      <section aria-labelledby="\(id)"><h2 id="\(id)">\(title)</h2>
      <div class="wide"><table><thead><tr>\(heads)</tr></thead><tbody>
      \(rows)</tbody></table></div>
      \(more)</section>

      """
  }

  // MARK: Numbers

  /// `42 s`, `3 min 5 s`, `2 h 10 min`, `5 d 1 h`.
  static func span(_ seconds: Double) -> String {
    let seconds = seconds.isFinite ? Int(max(0, min(seconds, 1e12))) : 0
    if seconds < 60 { return "\(seconds) s" }
    if seconds < 3_600 { return "\(seconds / 60) min \(seconds % 60) s" }
    if seconds < 86_400 { return "\(seconds / 3_600) h \(seconds % 3_600 / 60) min" }
    return "\(seconds / 86_400) d \(seconds % 86_400 / 3_600) h"
  }

  /// `512 B`, `1.5 MB`: powers of 1,000, to one decimal place.
  static func bytes(_ count: Int) -> String {
    if count < 1_000 { return "\(max(0, count)) B" }
    var (unit, size) = (0, 1_000)
    let units = ["kB", "MB", "GB", "TB", "PB"]
    while unit < units.count - 1, count / size >= 1_000 {
      size *= 1_000
      unit += 1
    }
    return "\(count / size).\(count % size * 10 / size) \(units[unit])"
  }

  // MARK: Style and script

  /// Its hash is in the page's security policy, as is that of the script.
  static let style: Markup = """
    :root{color-scheme:light dark;--ink:#1b2430;--soft:#566173;--paper:#f6f7f9;--card:#fff;--line:#d9dee6;--code:#eef1f5;\
    --link:#0b5cad;--good:#12663a;--bad:#a4262c}
    @media(prefers-color-scheme:dark){:root{--ink:#e4e8ee;--soft:#9ba7b8;--paper:#12161c;--card:#1a2029;--line:#2f3845;\
    --code:#232b36;--link:#7db7ff;--good:#6fd39b;--bad:#ff9a94}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
    header,main,footer{max-width:56rem;margin:0 auto;padding:0 1rem}
    header{padding-top:2rem}
    h1{font-size:1.6rem;margin:0}
    h2{font-size:1.05rem;margin:0 0 .6rem}
    header p,footer{color:var(--soft)}
    p{margin:.4rem 0}
    a{color:var(--link)}
    section{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem;margin:1rem 0}
    code,pre{font:.9rem/1.5 ui-monospace,monospace;background:var(--code);border-radius:.35rem}
    code{padding:.1rem .3rem}
    pre{margin:0 0 .7rem;padding:.55rem .7rem;white-space:pre-wrap;overflow-wrap:anywhere;user-select:all;-webkit-user-select:all}
    dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(7rem,1fr));gap:.8rem;margin:0}
    dt{color:var(--soft);font-size:.85rem}
    dd{margin:0;font-size:1.25rem;font-variant-numeric:tabular-nums}
    .good{color:var(--good)}
    .bad{color:var(--bad)}
    .wide{overflow-x:auto}
    table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
    th,td{padding:.35rem .9rem .35rem 0;text-align:left;white-space:nowrap;vertical-align:top}
    thead th{color:var(--soft);font-size:.85rem;font-weight:400;border-bottom:1px solid var(--line)}
    tbody th{font-weight:600}
    tbody tr+tr>*{border-top:1px solid var(--line)}
    @media(max-width:32rem){section{padding:.8rem}table{font-size:.85rem}thead th{font-size:.8rem}\
    th,td{padding-right:.6rem}}
    .text{white-space:normal;min-width:16rem;overflow-wrap:anywhere}
    """

  /// Takes the figures of the same page, while somebody looks at it and selects nothing in them.
  static let script: Markup = """
    (() => {
      const box = document.getElementById("figures");
      const look = async () => {
        const chosen = getSelection();
        const isFree = chosen.isCollapsed || !box.contains(chosen.anchorNode);
        if (!document.hidden && isFree) try {
          const answer = await fetch(location.href, {cache: "no-store"});
          if (answer.ok) {
            const page = new DOMParser().parseFromString(await answer.text(), "text/html");
            box.replaceChildren(...page.getElementById("figures").childNodes);
          }
        } catch {}
        setTimeout(look, 3000);
      };
      setTimeout(look, 3000);
    })();
    """
}

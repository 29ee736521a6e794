import HTTPCore
import HTTPTransport

/// The page at `/`: what this is and how to use it. No scripts, no assets.
struct StatusPage {
  let configuration: GatewayConfiguration
  let state: GatewayState

  func send(on exchange: ServerExchange) async throws(TransportError) {
    let git = Self.escape(PublicURL.git(exchange, state: state))
    let admin = Self.escape(PublicURL.base(exchange))
    let page = """
      <!doctype html>
      <html lang="en"><meta charset="utf-8"><title>artifacts-gateway</title>
      <style>body{font:16px/1.5 system-ui,sans-serif;max-width:42em;margin:3em auto;padding:0 1em}\
      code{background:#eee;padding:.1em .3em}</style>
      <h1>artifacts-gateway</h1>
      <p>State: <strong>\(state.current.rawValue)</strong>. Namespace of <code>/git/&lt;repo&gt;</code>: \
      <code>\(Self.escape(configuration.namespace))</code>.</p>
      <p>Clone: <code>git clone \(git)/git/&lt;repo&gt;</code></p>
      <p>Create: <code>curl -X PUT \(admin)/api/v1/repos/&lt;repo&gt;</code></p>
      </html>

      """
    let fields = Fields([
      (.contentType, "text/html; charset=utf-8"), (.cacheControl, "no-store"),
      ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"),
      ("x-content-type-options", "nosniff"),
    ])
    try await exchange.respond(status: 200, fields: fields, body: Array(page.utf8))
  }

  private static func escape(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "&": result += "&amp;"
      case "\"": result += "&quot;"
      default: result.append(character)
      }
    }
  }
}

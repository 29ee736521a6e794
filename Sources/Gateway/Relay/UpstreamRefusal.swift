import ArtifactsAPI
import EventLoop
import GitProtocol
import HTTPCore
import HTTPTransport

/// What an upstream's answer other than the wanted one means.
struct UpstreamRefusal {
  let status: Int
  /// The first line of a text answer, bounded; empty when there was none.
  let text: String
  let retryAfter: Duration?

  private static let textLimit = 4_096
  private static let patience = Duration.seconds(5)

  /// Reads as much of the answer's body as is worth telling, for at most five seconds in all.
  init(_ head: ResponseHead, on connection: any UpstreamExchange, _ loop: Loop, idle: Duration) async {
    status = head.status
    retryAfter = HTTPResponse(status: head.status, fields: head.fields).retryAfter
    let type = head.fields[.contentType]?.lowercased() ?? "text/plain"
    var bytes: [UInt8] = []
    let list = GatherList()
    let patience = min(idle, Self.patience)
    let deadline = loop.now + Self.patience.nanoseconds
    while bytes.count < Self.textLimit, loop.now < deadline,
      let more = try? await connection.readBody(into: list, idle: patience), more
    {
      list.forEach { bytes.append(contentsOf: $0.prefix(Self.textLimit - bytes.count)) }
      list.removeAll()
    }
    let isText = type.hasPrefix("text/plain")
    text = isText ? String(String(decoding: bytes, as: UTF8.self).prefix { !$0.isNewline }.prefix(300)) : ""
  }

  /// The token was refused, not its scope: a fresh one may be taken.
  var isTokenRefusal: Bool { status == 401 || (status == 403 && !text.hasPrefix("Insufficient")) }

  /// Another try may succeed.
  var isTransient: Bool { status == 429 || status == 502 || status == 503 || status == 504 }

  func error(_ route: GitRoute, _ origin: Origin) -> ProxyError {
    let said = text.isEmpty ? "" : ": \(text)"
    switch status {
    case 300..<400:
      return ProxyError(
        .upstreamRedirect, status: 502, "the upstream \(origin) redirects (\(status)); redirects are never followed")
    case 401, 403:
      return ProxyError(
        .credentials, status: 403, "the upstream refused the token for \(route.repo) (\(status))\(said)")
    case 404:
      return ProxyError(.noSuchRepo, status: 404, "the upstream has no repo \(route.repo) (404)\(said)")
    case 429:
      return ProxyError(
        .rateLimited, status: 429, "the upstream is rate-limiting (429)\(said)", retryAfter: retryAfter)
    case 413:
      return ProxyError(
        .upstreamError, status: 413, "the upstream takes no push of this size (413)\(said); single files may have 32 MB"
      )
    case 400..<500 where status != 407:
      return ProxyError(.upstreamError, status: status, "the upstream refused the request (\(status))\(said)")
    case 200..<300:
      return ProxyError(
        .upstreamMalformed, status: 502, "the upstream \(origin) answered \(status) with something that is not git's")
    default:
      return ProxyError(
        .upstreamError, status: status == 503 || status == 504 ? status : 502,
        "the upstream answered \(status)\(said)", retryAfter: retryAfter)
    }
  }
}

import EventLoop
import HTTPCore
import HTTPTransport
import TLS

/// Small requests to a running gateway. Never through a proxy. Confined to its loop.
final class GatewayClient {
  private static let bodyLimit = 1 << 20

  private let url: GatewayURL
  private let client: HTTPClient
  private let patience: Duration

  /// - Parameters:
  ///   - caFile: PEM file of authorities to trust instead of the system's.
  ///   - patience: how long each step of a request may take.
  init(_ url: GatewayURL, on loop: Loop, caFile: String?, patience: Duration) throws(TLSError) {
    var timeouts = Timeouts()
    (timeouts.connect, timeouts.tlsHandshake) = (patience, patience)
    (timeouts.head, timeouts.idle) = (patience, patience)
    var routes = UpstreamRoutes()
    routes.address = { [socket = url.socket] _ in socket }
    let tls = try TLSClientContext(caFile: caFile, applicationProtocols: ["http/1.1"])
    client = HTTPClient(UpstreamPool(on: loop, resolver: Resolver(), routes: routes, tls: tls, timeouts: timeouts))
    self.url = url
    self.patience = patience
  }

  /// - Parameter target: a path of the gateway, with its query.
  func get(_ target: String) async throws(TransportError) -> HTTPResponse {
    try await client.send(
      .get, url.path + target, to: url.origin, fields: Fields([("connection", "close")]), isReplayable: true,
      firstByte: patience, limit: Self.bodyLimit)
  }
}

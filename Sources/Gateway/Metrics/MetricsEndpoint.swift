import HTTPCore
import HTTPTransport

/// `/metrics`: what Prometheus fetches.
struct MetricsEndpoint {
  let registry: PrometheusRegistry

  func answer(_ exchange: ServerExchange) async throws(TransportError) {
    let fields = Fields([(.contentType, ExpositionWriter.contentType), (.cacheControl, "no-store")])
    try await exchange.respond(status: 200, fields: fields, body: Array(registry.exposition().utf8))
  }
}

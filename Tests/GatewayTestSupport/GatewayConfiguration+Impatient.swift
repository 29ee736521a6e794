import ArtifactsAPI
package import Gateway
import HTTPTransport

extension GatewayConfiguration {
  /// Shortens every wait to a second or two, so that a stall is told soon, and asks a broken API again each time.
  package mutating func becomeImpatient() {
    timeouts.idle = .seconds(1)
    // Also the time in which a client, on a busy machine, must get its first request out.
    timeouts.head = .seconds(3)
    refsFirstByte = .seconds(1)
    packFirstByte = .seconds(1)
    endpoint.firstByte = .seconds(1)
    endpoint.copyFirstByte = .seconds(1)
    apiFailureLimit = .max
  }
}

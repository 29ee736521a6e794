/// The settings that may change while the gateway runs.
package struct RuntimeSettings: Sendable {
  package var isReadOnly: Bool
  package var allowedHosts: [String]
  package var maxConnections: Int
  package var maxTransfers: Int
  package var access: AccessConfiguration
  package var accessSource: AccessSource?

  package init(_ configuration: GatewayConfiguration) {
    isReadOnly = configuration.isReadOnly
    allowedHosts = configuration.allowedHosts
    maxConnections = configuration.maxConnections
    maxTransfers = configuration.maxTransfers
    access = configuration.access
    accessSource = configuration.accessSource
  }
}

/// The version of the program.
package enum GatewayVersion {
  package static let number = "0.1.0"
}

/// Bounds on what a peer may send in one head.
package enum MessageLimits {
  /// Start line and fields together.
  package static let headBytes = 16_384
  package static let fieldCount = 100
  package static let targetBytes = 8_192
  /// Extensions of one chunk.
  package static let chunkExtensionBytes = 256
  /// All trailer fields of one body.
  package static let trailerBytes = 8_192
}

import EventLoop

/// A provider in effect. What was found out by it counts as long as this very one does.
final class OIDCProvider: Sendable {
  let issuer: OIDCIssuer
  let keys: KeySource
  /// Of the file with its authorities as it was read.
  let caStamp: FileStamp?

  init(_ issuer: OIDCIssuer, _ keys: KeySource, caStamp: FileStamp?) {
    self.issuer = issuer
    self.keys = keys
    self.caStamp = caStamp
  }
}

package import HTTPTransport

/// An OpenID provider whose ID tokens are taken, checked: where it is, what its tokens must say, and who they make of their
/// bearer.
package struct OIDCIssuer: Hashable, Sendable {
  /// What is wrong with a setting.
  package struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
    package let setting: String
    package let reason: String

    package var description: String { "\(setting): \(reason)" }
  }

  /// The value of `iss`, compared as it stands.
  package let issuer: String
  /// Where it is asked for its configuration.
  package let url: OriginURL
  /// `aud` must hold one of these.
  package let audiences: [String]
  package let name: ClaimTemplate
  /// Claims that must be there, and what each must match.
  package let required: [String: ClaimPattern]
  /// Where its keys are; nil when its configuration is to say.
  package let keysURL: OriginURL?
  /// PEM file with the authorities that its certificate is checked against; nil for those of the gateway.
  package var caFile: String?
  private let allowsInsecure: Bool

  /// - Parameters:
  ///   - issuer: `https://token.actions.githubusercontent.com`, `https://gitlab.example`: as its tokens say it.
  ///   - name: a claim (`sub`), or text with claims in it (`{repository}@{environment}`).
  ///   - required: patterns, in which `*` is any run of characters and `?` any one.
  ///   - allowsInsecure: http on loopback will do.
  package init(
    issuer: String, audiences: [String], name: String = "sub", required: [String: String] = [:],
    keysURL: String? = nil, caFile: String? = nil, allowsInsecure: Bool = false
  ) throws(Fault) {
    guard let url = Self.url(issuer, allowsInsecure) else {
      throw Fault(setting: "issuer", reason: "\"\(issuer)\" is not a plain https URL")
    }
    guard !audiences.isEmpty, !audiences.contains("") else {
      // A token that is for anybody would be one that any other service could use here.
      throw Fault(setting: "audience", reason: "at least one is needed, and none may be empty")
    }
    guard let template = ClaimTemplate(name) else {
      throw Fault(setting: "name", reason: "\"\(name)\" is neither a claim nor text with {claim} in it")
    }
    if let keysURL, Self.url(keysURL, allowsInsecure) == nil {
      throw Fault(setting: "jwks_uri", reason: "\"\(keysURL)\" is not a plain https URL")
    }
    self.issuer = issuer
    self.url = url
    self.audiences = audiences
    self.name = template
    self.required = required.mapValues { ClaimPattern($0) }
    self.keysURL = keysURL.flatMap { Self.url($0, allowsInsecure) }
    self.caFile = caFile
    self.allowsInsecure = allowsInsecure
  }

  /// A URL of the issuer's own that may be asked: https, or http on loopback when that is allowed. Nil for any other.
  func permitted(_ text: String) -> OriginURL? { Self.url(text, allowsInsecure) }

  private static func url(_ text: String, _ allowsInsecure: Bool) -> OriginURL? {
    guard let url = OriginURL(text), url.origin.isSecure || allowsInsecure && RemotePolicy.isLoopback(url.origin.host)
    else { return nil }
    return url
  }

  /// Whether another's keys are found at the same place and in the same way.
  func sharesKeys(with other: OIDCIssuer) -> Bool {
    issuer == other.issuer && keysURL == other.keysURL && caFile == other.caFile
      && allowsInsecure == other.allowsInsecure
  }

  /// The origins that the operator wrote down.
  var origins: Set<Origin> { Set([url.origin] + (keysURL.map { [$0.origin] } ?? [])) }
}

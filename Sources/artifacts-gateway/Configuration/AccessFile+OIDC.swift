import Gateway

extension AccessFile {
  /// Most providers.
  private static let providerCount = 32

  /// `[[oidc]]`: the providers whose ID tokens are taken.
  static func readProviders(_ file: AccessSection, into access: inout AccessConfiguration) throws(StartFailure) {
    for section in try file.sections("oidc") {
      try section.expect(["issuer", "audience", "name", "claims", "jwks_uri", "ca_file"])
      let name = section.has("name") ? try section.requiredText("name") : "sub"
      var required: [String: String] = [:]
      if let claims = try section.section("claims") {
        for claim in claims.keys { required[claim] = try claims.requiredText(claim) }
      }
      guard let audiences = try section.list("audience") else { throw section.refusal("\"audience\" is missing") }
      let issuer = try section.requiredText("issuer")
      let (keys, authorities) = (try section.text("jwks_uri"), try section.text("ca_file"))
      do throws(OIDCIssuer.Fault) {
        access.providers.append(
          try OIDCIssuer(
            issuer: issuer, audiences: audiences, name: name, required: required, keysURL: keys, caFile: authorities))
      } catch { throw section.refusal(error.setting, error.reason) }
      guard access.providers.count <= providerCount else {
        throw section.refusal("more than \(providerCount) providers")
      }
    }
  }
}

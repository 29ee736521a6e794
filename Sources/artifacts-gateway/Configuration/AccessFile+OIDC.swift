import Gateway

extension AccessFile {
  /// `[[oidc]]`: the providers whose ID tokens are taken.
  static func readProviders(_ file: AccessSection, into access: inout AccessConfiguration) throws(StartFailure) {
    guard let first = try file.sections("oidc").first else { return }
    throw first.refusal("not supported yet")
  }
}

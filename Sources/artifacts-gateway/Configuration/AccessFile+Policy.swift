import Gateway

extension AccessFile {
  /// `[[group]]` and `[[rule]]`: who may do what to which repos.
  static func readPolicy(_ file: AccessSection, into access: inout AccessConfiguration) throws(StartFailure) {
    for key in ["group", "rule"] where file.has(key) { throw file.refusal(key, "not supported yet") }
  }

  /// `[push_guard]`: what a push may do to refs.
  static func readPushGuard(_ file: AccessSection, into access: inout AccessConfiguration) throws(StartFailure) {
    guard file.has("push_guard") else { return }
    throw file.refusal("push_guard", "not supported yet")
  }
}

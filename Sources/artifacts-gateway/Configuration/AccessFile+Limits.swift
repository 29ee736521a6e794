import Gateway

extension AccessFile {
  /// `[[limit]]`: how much each may do.
  static func readLimits(_ file: AccessSection, into access: inout AccessConfiguration) throws(StartFailure) {
    guard file.has("limit") else { return }
    throw file.refusal("limit", "not supported yet")
  }
}

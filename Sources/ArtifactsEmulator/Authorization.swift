import HTTPCore

/// What an `Authorization` value presents. Source: RFC 9110, section 11.6.2; RFC 7617.
package enum Authorization: Equatable {
  case bearer(String)
  case basic(user: String, password: String)

  /// Returns nil for another scheme, or for what its scheme does not allow.
  package init?(parsing value: String) {
    let parts = value.split(separator: " ", maxSplits: 1)
    guard parts.count == 2 else { return nil }
    let credentials = parts[1].drop { $0 == " " }
    switch parts[0].lowercased() {
    case "bearer":
      self = .bearer(String(credentials))
    case "basic":
      guard let bytes = Base64.decode(credentials.utf8), let text = String(validating: bytes, as: UTF8.self),
        let colon = text.firstIndex(of: ":")
      else { return nil }
      self = .basic(user: String(text[..<colon]), password: String(text[text.index(after: colon)...]))
    default: return nil
    }
  }

  /// The token of a Bearer value, or nil.
  static func bearer(_ value: String) -> String? {
    guard case .bearer(let token)? = Authorization(parsing: value) else { return nil }
    return token
  }
}

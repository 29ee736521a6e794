import HTTPCore

/// The query of a request, with the checks and the wording of the service's validator.
struct QueryParameters {
  private let values: [String: String]

  /// Reads `a=b&c=d`. The first of two equal names counts. Pieces that cannot be decoded are dropped.
  init(_ query: String) {
    var values: [String: String] = [:]
    for piece in query.split(separator: "&") {
      let parts = piece.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      // A NUL is kept: a parameter that is there and good for nothing differs from one that is not there.
      guard let name = PercentCoding.decode(parts[0], plusIsBlank: true),
        let value = PercentCoding.decode(parts.count > 1 ? parts[1] : "", plusIsBlank: true, allowsNUL: true)
      else { continue }
      if values[name] == nil { values[name] = value }
    }
    self.values = values
  }

  subscript(name: String) -> String? { values[name] }

  /// A positive whole number; `fallback` when it is not given. Throws 10100 when it is none or above `most`.
  func count(_ name: String, fallback: Int, most: Int = .max) throws(APIFault) -> Int {
    guard let text = values[name] else { return fallback }
    guard let value = Double(text), value.isFinite else { throw .wrongKind("NaN", expected: "number", at: name) }
    guard value == value.rounded() else { throw .wrongKind("number", expected: "int", at: name) }
    guard value > 0 else { throw .invalid("Too small: expected number to be >0", at: name) }
    guard value <= Double(most), let count = Int(exactly: value) else {
      throw .invalid("Too big: expected number to be <=\(most)", at: name)
    }
    return count
  }

  /// A whole number that may be 0; 0 when it is not given. Throws 10100 when it is none.
  func offset(_ name: String) throws(APIFault) -> Int {
    if let text = values[name], let value = Double(text) {
      if value < 0 { throw .invalid("Too small: expected number to be >=0", at: name) }
      if value == 0 { return 0 }
    }
    return values[name] == nil ? 0 : try count(name, fallback: 0)
  }

  func requiredString(_ name: String) throws(APIFault) -> String {
    guard let text = values[name] else { throw .wrongKind("undefined", expected: "string", at: name) }
    return text
  }

  /// One of the words of an enumeration; `fallback` when it is not given. Throws 10100 for any other word.
  func option<Option: RawRepresentable & CaseIterable>(_ name: String, fallback: Option) throws(APIFault) -> Option
  where Option.RawValue == String {
    guard let text = values[name] else { return fallback }
    guard let option = Option(rawValue: text) else { throw .notAnOption(Option.allCases.map(\.rawValue), at: name) }
    return option
  }
}

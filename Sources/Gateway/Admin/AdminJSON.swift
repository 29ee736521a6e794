import FoundationEssentials

/// How the admin API writes JSON: one line, names in order, as curl users like to read it.
enum AdminJSON {
  static func line(_ value: some Encodable) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Strings, whole numbers and booleans: nothing in them can fail to encode.
    return (try? encoder.encode(value)).map { Array($0) + [0x0a] } ?? []
  }
}

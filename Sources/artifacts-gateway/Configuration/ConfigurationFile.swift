import Gateway
import TOMLKit

/// The configuration file: TOML whose keys are the flags of `serve` with underscores. A table stands for the first part of its
/// keys' names: `tls = { cert = "..." }` is `tls_cert = "..."`.
struct ConfigurationFile {
  enum Value {
    case text(String)
    case number(Int)
    case flag(Bool)
    case list([String])

    var kind: String {
      switch self {
      case .text: "a string"
      case .number: "a whole number"
      case .flag: "true or false"
      case .list: "a list of strings"
      }
    }
  }

  /// The longest file read, bytes.
  static let sizeLimit = 1 << 20

  let path: String
  private var values: [String: Value] = [:]
  private var lines: [String: Int] = [:]

  /// Reads `text`, the content of the file at `path`.
  ///
  /// - Parameter known: the keys there are.
  /// - Throws: naming the file, the line and the key: for broken TOML, an unknown key (and the nearest known one), or a value
  ///   of a type that no setting has.
  init(_ text: String, path: String, known: [String]) throws(StartFailure) {
    self.path = path
    let table: TOMLTable
    do { table = try TOMLTable(string: text) } catch let error as TOMLParseError {
      throw Self.failure("\(path):\(error.source.begin.line): \(error.description)")
    } catch {
      throw Self.failure("\(path): \(error)")
    }
    for (key, value) in table {
      let line = Self.line(of: key, in: text, from: 1)
      let parts = known.compactMap { $0.hasPrefix(key + "_") ? String($0.dropFirst(key.count + 1)) : nil }
      guard let group = value.table, !known.contains(key), !parts.isEmpty else {
        try take(value, key, line: line, known: known)
        continue
      }
      for (part, value) in group {
        let place = Self.line(of: part, in: text, from: line)
        guard parts.contains(part) else { throw Self.unknown("\(key).\(part)", part, in: parts, "\(path):\(place)") }
        try take(value, "\(key)_\(part)", line: place, known: known)
      }
    }
  }

  private mutating func take(_ value: any TOMLValueConvertible, _ key: String, line: Int, known: [String])
    throws(StartFailure)
  {
    guard known.contains(key) else { throw Self.unknown(key, key, in: known, "\(path):\(line)") }
    lines[key] = line
    if let text = value.string {
      values[key] = .text(text)
    } else if let flag = value.bool {
      values[key] = .flag(flag)
    } else if let number = value.int {
      values[key] = .number(number)
    } else if let list = value.array {
      let texts = list.compactMap(\.string)
      guard texts.count == list.count else {
        throw Self.failure("\(path):\(line): \(key): a list of strings is wanted")
      }
      values[key] = .list(texts)
    } else {
      throw Self.failure("\(path):\(line): \(key): a string, a number, true, false or a list of strings is wanted")
    }
  }

  private static func unknown(_ key: String, _ name: String, in names: [String], _ place: String) -> StartFailure {
    let hint = NearestName.of(name, in: names).map { "; did you mean \"\($0)\"?" } ?? ""
    return failure("\(place): unknown key \"\(key)\"\(hint)")
  }

  subscript(key: String) -> Value? { values[key] }

  /// Where a key stands, counted from one.
  func line(of key: String) -> Int { lines[key] ?? 1 }

  /// The first line, from `first` on, that begins with the key; else `first`, for keys within a line.
  private static func line(of key: String, in text: String, from first: Int) -> Int {
    for (index, line) in text.lines.enumerated().dropFirst(first - 1) {
      var rest = line.drop { $0 == " " || $0 == "\t" || $0 == "[" || $0 == "\"" }
      guard rest.hasPrefix(key) else { continue }
      rest = rest.dropFirst(key.count)
      if let next = rest.first, next == "=" || next == " " || next == "]" || next == "\"" || next == "\t" || next == "."
      {
        return index + 1
      }
    }
    return first
  }

  private static func failure(_ text: String) -> StartFailure { StartFailure(GatewayExit.configuration, text) }
}

/// Finds what somebody who mistyped a name may have meant.
enum NearestName {
  /// The name that takes the fewest edits, if those are few for its length.
  static func of(_ text: String, in names: [String]) -> String? {
    let ranked = names.map { (name: $0, edits: distance(Array(text), Array($0))) }.min { $0.edits < $1.edits }
    guard let ranked, ranked.edits <= max(2, ranked.name.count / 3) else { return nil }
    return ranked.name
  }

  /// How many characters must be put in, taken out or changed (Levenshtein).
  private static func distance(_ first: [Character], _ second: [Character]) -> Int {
    var row = Array(0...second.count)
    for (i, character) in first.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for j in 0..<second.count {
        let replaced = diagonal + (character == second[j] ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, diagonal + 1, row[j] + 1)
      }
    }
    return row[second.count]
  }
}

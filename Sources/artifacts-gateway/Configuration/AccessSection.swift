import Gateway
import TOMLKit

/// A table of the access file, read key by key. What is wrong is named with the file, the line and the key.
struct AccessSection {
  /// The text of a file, by lines.
  private final class Source {
    /// A line such as `[auth]` or `[[rule]]`.
    struct Header {
      let name: String
      let line: Int
    }

    let path: String
    let lines: [Substring]
    let headers: [Header]

    init(_ text: String, path: String) {
      self.path = path
      lines = text.lines
      headers = lines.enumerated().compactMap { index, line in
        let bare = line.filter { $0 != " " && $0 != "\t" && $0 != "\"" && $0 != "'" }
        guard bare.hasPrefix("["), let end = bare.firstIndex(of: "]") else { return nil }
        return Header(name: String(bare[..<end].drop { $0 == "[" }), line: index + 1)
      }
    }

    /// The first line of `range` that begins with the key.
    func line(of key: String, in range: Range<Int>) -> Int? {
      range.first { number in
        let bare = lines[number - 1].drop { " \t\"'{".contains($0) }
        guard bare.hasPrefix(key), let next = bare.dropFirst(key.count).first else { return false }
        return "= \t\"'.".contains(next)
      }
    }
  }

  /// Its full name, `auth.listener`; empty for the file itself.
  let name: String
  /// Where it begins, counted from one.
  let line: Int
  private let table: TOMLTable
  private let source: Source
  /// The lines in which its keys stand.
  private let body: Range<Int>

  /// Reads `text`, the content of the file at `path`.
  /// - Throws: for what is no TOML.
  init(_ text: String, path: String) throws(StartFailure) {
    source = Source(text, path: path)
    do { table = try TOMLTable(string: text) } catch let error as TOMLParseError {
      throw StartFailure(GatewayExit.configuration, "\(path):\(error.source.begin.line): \(error.description)")
    } catch {
      throw StartFailure(GatewayExit.configuration, "\(path): \(error)")
    }
    name = ""
    line = 1
    body = 1..<(source.headers.first?.line ?? source.lines.count + 1)
  }

  /// The table `name`, which begins at a line: its header, or, where it is written within a line, its key.
  private init(_ name: String, _ table: TOMLTable, _ source: Source, at line: Int, hasHeader: Bool) {
    self.name = name
    self.table = table
    self.source = source
    self.line = line
    let next = source.headers.first { $0.line > line }?.line ?? source.lines.count + 1
    body = hasHeader ? line + 1..<max(next, line + 1) : line..<next
  }

  // MARK: Keys

  /// Refuses keys that are not among `known`, and names the nearest that is.
  func expect(_ known: [String]) throws(StartFailure) {
    for (key, _) in table where !known.contains(key) {
      let hint = NearestName.of(key, in: known).map { "; did you mean \"\($0)\"?" } ?? ""
      let full = name.isEmpty ? key : "\(name).\(key)"
      throw StartFailure(
        GatewayExit.configuration, "\(source.path):\(line(of: key)): unknown key \"\(full)\"\(hint)")
    }
  }

  /// Whether a key is there.
  func has(_ key: String) -> Bool { table.contains(key: key) }

  /// Where a key stands, counted from one; where the section begins when it is not to be found.
  func line(of key: String) -> Int {
    if let line = source.line(of: key, in: body) { return line }
    let full = name.isEmpty ? key : "\(name).\(key)"
    let headers = source.headers.filter { $0.line >= line }
    return (headers.first { $0.name == full } ?? headers.first { $0.name.hasPrefix(full + ".") })?.line ?? line
  }

  /// An error about a key: `access.toml:7: auth.realm: reason`.
  func refusal(_ key: String, _ reason: String) -> StartFailure {
    let full = name.isEmpty ? key : "\(name).\(key)"
    return StartFailure(GatewayExit.configuration, "\(source.path):\(line(of: key)): \(full): \(reason)")
  }

  /// An error about the section as a whole: `access.toml:7: rule: reason`.
  func refusal(_ reason: String) -> StartFailure {
    StartFailure(
      GatewayExit.configuration, "\(source.path):\(line): \(name.isEmpty ? "" : "\(name): ")\(reason)")
  }

  // MARK: Values

  /// A text, or nil when there is none.
  func text(_ key: String) throws(StartFailure) -> String? {
    guard let value = table[key] else { return nil }
    guard let text = value.string else { throw refusal(key, "a string is wanted") }
    return text
  }

  /// A text that must be there and not be empty.
  func requiredText(_ key: String) throws(StartFailure) -> String {
    guard let text = try text(key) else { throw refusal("\"\(key)\" is missing") }
    guard !text.isEmpty else { throw refusal(key, "it is empty") }
    return text
  }

  /// One of a few words, or nil when there is none.
  func word(_ key: String, among words: [String]) throws(StartFailure) -> String? {
    guard let text = try text(key) else { return nil }
    guard words.contains(text) else {
      throw refusal(key, "\"\(text)\" does not do: one of \(words.joined(separator: ", ")) is wanted")
    }
    return text
  }

  /// A list of texts, or nil when there is none. A single text is a list of one.
  func list(_ key: String) throws(StartFailure) -> [String]? {
    guard let value = table[key] else { return nil }
    if let text = value.string { return [text] }
    guard let values = value.array else { throw refusal(key, "a list of strings is wanted") }
    let texts = values.compactMap(\.string)
    guard texts.count == values.count else { throw refusal(key, "a list of strings is wanted") }
    return texts
  }

  /// A list of a few words, or nil when there is none.
  func list(_ key: String, among words: [String]) throws(StartFailure) -> [String]? {
    guard let list = try list(key) else { return nil }
    for text in list where !words.contains(text) {
      let hint = NearestName.of(text, in: words).map { "did you mean \"\($0)\"?" }
      throw refusal(
        key, "\"\(text)\" does not do: \(hint ?? "those of \(words.joined(separator: ", ")) are wanted")")
    }
    return list
  }

  /// A switch, or nil when there is none.
  func flag(_ key: String) throws(StartFailure) -> Bool? {
    guard let value = table[key] else { return nil }
    guard let flag = value.bool else { throw refusal(key, "true or false is wanted") }
    return flag
  }

  /// A whole number in `range`, or nil when there is none.
  func number(_ key: String, in range: ClosedRange<Int>) throws(StartFailure) -> Int? {
    guard let value = table[key] else { return nil }
    guard let number = value.int, range.contains(number) else {
      throw refusal(key, "a number from \(range.lowerBound) to \(range.upperBound) is wanted")
    }
    return number
  }

  /// A span of time in seconds, `90`, `"15m"`; nil when there is none.
  func seconds(_ key: String, in range: ClosedRange<Int> = 0...31_536_000) throws(StartFailure) -> Int? {
    guard let value = table[key] else { return nil }
    guard let seconds = value.int ?? value.string.flatMap(Settings.seconds), range.contains(seconds) else {
      throw refusal(
        key,
        "a time such as 90, \"90s\", \"15m\" or \"1h\" is wanted, from \(range.lowerBound) to \(range.upperBound) seconds"
      )
    }
    return seconds
  }

  /// A number of bytes, `1000000`, `"2GiB"`; nil when there is none.
  func bytes(_ key: String) throws(StartFailure) -> Int? {
    guard let value = table[key] else { return nil }
    guard let bytes = value.int ?? value.string.flatMap(Settings.bytes), bytes >= 0 else {
      throw refusal(key, "a size such as 1000000, \"500MB\" or \"2GiB\" is wanted")
    }
    return bytes
  }

  // MARK: Tables

  /// The table `[key]`, or nil when there is none.
  func section(_ key: String) throws(StartFailure) -> AccessSection? {
    guard let value = table[key] else { return nil }
    guard let table = value.table else { throw refusal(key, "a table is wanted") }
    let full = name.isEmpty ? key : "\(name).\(key)"
    // What stands behind the next table of the same name belongs to that.
    let next = source.headers.first { $0.line >= line && ($0.name == full || $0.line > line && $0.name == name) }
    let header = next?.name == full ? next : nil
    return AccessSection(full, table, source, at: header?.line ?? line(of: key), hasHeader: header != nil)
  }

  /// The tables `[[key]]`, in order; none when there is no such key.
  func sections(_ key: String) throws(StartFailure) -> [AccessSection] {
    guard let value = table[key] else { return [] }
    guard let values = value.array else { throw refusal(key, "[[\(name.isEmpty ? key : "\(name).\(key)")]] is wanted") }
    let full = name.isEmpty ? key : "\(name).\(key)"
    let headers = source.headers.filter { $0.line >= line && $0.name == full }
    var sections: [AccessSection] = []
    for (index, value) in values.enumerated() {
      guard let table = value.table else { throw refusal(key, "tables are wanted") }
      let header = index < headers.count ? headers[index] : nil
      sections.append(
        AccessSection(full, table, source, at: header?.line ?? line(of: key), hasHeader: header != nil))
    }
    return sections
  }

  /// The keys of the table, sorted; for those whose keys are names.
  var keys: [String] { table.keys.sorted() }
}

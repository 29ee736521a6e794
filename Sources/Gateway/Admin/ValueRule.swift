/// What a value from outside may be: how the admin API checks it, and how its document describes it.
enum ValueRule: Sendable {
  /// Text of so many characters, without NUL.
  case text(ClosedRange<Int>)
  /// A branch; which names do is for the service to say.
  case branch
  /// The address of a repository elsewhere; which ones do is for the service to say.
  case url
  /// What the service gave to go on with; empty at the beginning.
  case cursor
  /// A name of so many characters: `^[A-Za-z0-9][A-Za-z0-9._-]*$`.
  case name(ClosedRange<Int>)
  /// `<repo>` or `<namespace>/<repo>`.
  case repo
  /// Forty digits of lower-case hexadecimal.
  case hash
  /// Segments between slashes, none of which is empty, `.` or `..`.
  case path
  case word([String])
  case whole(ClosedRange<Int>)
  case flag
  /// Seconds within bounds, as a number or as text like `90s`, `15m`, `1h`, `7d`. In bodies only.
  case span(ClosedRange<Int>)

  /// A path's or a query's text. Spans have no form there.
  func check(_ text: String, of name: String) throws(Problem) {
    switch self {
    case .whole(let bounds):
      guard !text.isEmpty, text.utf8.allSatisfy({ $0 &- 0x30 < 10 }), let number = Int(text), bounds.contains(number)
      else { throw refusal(name) }
    case .flag: guard text == "true" || text == "false" else { throw refusal(name) }
    default: try check(string: text, of: name)
    }
  }

  /// A body's value.
  func check(_ value: FlatJSON.Value, of name: String) throws(Problem) {
    switch (self, value) {
    case (.flag, .bool): break
    case (.whole(let bounds), .integer(let number)): guard bounds.contains(number) else { throw refusal(name) }
    case (.span, .integer), (.span, .string): _ = try seconds(value, of: name)
    case (.flag, _), (.whole, _), (.span, _): throw refusal(name)
    case (_, .string(let text)): try check(string: text, of: name)
    default: throw refusal(name)
    }
  }

  /// The seconds that a span stands for.
  func seconds(_ value: FlatJSON.Value, of name: String) throws(Problem) -> Int {
    guard case .span(let bounds) = self else { throw refusal(name) }
    var seconds: Int?
    if case .integer(let number) = value { seconds = number }
    if case .string(let text) = value { seconds = Self.seconds(text) }
    guard let seconds else { throw refusal(name) }
    guard bounds.contains(seconds) else {
      throw Problem(
        400, "\(name) must be between \(bounds.lowerBound) and \(bounds.upperBound) seconds", pointer: "/\(name)",
        code: 10103)
    }
    return seconds
  }

  private static func seconds(_ text: String) -> Int? {
    let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    let unit = text.last.flatMap { units[$0] }
    let digits = unit == nil ? text[...] : text.dropLast()
    guard (1...8).contains(digits.utf8.count), digits.utf8.allSatisfy({ $0 &- 0x30 < 10 }) else { return nil }
    return Int(digits).map { $0 * (unit ?? 1) }
  }

  private func check(string text: String, of name: String) throws(Problem) {
    let isAllowed =
      switch self {
      case .text(let lengths): lengths.contains(text.unicodeScalars.count) && !text.utf8.contains(0)
      case .branch: (1...255).contains(text.unicodeScalars.count) && !text.utf8.contains(0)
      case .url, .cursor:
        (self.isURL ? 1...2048 : 0...2048).contains(text.utf8.count) && text.utf8.allSatisfy { 0x21...0x7e ~= $0 }
      case .name(let lengths): lengths.contains(text.utf8.count) && RepoKey.isName(text)
      case .repo: text.utf8.count <= 257 && Self.isRepo(text)
      case .hash: text.utf8.count == 40 && text.utf8.allSatisfy { $0 &- 0x30 < 10 || $0 &- 0x61 < 6 }
      case .path: (1...1024).contains(text.unicodeScalars.count) && Self.isPath(text)
      case .word(let words): words.contains(text)
      case .whole, .flag, .span: false
      }
    guard isAllowed else { throw refusal(name) }
  }

  private var isURL: Bool { if case .url = self { true } else { false } }

  private static func isRepo(_ text: String) -> Bool {
    let names = text.split(separator: "/", omittingEmptySubsequences: false)
    return names.count <= 2 && names.allSatisfy { RepoKey.isName($0) }
  }

  private static func isPath(_ text: String) -> Bool {
    !text.utf8.contains(0)
      && text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { !["", ".", ".."].contains($0) }
  }

  private func refusal(_ name: String) -> Problem {
    Problem(400, "\(name) must be \(wording)", pointer: "/\(name)")
  }

  private var wording: String {
    switch self {
    case .text(let lengths): "text of \(lengths.lowerBound) to \(lengths.upperBound) characters without NUL"
    case .branch: "a branch's name of at most 255 characters"
    case .url: "a URL of at most 2048 characters"
    case .cursor: "a next_cursor of an earlier answer"
    case .name(let lengths):
      "a name of \(lengths.lowerBound) to \(lengths.upperBound) letters, digits, '.', '_' and '-' that begins with a "
        + "letter or digit"
    case .repo: "<repo> or <namespace>/<repo>"
    case .hash: "40 digits of lower-case hexadecimal"
    case .path: "a path of at most 1024 characters, no segment of which is empty, . or .."
    case .word(let words): "one of " + words.joined(separator: ", ")
    case .whole(let bounds): "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)"
    case .flag: "true or false"
    case .span: "seconds, or a time such as 90s, 15m or 1h"
    }
  }

  /// The same in JSON Schema.
  var schema: JSONNode {
    switch self {
    case .text(let lengths):
      [
        "type": "string", "minLength": .integer(lengths.lowerBound), "maxLength": .integer(lengths.upperBound),
        "pattern": #"^[^\u0000]*$"#,
      ]
    case .branch:
      ["type": "string", "minLength": 1, "maxLength": 255, "pattern": #"^[^\u0000]*$"#, "format": "git-branch"]
    case .url: ["type": "string", "minLength": 1, "maxLength": 2048, "pattern": "^[!-~]*$", "format": "git-url"]
    case .cursor: ["type": "string", "maxLength": 2048, "pattern": "^[!-~]*$", "format": "cursor"]
    case .name(let lengths):
      [
        "type": "string", "minLength": .integer(lengths.lowerBound), "maxLength": .integer(lengths.upperBound),
        "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$",
      ]
    case .repo:
      // No more of each name than `RepoKey.isName` takes.
      [
        "type": "string", "minLength": 1, "maxLength": 257,
        "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(/[A-Za-z0-9][A-Za-z0-9._-]{0,127})?$",
      ]
    case .hash: ["type": "string", "minLength": 40, "maxLength": 40, "pattern": "^[0-9a-f]{40}$"]
    case .path:
      [
        "type": "string", "minLength": 1, "maxLength": 1024, "pattern": .string("^\(Self.segment)(/\(Self.segment))*$"),
      ]
    case .word(let words): ["type": "string", "enum": .array(words.map { .string($0) })]
    case .whole(let bounds):
      ["type": "integer", "minimum": .integer(bounds.lowerBound), "maximum": .integer(bounds.upperBound)]
    case .flag: ["type": "boolean"]
    case .span(let bounds):
      [
        "type": ["integer", "string"], "minimum": .integer(bounds.lowerBound), "maximum": .integer(bounds.upperBound),
        "pattern": "^[0-9]{1,8}[smhd]?$", "format": "span",
      ]
    }
  }

  /// A segment of a path that is not empty, `.` or `..`, without look-ahead.
  private static let segment = #"([^/.\u0000][^/\u0000]*|\.[^/.\u0000][^/\u0000]*|\.\.[^/\u0000]+)"#
}

/// A pattern over the bytes of a name. `?` stands for one byte, `*` for any run of them, neither for a slash; `**` stands for
/// any run at all. There are no classes and no escapes: all else stands for itself.
///
/// Matching takes at most as many steps as the bytes of the text times the tokens of the pattern, whatever they are.
package struct Glob: Hashable, Sendable, CustomStringConvertible {
  /// What `*` and `?` stop at.
  package enum Scope: Sendable {
    /// A slash: names with parts, such as repos and refs.
    case path
    /// Nothing: names that are one piece, though a slash may stand in them.
    case flat
  }

  private enum Token: Hashable {
    case byte(UInt8)
    /// One byte; not a slash.
    case one
    /// One byte.
    case any
    /// Any run without a slash.
    case run
    /// Any run.
    case all

    var isRun: Bool { self == .run || self == .all }

    func takes(_ byte: UInt8) -> Bool {
      switch self {
      case .byte(let own): own == byte
      case .one, .run: byte != UInt8(ascii: "/")
      case .any, .all: true
      }
    }
  }

  /// Most bytes of a pattern.
  package static let maxBytes = 256

  /// As it was written.
  package let description: String
  /// The bytes before the first wildcard: the whole pattern when there is none.
  private let prefix: [UInt8]
  /// From the first wildcard on.
  private let tokens: [Token]
  /// The bytes behind the last wildcard.
  private let suffix: [UInt8]

  /// - Parameter pattern: at most 256 bytes, which the caller sees to.
  package init(_ pattern: String, _ scope: Scope) {
    description = pattern
    var tokens: [Token] = []
    var bytes = Array(pattern.utf8)[...]
    while let byte = bytes.popFirst() {
      switch byte {
      case UInt8(ascii: "?"): tokens.append(scope == .path ? .one : .any)
      case UInt8(ascii: "*"):
        var isAll = scope == .flat
        while bytes.first == UInt8(ascii: "*") {
          bytes.removeFirst()
          isAll = true
        }
        tokens.append(isAll ? .all : .run)
      default: tokens.append(.byte(byte))
      }
    }
    let start = tokens.firstIndex { if case .byte = $0 { false } else { true } } ?? tokens.endIndex
    prefix = Self.bytes(tokens[..<start])
    self.tokens = Array(tokens[start...])
    let end = tokens.lastIndex { if case .byte = $0 { false } else { true } }.map { $0 + 1 } ?? tokens.endIndex
    suffix = Self.bytes(tokens[end...])
  }

  private static func bytes(_ tokens: ArraySlice<Token>) -> [UInt8] {
    tokens.compactMap { if case .byte(let byte) = $0 { byte } else { nil } }
  }

  /// It stands for one name alone.
  package var isExact: Bool { tokens.isEmpty }

  package func matches(_ text: String) -> Bool { matches(Array(text.utf8)) }

  package func matches(_ text: [UInt8]) -> Bool {
    guard text.count >= prefix.count, text.starts(with: prefix) else { return false }
    if tokens.isEmpty { return text.count == prefix.count }
    let rest = text[prefix.count...]
    guard rest.count >= suffix.count, rest.suffix(suffix.count).elementsEqual(suffix) else { return false }
    if tokens.count == 1 + suffix.count, let token = tokens.first, token.isRun {
      return token == .all || !rest.dropLast(suffix.count).contains(UInt8(ascii: "/"))
    }
    return simulate(rest)
  }

  /// Follows all ways through the tokens at once: `reached[n]` says that the text so far is what the first `n` stand for.
  private func simulate(_ text: ArraySlice<UInt8>) -> Bool {
    var reached = [true] + Array(repeating: false, count: tokens.count)
    for (index, token) in tokens.enumerated() where token.isRun { reached[index + 1] = reached[index] }
    for byte in text {
      var before = reached[0]
      reached[0] = false
      for (index, token) in tokens.enumerated() {
        let here = reached[index + 1]
        reached[index + 1] = token.isRun ? reached[index] || here && token.takes(byte) : before && token.takes(byte)
        before = here
      }
    }
    return reached[tokens.count]
  }
}

/// A fenced block of a Markdown file.
struct Snippet: Sendable {
  /// What the comment before the block says: how it is checked.
  enum Check: String, Sendable {
    /// Run, in order, against a gateway in local mode, which stands in for `localhost:7080`.
    case local
    /// The same, and must fail.
    case localFailing = "local-failing"
    /// Run by itself, with the program on the path.
    case localBinary = "local-binary"
    /// Must have been printed by the block before, but for the ids of requests.
    case printed
    /// Each line is a make target, which make knows. Not run: tests would start tests.
    case make
    /// Needs an account or a container engine: only read by bash.
    case syntax
  }

  let language: String
  let text: String
  let line: Int
  /// Nil when no comment stands before the block, or one that says nothing known.
  let check: Check?

  static func all(in markdown: String) -> [Snippet] {
    var snippets: [Snippet] = []
    var open: (language: String, line: Int, check: Check?, lines: [Substring])?
    var comment: Check?
    for (index, line) in markdown.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if line.hasPrefix("```") {
        if let block = open {
          let text = block.lines.joined(separator: "\n")
          snippets.append(Snippet(language: block.language, text: text, line: block.line, check: block.check))
          open = nil
        } else {
          open = (String(line.dropFirst(3)), index + 1, comment, [])
        }
        comment = nil
      } else if open != nil {
        open?.lines.append(line)
      } else if let match = line.wholeMatch(of: /<!-- check: ([a-z-]+) -->/) {
        comment = Check(rawValue: String(match.1))
      } else {
        comment = nil
      }
    }
    return snippets
  }
}

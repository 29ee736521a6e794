/// The part of a configuration file of git that belongs to this program: lines between two comments. The first of them has a
/// seal over the lines, and says what must be undone besides, so that taking the section out gives back the file that was
/// there before, byte for byte.
enum SealedSection {
  /// What taking the section out comes to.
  enum Removal: Equatable {
    /// There is no section.
    case absent
    /// The file without the section.
    case content([UInt8])
    /// The section made the file, and nothing else is in it.
    case file
  }

  /// The section is not as it was written.
  struct Broken: Error, CustomStringConvertible {
    let description: String
  }

  private enum Origin: String, CaseIterable {
    case newFile = "the file was made for it"
    case lineEnd = "a line end was put before it"
    case appended = "nothing else was changed"
  }

  private static let begin = "# begin artifacts-gateway git-config"
  private static let end = "# end artifacts-gateway git-config"

  /// Adds a section at the end.
  /// - Parameters:
  ///   - text: whole lines.
  ///   - content: of the file, which has no section; nil when there is no file.
  /// - Throws: when the last line of the file goes on in the next one.
  static func adding(_ text: String, to content: [UInt8]?) throws(Broken) -> [UInt8] {
    guard content?.suffix(2).elementsEqual(Array("\\\n".utf8)) != true, content?.last != UInt8(ascii: "\\") else {
      throw Broken(description: "its last line ends with a backslash, which joins it with the next one")
    }
    let needsLineEnd = content?.last.map { $0 != newline } ?? false
    let origin: Origin = content == nil ? .newFile : needsLineEnd ? .lineEnd : .appended
    let section = "\(begin), seal \(seal(Array(text.utf8))), \(origin.rawValue)\n\(text)\(end)\n"
    return (content ?? []) + (needsLineEnd ? [newline] : []) + Array(section.utf8)
  }

  /// Takes the section out.
  /// - Throws: when it was edited, or is there more than once.
  static func removing(from content: [UInt8]) throws(Broken) -> Removal {
    let lines = content.split(separator: newline, omittingEmptySubsequences: false)
    let begins = lines.filter { $0.starts(with: begin.utf8) }
    let ends = lines.filter { $0.starts(with: end.utf8) }
    if begins.isEmpty && ends.isEmpty { return .absent }
    guard let first = begins.first, let last = ends.first, begins.count == 1, ends.count == 1,
      first.endIndex < last.startIndex, last.endIndex < content.endIndex
    else { throw Broken(description: "the lines \"\(begin)\" and \"\(end)\" are not there once each, in this order") }
    let head = String(decoding: first, as: UTF8.self)
    let text = Array(content[(first.endIndex + 1)..<last.startIndex])
    guard let origin = Origin.allCases.first(where: { head == "\(begin), seal \(seal(text)), \($0.rawValue)" }) else {
      let numbers = [first, last].map { line in content[..<line.startIndex].count { $0 == newline } + 1 }
      throw Broken(description: "lines \(numbers[0]) to \(numbers[1]) were edited since they were written")
    }
    var before = content[..<first.startIndex]
    let after = content[(last.endIndex + 1)...]
    // A line end that other lines have come to need stays.
    if origin == .lineEnd, after.isEmpty, before.last == newline { before.removeLast() }
    return origin == .newFile && before.isEmpty && after.isEmpty ? .file : .content(Array(before + after))
  }

  private static let newline = UInt8(ascii: "\n")

  /// FNV-1a, 64 bits, in hex: it finds edits, and need not withstand anybody.
  private static func seal(_ bytes: [UInt8]) -> String {
    let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

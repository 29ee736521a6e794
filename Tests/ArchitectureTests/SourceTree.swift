import FoundationEssentials

/// The sources of this project as they lie on disk.
enum SourceTree {
  static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/Sources"

  /// The folders below `Sources`: one a target.
  static func targets() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: root).sorted()
  }

  /// The Swift files of a target, as paths below `Sources`.
  static func files(of target: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: "\(root)/\(target)").filter { $0.hasSuffix(".swift") }
      .map { "\(target)/\($0)" }.sorted()
  }

  static func text(of file: String) throws -> String { try String(contentsOfFile: "\(root)/\(file)", encoding: .utf8) }

  /// The modules that a file imports, whatever attributes and access level stand before `import`.
  static func imports(in file: String) throws -> [String] {
    try text(of: file).split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      guard let position = words.firstIndex(of: "import"), position + 1 < words.count else { return nil }
      let isImport = words[..<position].allSatisfy {
        $0.hasPrefix("@") || ["package", "public", "internal", "private", "fileprivate"].contains($0)
      }
      guard isImport else { return nil }
      let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
      let named = kinds.contains(words[position + 1]) && position + 2 < words.count ? position + 2 : position + 1
      return words[named].split(separator: ".").first.map(String.init)
    }
  }
}

import Glibc

/// The packs of one repository on disk (`gitrepository-layout(5)`).
struct PackFolder {
  struct Pack {
    /// Without a suffix.
    let name: String
    let bytes: Int
  }

  let path: String

  /// How many packs are folded at once; their names must fit into the input of a short command.
  private static let mostAtOnce = 1000
  /// The index first: without it git does not see the pack. See `BareRepository.sweep` for what a crash leaves.
  private static let suffixes = [".idx", ".rev", ".bitmap", ".pack"]

  /// - Parameter directory: the bare repository.
  init(_ directory: String) { path = directory + "/objects/pack" }

  /// The packs that are whole and that nobody wants kept, the smallest first.
  func packs() -> [Pack] {
    let names = Set(DurableFile.names(in: path))
    return names.compactMap { file in
      guard file.hasPrefix("pack-"), file.hasSuffix(".pack") else { return nil }
      let name = String(file.dropLast(5))
      var state = stat()
      guard names.contains(name + ".idx"), !names.contains(name + ".keep"), stat("\(path)/\(file)", &state) == 0 else {
        return nil
      }
      return Pack(name: name, bytes: Int(state.st_size))
    }.sorted { ($0.bytes, $0.name) < ($1.bytes, $1.name) }
  }

  func has(_ name: String) -> Bool {
    access("\(path)/\(name).pack", R_OK) == 0 && access("\(path)/\(name).idx", R_OK) == 0
  }

  func remove(_ names: [String]) {
    for name in names { for suffix in Self.suffixes { unlink("\(path)/\(name)\(suffix)") } }
  }

  /// Which of the packs, given the smallest first, are to be folded: all but those that are twice as large as everything
  /// smaller together. So a byte is written again only when what it lies in has grown by half, however often one pushes.
  static func small(_ packs: [Pack]) -> [String] {
    var smaller = packs.reduce(0) { $0 + $1.bytes }
    var count = packs.count
    while let last = packs[..<count].last {
      smaller -= last.bytes
      guard last.bytes >= 2 * smaller else { break }
      count -= 1
    }
    return packs[..<count].prefix(mostAtOnce).map(\.name)
  }
}

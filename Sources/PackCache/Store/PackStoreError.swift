package import EventLoop

/// Why the store does not do what it was asked for. None of it concerns a client: he is served from upstream.
package enum PackStoreError: Error, Hashable, CustomStringConvertible {
  /// A system call failed; `path` is the directory of the store.
  case system(path: String, SystemError)
  /// The directory belongs to somebody else, or others may write in it.
  case notPrivate(path: String)
  /// The file system has less room left than the store leaves to others.
  case noSpace
  /// An entry of this many bytes is more than the half of the limit.
  case tooLarge(bytes: Int)
  /// More object ids are wanted than an entry may name.
  case tooManyWants(Int)
  /// The scope was purged while the entry was being written.
  case purged
  /// The body is not what it should be.
  case damaged(EntryDamage)
  /// The writer was committed or discarded before.
  case ended

  package var description: String {
    switch self {
    case .system(let path, let error): "\(path): \(error)"
    case .notPrivate(let path): "\(path): it must be the user's own, and nobody else may write in it"
    case .noSpace: "the file system of the cache is nearly full"
    case .tooLarge(let bytes): "\(bytes) bytes are more than one entry may have"
    case .tooManyWants(let count): "\(count) wants are more than one entry may name"
    case .purged: "the repository was purged meanwhile"
    case .damaged(let damage): damage.description
    case .ended: "the entry has ended"
    }
  }
}

/// What is wrong with an entry.
package struct EntryDamage: Error, Hashable, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }
}

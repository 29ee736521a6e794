import CLinux
import Glibc

/// A file descriptor with exactly one owner. It is closed once: by `close()` or when the value goes away.
@frozen package struct OwnedDescriptor: ~Copyable {
  /// The number, lent for system calls while this value lives. Never store it beyond that.
  package let rawValue: CInt

  /// Takes ownership of an open descriptor.
  package init(owning rawValue: CInt) {
    precondition(rawValue >= 0, "a descriptor is not negative")
    self.rawValue = rawValue
  }

  deinit { _ = Glibc.close(rawValue) }

  /// Gives the number up to a new owner, who must close it.
  package consuming func release() -> CInt {
    let number = rawValue
    discard self
    return number
  }
}

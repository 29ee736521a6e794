import COpenSSL

/// A running SHA-1 or SHA-256.
package struct Digest: ~Copyable {
  package enum Algorithm: Sendable {
    case sha1, sha256

    /// Bytes of the result.
    package var byteCount: Int { self == .sha1 ? 20 : 32 }
  }

  /// Owned: freed by `deinit`, and used by nobody else.
  private let context: OpaquePointer

  /// Looked up once: OpenSSL takes ten times as long to find an algorithm as to hash a line (`EVP_MD_fetch(3)`).
  ///
  /// `@unchecked Sendable`: never changed, never freed.
  private struct Implementations: @unchecked Sendable {
    let sha1 = EVP_MD_fetch(nil, "SHA1", nil)
    let sha256 = EVP_MD_fetch(nil, "SHA256", nil)

    init() { _ = copenssl_outlive_exit() }
  }

  private static let implementations = Implementations()

  package init(_ algorithm: Algorithm) {
    let implementation = algorithm == .sha1 ? Self.implementations.sha1 : Self.implementations.sha256
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, implementation, nil) == 1 else {
      fatalError("OpenSSL offers SHA-1 and SHA-256, and there is memory for one.")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  /// Adds bytes, which are looked at only during the call.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    precondition(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1, "A digest takes any bytes.")
  }

  /// The digest of all bytes added.
  package consuming func finish() -> [UInt8] {
    withUnsafeTemporaryAllocation(byteCount: Int(EVP_MAX_MD_SIZE), alignment: 1) { buffer in
      var count: UInt32 = 0
      let result = EVP_DigestFinal_ex(context, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), &count)
      precondition(result == 1, "A digest ends once.")
      return Array(buffer.prefix(Int(count)))
    }
  }
}

import COpenSSL
import EventLoop

/// The `BIO_METHOD` through which OpenSSL reads and writes a `Channel` directly, without a buffer between.
///
/// The BIO's data is an unretained reference to its `TLSChannel`. It is good whenever a callback runs: callbacks run only
/// inside `SSL_*` calls, which only a live `TLSChannel` makes on its own `SSL`; and `TLSChannel.close()` frees the `SSL`,
/// with it the BIO, before the object can go. Freeing calls none of them.
enum ChannelBIO {
  /// Nil when there was no memory.
  /// `nonisolated(unsafe)`: made once under the lock of a static, and only read afterwards.
  nonisolated(unsafe) private static let method: OpaquePointer? = {
    guard let method = BIO_meth_new(copenssl_bio_type_source_sink | BIO_get_new_index(), "channel") else { return nil }
    BIO_meth_set_read_ex(method) { bio, bytes, capacity, count in
      guard let bio, let bytes, let count else { return -1 }
      copenssl_bio_clear_retry(bio)
      let result = owner(of: bio)?._withUnsafeGuaranteedRef {
        $0.receive(into: UnsafeMutableRawBufferPointer(start: bytes, count: capacity))
      }
      switch result {
      case .bytes(let received):
        count.pointee = received
        return 1
      case .endOfStream: return 0
      case .wouldBlock:
        copenssl_bio_set_retry_read(bio)
        return -1
      case nil: return -1
      }
    }
    BIO_meth_set_write_ex(method) { bio, bytes, length, count in
      guard let bio, let bytes, let count else { return -1 }
      copenssl_bio_clear_retry(bio)
      let result = owner(of: bio)?._withUnsafeGuaranteedRef {
        $0.send(UnsafeRawBufferPointer(start: bytes, count: length))
      }
      switch result {
      case .bytes(let sent):
        count.pointee = sent
        return 1
      case .wouldBlock:
        copenssl_bio_set_retry_write(bio)
        return -1
      case .endOfStream, nil: return -1
      }
    }
    BIO_meth_set_ctrl(method) { bio, command, _, _ in
      switch command {
      // Nothing is held back here.
      case BIO_CTRL_FLUSH: 1
      // Tells OpenSSL a stream that was cut from one that only pauses.
      case BIO_CTRL_EOF: bio.flatMap { owner(of: $0) }?._withUnsafeGuaranteedRef { $0.sawEndOfStream } == true ? 1 : 0
      // Above all: no kernel TLS.
      default: 0
      }
    }
    return method
  }()

  private static func owner(of bio: OpaquePointer) -> Unmanaged<TLSChannel>? {
    BIO_get_data(bio).map { Unmanaged.fromOpaque($0) }
  }

  /// A BIO without an owner yet, or nil when there is no memory.
  static func make() -> OpaquePointer? { method.flatMap { BIO_new($0) } }

  /// Makes `bio`, which has to go first, call `channel`.
  static func attach(_ bio: OpaquePointer, to channel: TLSChannel) {
    BIO_set_data(bio, Unmanaged.passUnretained(channel).toOpaque())
    BIO_set_init(bio, 1)
  }
}

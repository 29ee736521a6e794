/// Application protocols in the order of preference, in the form of the ALPN extension: each name with a length byte in
/// front (RFC 7301, 3.1).
///
/// `@unchecked Sendable`: the bytes are written in `init` and only read afterwards.
final class ProtocolList: @unchecked Sendable {
  /// At an address that stays, since OpenSSL keeps pointers into it.
  let bytes: UnsafeBufferPointer<UInt8>

  /// Throws `.configuration` for a name that is empty or longer than 255 bytes.
  init(_ names: [String]) throws(TLSError) {
    var wire: [UInt8] = []
    for name in names {
      guard let length = UInt8(exactly: name.utf8.count), length > 0 else {
        let reason = "\"\(name)\" is not 1 to 255 bytes long"
        throw TLSError(.configuration(subject: "application protocol", reason: reason))
      }
      wire.append(length)
      wire += name.utf8
    }
    let storage = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: wire.count)
    _ = storage.initialize(from: wire)
    bytes = UnsafeBufferPointer(storage)
  }

  deinit { bytes.deallocate() }
}

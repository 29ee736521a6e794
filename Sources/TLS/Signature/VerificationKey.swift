import COpenSSL

/// A public key that checks signatures over SHA-256: RSA by PKCS #1 version 1.5 (RFC 8017 section 8.2), or ECDSA on the curve
/// P-256 (FIPS 186-4). A key knows one way only, whatever a message says of itself.
///
/// `@unchecked Sendable`: OpenSSL's key is never changed after `init`, and counts its references by atomics; each check has
/// a context of its own.
package final class VerificationKey: @unchecked Sendable {
  package enum Kind: Hashable, Sendable {
    /// - Parameter bits: of the modulus.
    case rsa(bits: Int)
    case p256
  }

  /// Bits of an RSA modulus: below, keys can be broken; above, each check costs too much.
  package static let rsaBits = 2_048...8_192
  /// Bytes of a public exponent, for the same reason.
  private static let longestExponent = 4
  /// Bytes of a coordinate on P-256, and of each half of a signature.
  private static let coordinate = 32

  package let kind: Kind
  /// Owned: freed by `deinit`.
  private let key: OpaquePointer

  deinit { EVP_PKEY_free(key) }

  private init(_ kind: Kind, _ key: OpaquePointer) {
    self.kind = kind
    self.key = key
  }

  /// An RSA key of two numbers, most significant byte first. Nil when it is none, or its length is not in `rsaBits`.
  package static func rsa(modulus: [UInt8], exponent: [UInt8]) -> VerificationKey? {
    let modulus = modulus.drop { $0 == 0 }
    let exponent = exponent.drop { $0 == 0 }
    guard let first = modulus.first, let last = modulus.last, let lowest = exponent.last else { return nil }
    let bits = modulus.count * 8 - first.leadingZeroBitCount
    guard rsaBits.contains(bits), last & 1 == 1, exponent.count <= longestExponent, lowest & 1 == 1,
      exponent.count > 1 || lowest > 1
    else { return nil }
    // The builder only points at them until the parameters are made.
    guard let n = number(modulus) else { return nil }
    defer { BN_free(n) }
    guard let e = number(exponent) else { return nil }
    defer { BN_free(e) }
    let key = make("RSA") { builder in
      OSSL_PARAM_BLD_push_BN(builder, copenssl_name_rsa_n(), n) == 1
        && OSSL_PARAM_BLD_push_BN(builder, copenssl_name_rsa_e(), e) == 1
    }
    return key.map { VerificationKey(.rsa(bits: bits), $0) }
  }

  /// A key on P-256 of its coordinates, 32 bytes each. Nil for a point that is not on the curve.
  package static func p256(x: [UInt8], y: [UInt8]) -> VerificationKey? {
    guard x.count == coordinate, y.count == coordinate else { return nil }
    // The uncompressed form (SEC 1 section 2.3.3).
    let point = [0x04] + x + y
    // The builder only points at these, too.
    let key = point.withUnsafeBytes { point in
      "prime256v1".withCString { curve in
        make("EC") { builder in
          OSSL_PARAM_BLD_push_utf8_string(builder, copenssl_name_group(), curve, 0) == 1
            && OSSL_PARAM_BLD_push_octet_string(builder, copenssl_name_pub(), point.baseAddress, point.count) == 1
        }
      }
    }
    guard let key else { return nil }
    guard isSound(key) else {
      EVP_PKEY_free(key)
      return nil
    }
    return VerificationKey(.p256, key)
  }

  /// Whether `signature` is this key's over `message`.
  /// - Parameter signature: of RSA as long as the modulus, of P-256 the two halves, 32 bytes each (RFC 7518 section 3.4).
  package func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
    switch kind {
    case .rsa(let bits): signature.count == (bits + 7) / 8 && check(signature, message)
    case .p256: Self.encoded(signature).map { check($0, message) } ?? false
    }
  }

  // MARK: OpenSSL

  private func check(_ signature: [UInt8], _ message: [UInt8]) -> Bool {
    // What a refusal leaves behind is nobody else's failure.
    defer { ErrorQueue.clear() }
    guard let context = EVP_MD_CTX_new() else { return false }
    defer { EVP_MD_CTX_free(context) }
    var inner: OpaquePointer?
    guard EVP_DigestVerifyInit(context, &inner, EVP_sha256(), nil, key) == 1 else { return false }
    if case .rsa = kind {
      guard let inner, EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PADDING) == 1 else { return false }
    }
    return EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
  }

  /// Makes a key of parameters that `fill` puts down. Returns one that the caller frees.
  private static func make(_ algorithm: String, _ fill: (OpaquePointer) -> Bool) -> OpaquePointer? {
    defer { ErrorQueue.clear() }
    guard let builder = OSSL_PARAM_BLD_new() else { return nil }
    defer { OSSL_PARAM_BLD_free(builder) }
    guard fill(builder), let parameters = OSSL_PARAM_BLD_to_param(builder) else { return nil }
    defer { OSSL_PARAM_free(parameters) }
    guard let context = EVP_PKEY_CTX_new_from_name(nil, algorithm, nil) else { return nil }
    defer { EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    guard EVP_PKEY_fromdata_init(context) == 1,
      EVP_PKEY_fromdata(context, &key, copenssl_pkey_public_key, parameters) == 1
    else {
      EVP_PKEY_free(key)
      return nil
    }
    return key
  }

  /// A number of OpenSSL's, which the caller frees.
  private static func number(_ bytes: ArraySlice<UInt8>) -> OpaquePointer? {
    bytes.withUnsafeBufferPointer { BN_bin2bn($0.baseAddress, CInt($0.count), nil) }
  }

  private static func isSound(_ key: OpaquePointer) -> Bool {
    defer { ErrorQueue.clear() }
    guard let context = EVP_PKEY_CTX_new_from_pkey(nil, key, nil) else { return false }
    defer { EVP_PKEY_CTX_free(context) }
    return EVP_PKEY_public_check(context) == 1
  }

  // MARK: The two forms of an ECDSA signature

  /// The form that OpenSSL reads, `SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279 section 2.2.3). Nil for another length.
  private static func encoded(_ signature: [UInt8]) -> [UInt8]? {
    guard signature.count == 2 * coordinate else { return nil }
    let content = integer(signature[..<coordinate]) + integer(signature[coordinate...])
    // Two integers of at most 35 bytes: the short form of a length does.
    return [0x30, UInt8(content.count)] + content
  }

  /// A positive INTEGER in the shortest form (X.690 section 8.3).
  private static func integer(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var digits = Array(bytes.drop { $0 == 0 })
    if (digits.first ?? 0x80) >= 0x80 { digits.insert(0, at: 0) }
    return [0x02, UInt8(digits.count)] + digits
  }
}

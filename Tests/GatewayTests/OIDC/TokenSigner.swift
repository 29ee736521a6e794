import FoundationEssentials
import GatewayTestSupport
import Glibc

/// A key pair made by the `openssl` command, which signs tokens as an issuer would.
struct TokenSigner: Sendable {
  static let tool = ExternalTool("openssl")

  let id: String
  private let kind: Kind
  private let folder: String

  enum Kind { case rsa, p256 }

  private var isRSA: Bool { kind == .rsa }

  /// Makes a key in a folder that is the test's own.
  static func make(_ id: String, _ kind: Kind, bits: Int = 2_048, in folder: String) async throws -> TokenSigner {
    let options =
      switch kind {
      case .rsa: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:\(bits)"]
      case .p256: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
      }
    try await run(["genpkey"] + options + ["-out", "\(id).key"], in: folder)
    try await run(["pkey", "-in", "\(id).key", "-pubout", "-out", "\(id).pub"], in: folder)
    return TokenSigner(id: id, kind: kind, folder: folder)
  }

  @discardableResult
  private static func run(_ arguments: [String], in folder: String) async throws -> String {
    let outcome = try await tool.run(arguments, in: folder)
    guard outcome.isSuccess else { throw TestFailure("openssl \(arguments): \(outcome.text)") }
    return outcome.text
  }

  // MARK: The public half

  /// As a member of a key set.
  /// - Parameter more: members beside those of the key itself, such as `"use":"sig"`.
  func publicKey(_ more: String = #""use":"sig""#) async throws -> String {
    let tail = more.isEmpty ? "" : ",\(more)"
    if isRSA {
      let text = try await Self.run(["rsa", "-in", "\(id).key", "-noout", "-modulus"], in: folder)
      let digits = text.split(separator: "=").last?.filter(\.isHexDigit) ?? ""
      return #"{"kty":"RSA","kid":"\#(id)","n":"\#(Self.code(Self.bytes(hex: digits)))","e":"AQAB"\#(tail)}"#
    }
    try await Self.run(["ec", "-in", "\(id).key", "-pubout", "-outform", "DER", "-out", "\(id).der"], in: folder)
    let point = try Self.content(of: "\(folder)/\(id).der").suffix(64)
    return
      #"{"kty":"EC","crv":"P-256","kid":"\#(id)","x":"\#(Self.code(point.prefix(32)))","y":"\#(Self.code(point.suffix(32)))"\#(tail)}"#
  }

  /// The public half as a file, PEM.
  var publicPEM: [UInt8] { get throws { try Self.content(of: "\(folder)/\(id).pub") } }

  // MARK: Signing

  /// A token with this key's algorithm and id.
  func token(_ claims: String) async throws -> String {
    try await token(header: #"{"alg":"\#(isRSA ? "RS256" : "ES256")","kid":"\#(id)","typ":"JWT"}"#, claims)
  }

  func token(header: String, _ claims: String) async throws -> String {
    let input = "\(Self.code(header.utf8)).\(Self.code(claims.utf8))"
    let name = UUID().uuidString
    try write(input, to: "\(folder)/\(name)")
    try await Self.run(["dgst", "-sha256", "-sign", "\(id).key", "-out", "\(name).sig", name], in: folder)
    let signature = try Self.content(of: "\(folder)/\(name).sig")
    return "\(input).\(Self.code(isRSA ? signature : Self.halves(of: signature)))"
  }

  /// A token by HMAC with a secret of the caller's.
  static func token(hmac secret: [UInt8], header: String, _ claims: String, in folder: String) async throws -> String {
    let input = "\(code(header.utf8)).\(code(claims.utf8))"
    try write(input, to: "\(folder)/hmac")
    let hex = secret.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    try await run(
      ["dgst", "-sha256", "-mac", "HMAC", "-macopt", "hexkey:\(hex)", "-binary", "-out", "hmac.sig", "hmac"],
      in: folder)
    return "\(input).\(code(try content(of: "\(folder)/hmac.sig")))"
  }

  /// base64url without padding.
  static func code(_ bytes: some Sequence<UInt8>) -> String {
    String(
      Data(bytes).base64EncodedString().compactMap { $0 == "=" ? nil : $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
  }

  /// The two numbers of an ECDSA signature in DER, 32 bytes each.
  private static func halves(of der: [UInt8]) -> [UInt8] {
    let first = Int(der[3])
    let second = Int(der[5 + first])
    return [der[4..<4 + first], der[6 + first..<6 + first + second]].flatMap { number in
      let digits = number.suffix(32)
      return [UInt8](repeating: 0, count: 32 - digits.count) + digits
    }
  }

  private static func bytes(hex: String) -> [UInt8] {
    let digits = hex.compactMap { $0.hexDigitValue.map { UInt8($0) } }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  private static func content(of path: String) throws -> [UInt8] {
    guard let file = fopen(path, "r") else { throw TestFailure("\(path): \(errno)") }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes.prefix(count))
  }
}

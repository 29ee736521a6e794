import EventLoop
import Glibc

/// The access configuration with what its files held. Immutable.
package final class AccessSnapshot: Sendable {
  package let configuration: AccessConfiguration
  let tokens: TokenTable
  let passwords: PasswordTable
  /// Tells whose signed tokens are; nil when none are taken.
  let verifier: (any BearerVerifier)?

  /// The longest file read, bytes.
  private static let sizeLimit = 4 << 20

  /// Reads the files that the configuration names.
  /// - Parameter makeVerifier: called last, when all else has been found good.
  /// - Throws: naming the file, and the line, of what is wrong.
  package init(
    _ configuration: AccessConfiguration, makeVerifier: () throws(AccessFileError) -> (any BearerVerifier)? = { nil }
  ) throws(AccessFileError) {
    self.configuration = configuration
    if let path = configuration.authentication?.tokenFile {
      tokens = try TokenTable(Self.text(of: path), path: path)
    } else {
      tokens = TokenTable()
    }
    if let path = configuration.authentication?.passwordFile {
      passwords = try PasswordTable(Self.text(of: path), path: path)
    } else {
      passwords = PasswordTable()
    }
    verifier = try makeVerifier()
  }

  /// The files that it was read from, beside the access file itself.
  static func files(of configuration: AccessConfiguration) -> [String] {
    [configuration.authentication?.tokenFile, configuration.authentication?.passwordFile].compactMap { $0 }
      + configuration.providers.compactMap(\.caFile)
  }

  private static func text(of path: String) throws(AccessFileError) -> String {
    guard let stamp = FileStamp(path) else { throw AccessFileError("\(path): cannot be read") }
    // Whoever writes to it lets in whom he likes.
    guard stamp.mode & 0o022 == 0 else {
      throw AccessFileError("\(path): others than its owner may write to it; chmod 600 it")
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw AccessFileError("\(path): cannot be read") }
    defer { _ = close(descriptor) }
    var bytes: [UInt8] = []
    while true {
      let isRead = withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer -> Bool? in
        let count = read(descriptor, buffer.baseAddress, buffer.count)
        if count > 0 { bytes.append(contentsOf: buffer.prefix(count)) }
        return count < 0 ? nil : count > 0
      }
      guard let isRead else { throw AccessFileError("\(path): cannot be read") }
      guard bytes.count <= sizeLimit else { throw AccessFileError("\(path): longer than 4 MiB") }
      if !isRead { break }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw AccessFileError("\(path): no UTF-8") }
    return text
  }
}

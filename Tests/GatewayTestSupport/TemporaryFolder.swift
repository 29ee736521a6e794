import FoundationEssentials
import Glibc

/// A folder of a test's own, removed when the test has finished.
package func withTemporaryFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
  var template = Array("/tmp/artifacts-gateway-XXXXXX".utf8CString)
  let path = try template.withUnsafeMutableBufferPointer { buffer in
    guard let base = buffer.baseAddress, mkdtemp(base) != nil else { throw TestFailure("mkdtemp: \(errno)") }
    return String(cString: base)
  }
  defer { try? FileManager.default.removeItem(atPath: path) }
  return try await body(path)
}

package func write(_ text: String, to path: String) throws { try write(Array(text.utf8), to: path) }

/// Nobody else may read the file: it may hold a token.
package func write(_ bytes: [UInt8], to path: String) throws {
  guard let file = fopen(path, "w") else { throw TestFailure("\(path): \(errno)") }
  defer { fclose(file) }
  fchmod(fileno(file), 0o600)
  guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw TestFailure("\(path): \(errno)") }
}

package func contents(of path: String) throws -> String {
  guard let file = fopen(path, "r") else { throw TestFailure("\(path): \(errno)") }
  defer { fclose(file) }
  var text: [UInt8] = []
  var block = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = fread(&block, 1, block.count, file)
    guard count > 0 else { return String(decoding: text, as: UTF8.self) }
    text += block[..<count]
  }
}

/// Bytes that no compression makes smaller.
package func randomBytes(_ count: Int) -> [UInt8] {
  var generator = SystemRandomNumberGenerator()
  return Array(unsafeUninitializedCapacity: count) { buffer, filled in
    for start in stride(from: 0, to: count, by: 8) {
      var word = generator.next() as UInt64
      for index in start..<min(start + 8, count) {
        buffer.initializeElement(at: index, to: UInt8(truncatingIfNeeded: word))
        word >>= 8
      }
    }
    filled = count
  }
}

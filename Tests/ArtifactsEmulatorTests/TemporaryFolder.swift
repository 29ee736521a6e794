import FoundationEssentials
import Glibc

/// A folder of a test's own, removed when the test has finished.
func withTemporaryFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
  var template = Array("/tmp/artifacts-emulator-XXXXXX".utf8CString)
  let path = try template.withUnsafeMutableBufferPointer { buffer in
    guard let base = buffer.baseAddress, mkdtemp(base) != nil else { throw TestFailure("mkdtemp: \(errno)") }
    return String(cString: base)
  }
  defer { try? FileManager.default.removeItem(atPath: path) }
  return try await body(path)
}

struct TestFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// The whole of a small file.
func contents(of path: String) throws -> String {
  guard let file = fopen(path, "r") else { throw TestFailure("\(path): \(errno)") }
  defer { fclose(file) }
  var block = [UInt8](repeating: 0, count: 65_536)
  let count = fread(&block, 1, block.count, file)
  return String(decoding: block[..<count], as: UTF8.self)
}

func write(_ text: String, to path: String, mode: String = "w") throws {
  guard let file = fopen(path, mode) else { throw TestFailure("\(path): \(errno)") }
  defer { fclose(file) }
  let bytes = Array(text.utf8)
  guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw TestFailure("\(path): \(errno)") }
}

func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

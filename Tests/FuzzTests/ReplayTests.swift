import Fuzzing
import GatewayTestSupport
import Glibc
import Testing

/// Runs the kept inputs of every fuzz target, and mutations of them, in an ordinary test.
@Suite(.timeLimit(.minutes(5)))
struct ReplayTests {
  private static let mutationsOfEach = 1_500

  private static func inputs(of target: FuzzTarget) throws -> [[UInt8]] {
    let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    let folder = "/\(tests)/Fuzz/Corpus/\(target.name)"
    let directory = try #require(opendir(folder), "\(folder)")
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return try names.sorted().map { try content(of: "\(folder)/\($0)") }
  }

  private static func content(of path: String) throws -> [UInt8] {
    let file = try #require(fopen(path, "r"), "\(path)")
    defer { fclose(file) }
    var block = [UInt8](repeating: 0, count: 65_536)
    return Array(block[..<fread(&block, 1, block.count, file)])
  }

  /// A few bytes changed, put in, taken out, doubled, or taken from another input.
  private func mutated(_ input: [UInt8], _ others: [[UInt8]], _ generator: inout SplitMix64) -> [UInt8] {
    let telling = Array("\r\n\r\n\t :;,/?#@*._%0123456789afGETHTP/1.1\0".utf8) + [0x7f, 0x80, 0xff]
    var bytes = input
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      guard let position = bytes.indices.randomElement(using: &generator) else { break }
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: bytes[position] = telling.randomElement(using: &generator) ?? 0
      case 1: bytes.insert(telling.randomElement(using: &generator) ?? 0, at: position)
      case 2: bytes.remove(at: position)
      case 3: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 4:
        bytes.insert(contentsOf: bytes[position...].prefix(Int.random(in: 1...40, using: &generator)), at: position)
      default:
        let other = others.randomElement(using: &generator) ?? []
        bytes = Array(bytes[..<position]) + other.dropFirst(Int.random(in: 0...other.count, using: &generator))
      }
    }
    return bytes
  }

  @Test(arguments: FuzzTarget.all)
  func `what must hold holds for the kept inputs and for mutations of them`(target: FuzzTarget) throws {
    let inputs = try Self.inputs(of: target)
    #expect(!inputs.isEmpty)
    var generator = SplitMix64(state: 7)
    for input in inputs {
      #expect(throws: Never.self) { try target.run(input) }
      for _ in 0..<Self.mutationsOfEach {
        let other = mutated(input, inputs, &generator)
        do { try target.run(other) } catch { Issue.record("\(error) for \(other)") }
      }
    }
  }

  @Test func `random bytes`() throws {
    var generator = SplitMix64(state: 8)
    for target in FuzzTarget.all {
      for _ in 0..<2_000 {
        let count = Int.random(in: 0...80, using: &generator)
        let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        do { try target.run(bytes) } catch { Issue.record("\(target): \(error) for \(bytes)") }
      }
    }
  }

  /// A second reader that agreed with everything would be worth nothing.
  @Test(arguments: [
    ("GET / HTTP/1.1\r\nA: b\r\n\r\nrest", "GET /", 0, 24),
    ("POST /x HTTP/1.1\r\nContent-Length: 2\r\n\r\nabc", "POST /x", 2, 41),
    ("POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nc", "POST /x", 2, 60),
  ])
  func `the second reader reads`(text: String, start: String, body: Int, length: Int) {
    guard case .message(let message) = PlainReader.request(in: Array(text.utf8)) else {
      Issue.record("refused")
      return
    }
    #expect("\(message.method) \(message.target)" == start)
    #expect(message.body.count == body)
    #expect(message.length == length)
  }

  @Test(arguments: [
    "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", "GET / HTTP/1.1\r\nA : b\r\n\r\n",
    "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET / HTTP/1.1\nA: b\r\n\r\n",
    "POST / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n", "GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n",
  ])
  func `the second reader refuses`(text: String) {
    guard case .bad = PlainReader.request(in: Array(text.utf8)) else {
      Issue.record("taken")
      return
    }
  }
}

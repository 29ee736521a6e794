import Foundation
import GatewayTestSupport
import GitProtocol
import Testing

@testable import Gateway

/// What a push brings, seen as it streams by. The packs are made by git.
@Suite(.timeLimit(.minutes(5)), .enabled(if: Git.isThere)) struct PushSizesTests {
  private static let names = "src/data"

  /// The body of a push of one commit with a file of `bytes` bytes that do not compress.
  private static func push(
    bytes: Int, capabilities: String = "report-status", options: [UInt8] = []
  ) async throws -> [UInt8] {
    try await withTemporaryFolder { folder in
      let git = Git(in: folder)
      try await git.workTree("work")
      try FileManager.default.createDirectory(atPath: "\(folder)/work/\(names)", withIntermediateDirectories: true)
      var random = SplitMix64(state: 7)
      let content = (0..<bytes).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      try await git.commit(content, to: "\(names)/big.bin", in: "work")
      try await git.commit("small\n", to: "\(names)/small.txt", in: "work")
      try await git("-C", "work", "repack", "-q", "-a", "-d", "--depth=0")
      let packs = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/work/.git/objects/pack")
      let name = try #require(packs.first { $0.hasSuffix(".pack") })
      let pack = try [UInt8](Data(contentsOf: URL(filePath: "\(folder)/work/.git/objects/pack/\(name)")))
      return GitOperation.pushHead(capabilities) + options + pack
    }
  }

  private func followed(_ body: [UInt8], _ limits: PushLimits, pieces: Int, declared: Int? = nil) -> PushSizes {
    let sizes = PushSizes(limits, declared: declared, coding: .identity)
    for start in stride(from: 0, to: body.count, by: pieces) {
      body[start..<min(body.count, start + pieces)].withUnsafeBytes { sizes.follow($0) }
    }
    return sizes
  }

  @Test(arguments: [1, 7, 4_096, 1 << 20])
  func `a file that is too large is found and named, however the push is cut`(pieces: Int) async throws {
    let body = try await Self.push(bytes: 50_000)
    let refusal = try #require(followed(body, PushLimits(file: 49_999), pieces: pieces).refusal)
    #expect(refusal.status == 413 && refusal.code == .tooLarge)
    #expect(refusal.text.hasPrefix("\"src/data/big.bin\" (object "), "\(refusal.text)")
    #expect(refusal.text.contains("has 50 kB, more than the 49 kB"), "\(refusal.text)")
    #expect(followed(body, PushLimits(file: 50_000), pieces: pieces).refusal == nil)
  }

  @Test func `it is found at the first bytes that show it`() async throws {
    let body = try await Self.push(bytes: 200_000)
    let sizes = PushSizes(PushLimits(file: 100_000), declared: nil, coding: .identity)
    var seen = 0
    for byte in body {
      withUnsafeBytes(of: byte) { sizes.follow($0) }
      seen += 1
      if sizes.isRefused { break }
    }
    // Commits and trees come before.
    #expect(seen < 2_000)
    #expect(sizes.refusal?.text.hasPrefix("object ") == true)
  }

  @Test func `push options stand before the pack`() async throws {
    let options = PktLines.line("ci.skip") + PktLines.line(String(repeating: "x", count: 3_000)) + PktLines.flush
    let body = try await Self.push(
      bytes: 50_000, capabilities: "report-status push-options", options: options)
    for pieces in [1, 1_000, 1 << 20] {
      #expect(followed(body, PushLimits(file: 49_999), pieces: pieces).isRefused)
    }
  }

  @Test func `the length of the whole counts as told, and as it comes`() {
    let body = GitOperation.push(bytes: 10_000)
    #expect(followed([], PushLimits(push: 9_999), pieces: 1, declared: 10_000).isRefused)
    #expect(!followed([], PushLimits(push: 10_000), pieces: 1, declared: 10_000).isRefused)
    #expect(followed(body, PushLimits(push: 9_999), pieces: 100).isRefused)
    #expect(!followed(body, PushLimits(push: 10_000), pieces: 100).isRefused)
  }

  @Test func `what is no push, or no pack, is refused, and whatever comes is borne`() async throws {
    let good = try await Self.push(bytes: 3_000)
    var random = SplitMix64(state: 3)
    for _ in 0..<300 {
      var body = good
      for _ in 0..<3 { body[Int(random.next() % UInt64(body.count))] = UInt8(truncatingIfNeeded: random.next()) }
      _ = followed(body, PushLimits(file: 1_000_000_000), pieces: 1 + Int(random.next() % 500)).refusal
    }
    let limits = PushLimits(file: 1 << 30)
    #expect(followed(Array("garbage".utf8), limits, pieces: 1).refusal?.status == 400)
    #expect(followed(GitOperation.push(bytes: 10_000), limits, pieces: 1).refusal?.status == 400)
    // A probe, and what brings no pack.
    #expect(followed(PktLines.flush, limits, pieces: 1).refusal == nil)
    #expect(followed(GitOperation.pushHead(), limits, pieces: 1).refusal == nil)
  }
}

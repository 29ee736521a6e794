import ArtifactsAPI
import GatewayTestSupport
import Glibc
import Synchronization
import Testing

@testable import Gateway

@Suite struct AccessStoreTests {
  /// What was told of reloads: nil for a good one.
  private final class Told: Sendable {
    private let list = Mutex<[String?]>([])

    var all: [String?] { list.withLock { $0 } }

    func add(_ outcome: Result<AccessConfiguration, AccessFileError>) {
      list.withLock {
        switch outcome {
        case .success: $0.append(nil)
        case .failure(let error): $0.append(error.description)
        }
      }
    }
  }

  private static func line(_ name: String) -> (line: String, entry: TokenTable.Entry) {
    let entry = TokenTable.Entry(name: name, hash: Fingerprint(of: TokenSecret.make().exposed), expiry: nil)
    return (entry.line + "\n", entry)
  }

  /// Puts a file in the place of another, in one step.
  private func replace(_ path: String, with text: String) throws {
    try write(text, to: path + ".new")
    rename(path + ".new", path)
  }

  private static let second: UInt64 = 1_000_000_000

  @Test func `files are looked at once a second, and what has changed counts before the look is over`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/tokens"
      let (ci, bob) = (Self.line("ci"), Self.line("bob"))
      try replace(path, with: ci.line)
      var configuration = AccessConfiguration()
      configuration.authentication = AuthenticationConfiguration()
      configuration.authentication?.tokenFile = path
      let told = Told()
      let store = try AccessStore(configuration, source: nil, makeVerifier: { _, _ in nil }) { told.add($0) }
      let start = store.generation
      store.look(at: 10 * Self.second)
      #expect(store.generation == start && told.all.isEmpty)
      try replace(path, with: bob.line)
      store.look(at: 11 * Self.second - 1)
      #expect(store.snapshot.tokens.entries == [ci.entry])
      store.look(at: 11 * Self.second)
      #expect(store.snapshot.tokens.entries == [bob.entry] && store.generation == start + 1)
      #expect(told.all == [nil])
      // What does not load is told once, and changes nothing.
      try replace(path, with: "nonsense")
      store.look(at: 12 * Self.second)
      store.look(at: 13 * Self.second)
      #expect(store.snapshot.tokens.entries == [bob.entry] && store.generation == start + 1)
      #expect(told.all.count == 2 && told.all[1]?.hasPrefix("\(path):1: ") == true)
      unlink(path)
      store.look(at: 14 * Self.second)
      #expect(store.snapshot.tokens.entries == [bob.entry])
      try replace(path, with: ci.line + bob.line)
      store.look(at: 15 * Self.second)
      #expect(store.snapshot.tokens.entries == [ci.entry, bob.entry])
    }
  }

  @Test func `the access file may name other files than before`() async throws {
    try await withTemporaryFolder { folder in
      let (first, second) = (folder + "/first", folder + "/second")
      let (ci, bob, eve) = (Self.line("ci"), Self.line("bob"), Self.line("eve"))
      try replace(first, with: ci.line)
      try replace(second, with: bob.line)
      try write("first", to: folder + "/access")
      let source = AccessSource(path: folder + "/access") { () throws(AccessFileError) in
        guard let name = try? contents(of: folder + "/access"), !name.isEmpty else { throw AccessFileError("bad") }
        var configuration = AccessConfiguration()
        configuration.authentication = AuthenticationConfiguration()
        configuration.authentication?.tokenFile = folder + "/" + name
        return configuration
      }
      let told = Told()
      let store = try AccessStore(try source.read(), source: source, makeVerifier: { _, _ in nil }) { told.add($0) }
      #expect(store.snapshot.tokens.entries == [ci.entry])
      try replace(folder + "/access", with: "second")
      store.look(at: Self.second)
      #expect(store.snapshot.tokens.entries == [bob.entry])
      // From now on the other file is followed.
      try replace(second, with: eve.line)
      store.look(at: 2 * Self.second)
      #expect(store.snapshot.tokens.entries == [eve.entry])
      for (text, complaint) in [("", "bad"), ("third", "third: cannot be read")] {
        try replace(folder + "/access", with: text)
        store.look(at: 3 * Self.second + UInt64(text.count) * Self.second)
        #expect(store.snapshot.tokens.entries == [eve.entry])
        #expect(told.all.last??.hasSuffix(complaint) == true, "\(told.all)")
      }
    }
  }
}

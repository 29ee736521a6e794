import EventLoop
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ResolverTests {
  private let resolver = Resolver()

  @Test(arguments: [
    ("127.0.0.1", SocketAddress.v4(0x7f00_0001, port: 80)), ("::1", .v6(0, 1, port: 80, scope: 0)),
    ("192.0.2.1", .v4(0xc000_0201, port: 80)),
  ])
  func `a numeric host is taken as it is`(_ host: String, _ address: SocketAddress) async throws {
    #expect(try await resolver.addresses(of: host, port: 80) == [address])
  }

  @Test func `localhost is this machine, with each port that is asked for`() async throws {
    for port in [80, 81] as [UInt16] {
      let addresses = try await resolver.addresses(of: "localhost", port: port)
      #expect(!addresses.isEmpty)
      #expect(addresses.allSatisfy { $0.isLoopback && $0.port == port })
      #expect(Set(addresses).count == addresses.count)
    }
  }

  @Test(arguments: ["", "no host", "-.invalid", "a..b"])
  func `what is no host is told`(_ host: String) async {
    let error = await #expect(throws: ResolutionError.self) { try await resolver.addresses(of: host, port: 80) }
    #expect(error?.host == host)
    #expect(error?.reason.isEmpty == false)
  }

  @Test func `many ask at once`() async throws {
    let resolver = resolver
    try await withThrowingTaskGroup(of: [SocketAddress].self) { tasks in
      for _ in 0..<100 { tasks.addTask { try await resolver.addresses(of: "localhost", port: 1) } }
      let first = try await tasks.next()
      for try await addresses in tasks { #expect(addresses == first) }
    }
  }

  @Test func `more hosts than are remembered are all looked up`() async {
    for number in 0..<1_100 {
      await #expect(throws: ResolutionError.self) { try await resolver.addresses(of: "a..\(number)", port: 1) }
    }
  }
}

import EventLoop
import Gateway
import Testing

@Suite struct HostListTests {
  private static func address(_ text: String) throws -> SocketAddress { try #require(SocketAddress(parsing: text)) }

  @Test(arguments: [
    "localhost", "LOCALHOST:7080", "localhost.", "localhost:", "127.0.0.1:1", "127.200.3.4", "[::1]:7080", "[::1]",
    "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]:80",
  ])
  func `loopback is always on the list`(host: String) { #expect(HostList().contains(host)) }

  @Test(arguments: [
    "", "evil.example", "localhost.evil.example", "evil-localhost", "127.0.0.1.nip.io", "127.0.0.1.", "127.1",
    "2130706433",
    "0x7f.0.0.1", "0177.0.0.1", "0.0.0.0", "10.0.0.5", "[::]", "[::2]", "[fe80::1]", "localhost:x", "a b",
    "localhost@evil",
    "sub.localhost", "..", ".localhost", "localhost..",
  ])
  func `another host is not`(host: String) { #expect(!HostList().contains(host)) }

  @Test func `an address that is listened on is on the list, and no other`() throws {
    let list = HostList()
    list.add(try Self.address("10.0.0.5:7080"))
    list.add(try Self.address("[fd00::5]:7080"))
    list.add(try Self.address("unix:/run/x"))
    for host in ["10.0.0.5", "10.0.0.5:8080", "[fd00::5]", "[fd00:0::0:5]:1", "localhost"] {
      #expect(list.contains(host))
    }
    for host in ["10.0.0.6", "[fd00::6]", "gateway", "10.0.0.5.nip.io"] { #expect(!list.contains(host)) }
  }

  @Test(arguments: ["0.0.0.0:7080", "[::]:7080"])
  func `behind a wildcard every numeric address is, and no name`(listening: String) throws {
    let list = HostList()
    list.add(try Self.address(listening))
    // The kubelet says the address of the pod.
    for host in ["10.244.1.7:7080", "192.168.1.1", "[fd00::1]:7080", "0.0.0.0:7080", "localhost"] {
      #expect(list.contains(host))
    }
    for host in ["gateway", "evil.example", "10.244.1.7.nip.io", "10.244.1", "0x0a.1.2.3"] {
      #expect(!list.contains(host))
    }
  }

  @Test func `names that the operator gives are on the list`() {
    let list = HostList(["Gateway", "git.example", "*.Pods.example", "10.1.2.3", "[FD00::1]"])
    for host in [
      "gateway:7080", "GIT.example", "git.example.", "a.pods.example", "a.b.pods.example:1", "10.1.2.3", "[fd00::1]",
    ] { #expect(list.contains(host), "\(host)") }
    for host in [
      "gateway.evil", "evilgit.example", "x.git.example", "pods.example", ".pods.example", "evilpods.example",
    ] {
      #expect(!list.contains(host), "\(host)")
    }
  }

  @Test(arguments: ["gateway", "git.example", "*.example", "10.0.0.1", "[::1]", "a_b"])
  func `a name may be given`(text: String) { #expect(HostList.isPattern(text)) }

  @Test(arguments: [
    "", "*", "*.", "a.*", "**.a", "a:80", "a:", "http://a", "a/b", "a b", ".a", "*.[::1]", "*.*.a", "::1",
  ])
  func `what is no name may not`(text: String) { #expect(!HostList.isPattern(text)) }
}

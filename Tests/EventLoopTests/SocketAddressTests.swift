import EventLoop
import Testing

@Suite
struct SocketAddressTests {
  @Test(arguments: [
    ("127.0.0.1:7080", SocketAddress.v4(0x7f00_0001, port: 7080), "127.0.0.1:7080"),
    ("0.0.0.0:0", .v4(0, port: 0), "0.0.0.0:0"),
    ("255.255.255.255:65535", .v4(.max, port: 65_535), "255.255.255.255:65535"),
    ("localhost:80", .v4(0x7f00_0001, port: 80), "127.0.0.1:80"),
    ("127.0.0.1:00080", .v4(0x7f00_0001, port: 80), "127.0.0.1:80"),
    ("[::1]:7080", .v6(0, 1, port: 7080, scope: 0), "[::1]:7080"),
    ("[::]:1", .v6(0, 0, port: 1, scope: 0), "[::]:1"),
    ("[2001:DB8::a]:1", .v6(0x2001_0db8_0000_0000, 0xa, port: 1, scope: 0), "[2001:db8::a]:1"),
    ("[::ffff:1.2.3.4]:1", .v6(0, 0xffff_0102_0304, port: 1, scope: 0), "[::ffff:1.2.3.4]:1"),
    ("unix:/run/a.sock", .unix("/run/a.sock"), "unix:/run/a.sock"),
    ("unix:a:1", .unix("a:1"), "unix:a:1"),
  ])
  func `an address is read and written`(_ text: String, _ address: SocketAddress, _ written: String) {
    #expect(SocketAddress(parsing: text) == address)
    #expect(address.description == written)
    #expect(SocketAddress(parsing: written) == address)
  }

  @Test(arguments: [
    "", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1: 1",
    "127.0.0.1:1x", "127.0.0.1:٣", "127.1:80", "127.0.0.256:80", "0x7f.0.0.1:80", "127.0.0.1.:80", "localhost",
    "example.com:80",
    "LOCALHOST:80", "::1", "::1:80", "[::1]", "[::1]:", "[::1:80", "::1]:80", "[]:80", "[127.0.0.1]:80",
    "[localhost]:80",
    "[::1%lo]:80", "[[::1]]:80", "127.0.0.1\0:80", "127.0.0.1\0.example:80", "unix:", "unix:/a\0b", "Unix:/a", "*:80",
  ])
  func `what is no address is refused`(_ text: String) { #expect(SocketAddress(parsing: text) == nil) }

  @Test func `a Unix path has as many bytes as the kernel takes`() {
    #expect(SocketAddress(parsing: "unix:/" + String(repeating: "x", count: 106)) != nil)
    #expect(SocketAddress(parsing: "unix:/" + String(repeating: "x", count: 107)) == nil)
    #expect(SocketAddress(parsing: "unix:/" + String(repeating: "ä", count: 54)) == nil)
  }

  @Test(arguments: [
    ("127.0.0.1:1", true), ("127.255.0.1:1", true), ("128.0.0.1:1", false), ("0.0.0.0:1", false), ("[::1]:1", true),
    ("[::]:1", false), ("[::2]:1", false), ("[::ffff:127.0.0.1]:1", true), ("[::ffff:10.0.0.1]:1", false),
    ("[1::ffff:7f00:1]:1", false), ("unix:/a", true),
  ])
  func `loopback is where only this machine is`(_ text: String, _ isLoopback: Bool) throws {
    #expect(try #require(SocketAddress(parsing: text)).isLoopback == isLoopback)
  }

  @Test func `a port can be changed, a path has none`() {
    #expect(SocketAddress.v4(1, port: 2).withPort(3) == .v4(1, port: 3))
    #expect(SocketAddress.v6(1, 2, port: 3, scope: 4).withPort(5) == .v6(1, 2, port: 5, scope: 4))
    #expect(SocketAddress.unix("/a").withPort(5) == .unix("/a"))
    #expect(SocketAddress.unix("/a").port == nil)
  }

  @Test(arguments: ["127.0.0.1:0", "[::1]:0"])
  func `the kernel gives back what it was given`(_ text: String) throws {
    let address = try #require(SocketAddress(parsing: text))
    let socket = try ListeningSocket(binding: address)
    let port = try #require(socket.address.port)
    #expect(port > 0)
    #expect(socket.address == address.withPort(port))
  }
}

@Suite struct ClientAddressTests {
  @Test(arguments: [
    ("10.1.2.3:7", "10.1.2.3:99", true), ("10.1.2.3:7", "10.1.2.4:7", false),
    ("10.1.2.3:7", "[::ffff:10.1.2.3]:7", true), ("[::ffff:10.1.2.3]:7", "[::ffff:10.1.2.4]:7", false),
    ("[2001:db8:1:2::1]:7", "[2001:db8:1:2:ffff::9]:8", true), ("[2001:db8:1:2::1]:7", "[2001:db8:1:3::1]:7", false),
  ])
  func `who has an address of a network has them all`(one: String, other: String, isSame: Bool) throws {
    let (one, other) = try (#require(SocketAddress(parsing: one)), #require(SocketAddress(parsing: other)))
    #expect((one.client == other.client) == isSame)
  }
}

@Suite struct ReachTests {
  @Test(arguments: [
    "1.1.1.1", "8.8.8.8", "104.16.0.1", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "100.63.0.1",
    "100.128.0.0", "198.17.0.1", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2a00::1", "::ffff:1.1.1.1",
    "64:ff9b::101:101", "2001:4860::8888",
  ])
  func `an address of the open network is global`(text: String) throws {
    #expect(try #require(SocketAddress(numericHost: text, port: 443)).isGlobal)
  }

  @Test(arguments: [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.0.1",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.0.1", "198.18.0.1",
    "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1",
    "fc00::1",
    "fd00:ec2::254", "fe80::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
    "2001:db8::1", "2002:7f00:1::", "2001:0:7f00:1::",
  ])
  func `a special-purpose address is not`(text: String) throws {
    #expect(try !#require(SocketAddress(numericHost: text, port: 443)).isGlobal)
  }
}

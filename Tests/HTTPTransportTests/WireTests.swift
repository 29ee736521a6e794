import EventLoop
import GatewayTestSupport
import HTTPCore
import HTTPTransport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct WireTests {
  /// Fills the way to the other end until nothing more fits. Returns how many bytes that took.
  private func fill(_ channel: Channel) throws -> Int {
    let block = [UInt8](repeating: 0x78, count: 65_536)
    var count = 0
    while case .bytes(let written) = try block.withUnsafeBytes({ try channel.write($0) }) { count += written }
    return count
  }

  @Test func `a head that is composed while another one waits to be written follows it`() async throws {
    try await onLoop { loop in
      let (near, far) = try Peer.pair(on: loop)
      defer {
        near.close()
        far.close()
      }
      let wire = HTTP1Wire(Transport(near.channel))
      let filling = try fill(near.channel)
      wire.writeHead(.none) { $0.append("HTTP/1.1 100 Continue\r\n\r\n") }
      let bound = LoopBound(wire)
      let flushing = Task(executorPreference: loop) { try await bound.value.flush(idle: .seconds(20)) }
      await loop.yield()
      wire.writeHead(.none) { writer in
        writer.begin(status: 204, .none)
        writer.end()
      }
      _ = try await far.receive(filling)
      try await flushing.value
      try await wire.flush(idle: .seconds(20))
      near.channel.closeWriting()
      #expect(try await far.receiveToEnd() == "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
    }
  }
}

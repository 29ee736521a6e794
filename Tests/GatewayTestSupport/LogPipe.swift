import EventLoop
package import Gateway
import Glibc
import Synchronization

/// A log that is read from a pipe.
package final class LogPipe: Sendable {
  package let sink: LogSink
  private let writing: CInt
  private let reader: Task<String, Never>

  package init() throws {
    var ends: [CInt] = [-1, -1]
    // A socket pair, since a channel reads sockets.
    guard
      socketpair(
        AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0, &ends) == 0
    else { throw TestFailure("socketpair: \(errno)") }
    let group = try TestLoops.take()
    let loop = group.loops[0]
    let reading = ends[0]
    writing = ends[1]
    sink = LogSink(descriptor: ends[1])
    reader = Task(executorPreference: loop) {
      defer { TestLoops.give(group) }
      guard let channel = try? Channel(OwnedDescriptor(owning: reading), on: loop) else { return "" }
      defer { channel.close() }
      var bytes: [UInt8] = []
      let block = loop.buffers.take()
      defer { loop.buffers.give(block) }
      while true {
        switch try? channel.read(into: block) {
        case .bytes(let count): bytes += block[..<count]
        case .wouldBlock: try? await channel.waitUntilReadable(for: .seconds(60))
        case .endOfStream, nil: return String(decoding: bytes, as: UTF8.self)
        }
      }
    }
  }

  /// Ends the log and gives all that was written.
  package func finish() async -> String {
    sink.flush()
    close(writing)
    return await reader.value
  }
}

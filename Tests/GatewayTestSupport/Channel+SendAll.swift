package import EventLoop

extension Channel {
  /// Sends all of `bytes`, waiting as often as need be.
  package func sendAll(_ bytes: [UInt8], idle: Duration = .seconds(60)) async throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      switch try rest.withUnsafeBytes({ try write($0) }) {
      case .bytes(let count): rest = rest.dropFirst(count)
      case .wouldBlock, .endOfStream: try await waitUntilWritable(for: idle)
      }
    }
  }
}

/// What one side of an HTTP/2 connection takes from the other.
package struct HTTP2Configuration: Sendable {
  package enum Role: Sendable { case client, server }

  package var role: Role
  /// Streams that the peer may have open at once.
  package var concurrentStreams: Int
  /// The receive window that each stream begins with, bytes.
  package var streamWindow: Int
  /// How far the window of a stream grows whose reader keeps up, bytes.
  package var largestStreamWindow: Int
  /// The connection's receive window, bytes.
  package var connectionWindow: Int
  /// While no more than this is unread in all streams together, bytes count as consumed for the connection when they come,
  /// so that one slow reader does not stop the others. So at most this and one connection window lie unread.
  package var unreadLimit: Int

  /// At most 1 MiB unread in a connection.
  package static let server = HTTP2Configuration(
    role: .server, concurrentStreams: 128, streamWindow: 256 << 10, largestStreamWindow: 256 << 10,
    connectionWindow: 512 << 10, unreadLimit: 512 << 10)

  /// The windows fill 1 Gb/s over a round trip of 50 ms, which is 6.25 MB, with a quarter still to be acknowledged. At most
  /// 16 MiB unread in a connection.
  package static let client = HTTP2Configuration(
    role: .client, concurrentStreams: 0, streamWindow: 256 << 10, largestStreamWindow: 8 << 20,
    connectionWindow: 8 << 20, unreadLimit: 8 << 20)
}

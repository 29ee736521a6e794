package import EventLoop
package import HTTPCore
package import HTTPTransport

/// The bytes of a blob or file on their way from the service: never more of them in memory than one read brought.
/// Confined to its loop; to be ended by `finish` or `close`.
package final class ContentBody {
  package let head: ResponseHead
  private let connection: any UpstreamExchange
  private let pool: UpstreamPool

  init(_ head: ResponseHead, _ connection: any UpstreamExchange, _ pool: UpstreamPool) {
    self.head = head
    self.connection = connection
    self.pool = pool
  }

  /// How many bytes there are, where the service tells.
  package var length: Int? {
    switch head.framing {
    case .length(let length): length
    case .none: 0
    case .chunked, .untilClose: nil
    }
  }

  /// All of it has been read.
  package var isRead: Bool { connection.isBodyRead }

  /// Lends the next bytes: pieces that are valid until the next call.
  /// - Returns: false at the end, with nothing in `list`.
  package func read(into list: GatherList) async throws(TransportError) -> Bool {
    try await connection.readBody(into: list, idle: pool.timeouts.idle)
  }

  /// Gives the connection back for another call; closes it when not all was read.
  package func finish() { pool.give(connection) }

  /// Ends it now. Whoever reads gets `.closed`.
  package func close() { connection.close() }
}

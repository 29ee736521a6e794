import EventLoop
package import HTTPCore

/// Small requests and small answers, whole in memory: for REST calls. Confined to its loop.
package final class HTTPClient {
  private let pool: UpstreamPool

  package init(_ pool: UpstreamPool) { self.pool = pool }

  /// Sends one request and reads the whole answer.
  ///
  /// A request that met a pooled connection which had died is sent once more, on a new one, if no byte of an answer had
  /// come and `isReplayable`. Redirects are answers like any other.
  ///
  /// - Parameters:
  ///   - firstByte: how long the answer may take to begin.
  ///   - limit: the longest body taken, bytes.
  ///   - total: how long all may take once there is a connection; nil for any time.
  /// - Throws: `.tooLong` beyond `limit`, and whatever the connection met with.
  package func send(
    _ method: Method, _ target: String, to origin: Origin, fields: Fields, body: [UInt8] = [], isReplayable: Bool,
    firstByte: Duration = .seconds(30), limit: Int = 8 << 20, within total: Duration? = nil
  ) async throws(TransportError) -> HTTPResponse {
    var connection = try await pool.connection(to: origin)
    while true {
      do throws(TransportError) {
        return try await limited(to: total, connection) { () async throws(TransportError) in
          try await exchange(
            method, target, on: connection, fields: fields, body: body, firstByte: firstByte, limit: limit)
        }
      } catch {
        let isRetried = connection.isReused && isReplayable && !connection.hasAnswered && error != .timedOut
        connection.close()
        guard isRetried else { throw error }
      }
      connection = try await pool.connect(to: origin)
    }
  }

  /// Closes the connection when an exchange on it takes too long.
  private func limited(
    to total: Duration?, _ connection: any UpstreamExchange,
    _ exchange: () async throws(TransportError) -> HTTPResponse
  ) async throws(TransportError) -> HTTPResponse {
    guard let total else { return try await exchange() }
    var isOver = false
    let deadline = Deadline(on: pool.loop) {
      isOver = true
      connection.close()
    }
    deadline.set(after: total)
    defer { deadline.clear() }
    do throws(TransportError) { return try await exchange() } catch { throw isOver ? .timedOut : error }
  }

  private func exchange(
    _ method: Method, _ target: String, on connection: any UpstreamExchange, fields: Fields, body: [UInt8],
    firstByte: Duration, limit: Int
  ) async throws(TransportError) -> HTTPResponse {
    let idle = pool.timeouts.idle
    connection.send(method, target, body.isEmpty ? .none : .length(body.count)) { writer in
      writer.append(.host, connection.origin.authority)
      writer.append(fields)
    }
    if body.isEmpty {
      try await connection.flush(idle: idle)
    } else {
      let block = UnsafeMutableRawBufferPointer.allocate(byteCount: body.count, alignment: 1)
      defer { block.deallocate() }
      block.copyBytes(from: body)
      let list = GatherList()
      list.append(UnsafeRawBufferPointer(block))
      try await connection.writeBody(list, isLast: true, idle: idle)
    }
    let head = try await connection.receiveHead(to: method, firstByte: firstByte, rest: pool.timeouts.head)
    var answer: [UInt8] = []
    let list = GatherList()
    while try await connection.readBody(into: list, idle: idle) {
      guard list.byteCount <= limit - answer.count else { throw .tooLong(limit: limit) }
      list.forEach { answer.append(contentsOf: $0) }
      list.removeAll()
    }
    if connection.hasSurplus { throw .malformed(HTTPParseError("more bytes than the response has")) }
    pool.give(connection)
    return HTTPResponse(status: head.status, fields: head.fields, body: answer)
  }
}

/// A whole answer.
package struct HTTPResponse: Sendable {
  package let status: Int
  package let fields: Fields
  package let body: [UInt8]

  package init(status: Int, fields: Fields = Fields(), body: [UInt8] = []) {
    self.status = status
    self.fields = fields
    self.body = body
  }
}

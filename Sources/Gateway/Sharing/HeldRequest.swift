import EventLoop
import HTTPCore
import HTTPTransport
import PackCache

/// A small request to a git service that is held in memory, so that it needs no client to be sent. Confined to its loop.
final class HeldRequest: UpstreamRequest {
  private let body: UnsafeRawBufferPointer
  private let head: RequestHead?
  private let idle: Duration
  var isAbandoned = false
  let canReplay = true

  /// - Parameters:
  ///   - body: the body, which is copied.
  ///   - head: of the client's request, whose fields go along; nil for a request of the gateway's own, in protocol v2.
  init(_ body: [UInt8], as head: RequestHead?, idle: Duration) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: body.count, alignment: 1)
    copy.copyBytes(from: body)
    self.body = UnsafeRawBufferPointer(copy)
    self.head = head
    self.idle = idle
  }

  deinit { body.deallocate() }

  var framing: BodyFraming { .length(body.count) }

  func writeFields(to writer: inout HeadWriter) {
    if var head {
      // Whoever shares the answer may not have asked for another coding.
      head.fields.remove("accept-encoding")
      ForwardedFields.append(of: head, to: &writer)
    } else {
      writer.append(.userAgent, "git/artifacts-gateway")
      writer.append(.gitProtocol, "version=2")
      writer.append(.contentType, "application/x-git-upload-pack-request")
    }
  }

  func sendBody(on connection: any UpstreamExchange) async throws(TransportError) {
    let list = GatherList()
    list.append(body)
    try await connection.writeBody(list, isLast: true, idle: idle)
  }

  /// Sends the request and brings the answer to those who share the flight. When nobody is there any more, it is not
  /// sent at all.
  func bring(
    _ call: UpstreamCall, to flight: RefFlight, _ question: RefQuestion, _ pool: UpstreamPool, on loop: Loop
  ) async {
    let readers = flight.answer
    defer { question.end() }
    guard readers.spool.readerCount > 0 else { return readers.start(.nothing) }
    do throws(ProxyError) {
      let (_, connection) = try await call.response()
      question.begin(from: call.remote)
      if question.isGranted { flight.grantedAt = question.askedAt }
      readers.start(.begun(preludeBytes: 0))
      let list = connection.pieces
      list.removeAll()
      let clock = SpoolClock(readers.spool, on: loop)
      defer { clock.stop() }
      do throws(TransportError) {
        while try await connection.readBody(into: list, idle: idle) {
          question.take(list)
          list.forEach { readers.spool.append($0) }
          list.removeAll()
          // Without a file, only what all have read can go: nobody begins any more.
          if question.makeRoom(in: readers.spool) { readers.spool.forgetBeginning() }
          guard await readers.spool.waitForRoom() else { return connection.close() }
        }
        readers.spool.finish(.whole)
        pool.give(connection)
      } catch {
        connection.close()
        readers.spool.finish(.cut("\(connection.origin) broke off in the middle: \(error); try again"))
      }
    } catch {
      readers.start(.refused(error))
      readers.spool.finish(.cut(error.text))
    }
  }
}

import EventLoop
import HTTPCore
import HTTPTransport
import Logging

/// Writes a line for each request that is over. Confined to its loop.
final class AccessLog {
  private let log: GatewayLog
  private let line: LogLine
  private let timestamp = Timestamp()

  init(_ log: GatewayLog) {
    self.log = log
    line = LogLine(log.format)
  }

  /// - Parameter isKilled: connections are being cut because the gateway ends.
  func write(_ exchange: ServerExchange, _ record: RequestRecord, isKilled: Bool) {
    let isGood = record.route == nil || record.failure == nil && record.cutReason == nil
    guard let sink = log.sink, log.level <= (isGood ? .info : .warning) else { return }
    line.begin(isGood ? "info" : "warning", "request", at: timestamp.write(WallClock.now))
    line.word("request") { line.append(hex: record.id.number, digits: 6) }
    line.word("service") { line.append(record.service.rawValue) }
    if let repo = record.route?.repo {
      line.word("repo") {
        line.append(repo.namespace)
        line.append("/")
        line.append(repo.name)
      }
    } else {
      line.word("method") { line.append(exchange.request.method.rawValue) }
      line.text("path", exchange.request.path)
    }
    write(exchange.peer)
    line.number("status", record.status(of: exchange) ?? 0)
    line.word("http", exchange.isHTTP2 ? "2" : exchange.request.isVersion11 ? "1.1" : "1.0")
    line.number("bytes_in", exchange.bodyBytesRead)
    line.number("bytes_out", exchange.bytesWritten)
    writeTimes(exchange, record)
    if record.retryCount > 0 { line.number("retries", record.retryCount) }
    if let outcome = record.outcome { line.word("cache") { line.append(outcome.rawValue) } }
    let end = Termination(of: exchange, record, isKilled: isKilled)
    line.word("end") {
      line.append(byte: end.party.rawValue)
      line.append(byte: end.phase)
    }
    if let trace = exchange.request.fields["traceparent"].flatMap({ TraceContext($0) }) {
      line.word("trace_id") { line.append(String(trace.traceID)) }
      line.word("span_id") { line.append(String(trace.parentID)) }
    }
    if let failure = record.failure {
      line.word("error") { line.append(failure.code.rawValue) }
      line.text("reason", failure.text)
    } else if let reason = record.cutReason {
      line.word("error") { line.append(ProxyError.Code.cut.rawValue) }
      line.text("reason", reason)
    } else if let problem = record.problem {
      line.text("error", problem.word)
      line.text("reason", problem.detail)
    }
    line.end()
    sink.write(line.bytes, isUrgent: false)
  }

  /// Writes a line for a request that could not be read, of which nothing is known.
  func write(unread status: Int, _ reason: String, from peer: SocketAddress, _ id: RequestID) {
    guard let sink = log.sink, log.level <= .info else { return }
    line.begin("info", "request", at: timestamp.write(WallClock.now))
    line.word("request") { line.append(hex: id.number, digits: 6) }
    line.word("service") { line.append(RequestService.ops.rawValue) }
    write(peer)
    line.number("status", status)
    let end = Termination(status == 408 ? .slowClient : .client, in: .request)
    line.word("end") {
      line.append(byte: end.party.rawValue)
      line.append(byte: end.phase)
    }
    line.word("error", "malformed")
    line.text("reason", reason)
    line.end()
    sink.write(line.bytes, isUrgent: false)
  }

  private func writeTimes(_ exchange: ServerExchange, _ record: RequestRecord) {
    func write(_ name: StaticString, _ phase: RequestRecord.Phase) {
      let time = record.time(in: phase)
      if time > 0 { line.milliseconds(name, time) }
    }
    write("queue_ms", .queue)
    write("token_ms", .token)
    write("connect_ms", .connect)
    write("tls_ms", .tls)
    if !record.isUnanswered, let respondedAt = exchange.respondedAt {
      line.milliseconds("first_byte_ms", respondedAt - exchange.startedAt)
    }
    line.milliseconds("total_ms", exchange.loop.now - exchange.startedAt)
  }

  private func write(_ peer: SocketAddress) {
    guard case .v4(let address, let port) = peer else { return line.text("client", peer.description) }
    line.word("client") {
      line.append(UInt64(address >> 24))
      line.append(".")
      line.append(UInt64(address >> 16 & 0xff))
      line.append(".")
      line.append(UInt64(address >> 8 & 0xff))
      line.append(".")
      line.append(UInt64(address & 0xff))
      line.append(":")
      line.append(UInt64(port))
    }
  }
}

import EventLoop
import HTTPCore
import HTTPTransport
import Logging

/// Writes a line for each request that is over, and hands them on together every 20 ms. Confined to its loop.
final class AccessLog {
  /// How long lines wait for others.
  private static let patience = Duration.milliseconds(20)

  private let log: GatewayLog
  private let line: LogLine
  private let timestamp = Timestamp()
  private let loop: Loop
  private lazy var handingOn = Deadline(on: loop) { [weak self] in self?.flush() }
  private var isSet = false

  init(_ log: GatewayLog, on loop: Loop) {
    self.log = log
    self.loop = loop
    line = LogLine(log.format)
  }

  /// Hands on what has been written.
  func flush() {
    handingOn.clear()
    isSet = false
    if line.lineCount > 0 { log.sink?.write(line.bytes, lineCount: line.lineCount) }
    line.removeAll()
  }

  /// A line has been written.
  /// - Parameter isLast: nobody may be there to hand it on in a moment.
  private func finish(isLast: Bool) {
    line.end()
    if isLast || line.isFull { return flush() }
    guard !isSet else { return }
    isSet = true
    handingOn.set(after: Self.patience)
  }

  /// - Parameters:
  ///   - isKilled: connections are being cut because the gateway ends.
  ///   - isLast: the gateway is about to end.
  func write(_ exchange: ServerExchange, _ record: RequestRecord, isKilled: Bool, isLast: Bool) {
    let isGood =
      !record.isTroubled || record.route == nil || (record.failure?.isRoutine ?? true) && record.cutReason == nil
    guard log.sink != nil, log.level <= (isGood ? .info : .warning) else { return }
    line.begin(isGood: isGood, at: timestamp.write(WallClock.now))
    write(record.id)
    line.service(record.service)
    if let repo = record.route?.repo {
      line.key(.repo)
      line.append(repo.namespace)
      line.append(byte: UInt8(ascii: "/"))
      line.append(repo.name)
      line.endWord()
    } else {
      line.word(.method, exchange.request.method.rawValue)
      line.text(.path, exchange.request.path)
    }
    write(exchange.peer)
    if record.identity.source != .anonymous { line.text(.identity, record.identity.description) }
    if let rule = record.rule { line.text(.rule, rule) }
    line.number(.status, record.status(of: exchange) ?? 0)
    line.http(version: exchange.isHTTP2 ? 2 : exchange.request.isVersion11 ? 1 : 0)
    line.number(.bytes_in, exchange.bodyBytesRead)
    line.number(.bytes_out, exchange.bytesWritten)
    writeTimes(exchange, record)
    if record.retryCount > 0 { line.number(.retries, record.retryCount) }
    if let outcome = record.outcome { line.word(.cache, outcome.rawValue) }
    if !record.isTroubled, exchange.isFinished, !exchange.hasBodyFailed {
      line.goodEnd()
    } else {
      write(Termination(of: exchange, record, isKilled: isKilled))
    }
    if let trace = exchange.request.fields["traceparent"].flatMap({ TraceContext($0) }) {
      line.word(.trace_id, String(trace.traceID))
      line.word(.span_id, String(trace.parentID))
    }
    if !record.isTroubled {
      // Nothing to say.
    } else if let failure = record.failure {
      line.word(.error, failure.code.rawValue)
      line.text(.reason, failure.reason ?? failure.text)
    } else if let reason = record.cutReason {
      line.word(.error, ProxyError.Code.cut.rawValue)
      line.text(.reason, reason)
    } else if let problem = record.problem {
      line.text(.error, problem.word)
      line.text(.reason, problem.detail)
    }
    finish(isLast: isLast)
  }

  /// Writes a line for a request that could not be read, of which nothing is known.
  func write(unread status: Int, _ reason: String, from peer: SocketAddress, _ id: RequestID, isLast: Bool) {
    guard log.sink != nil, log.level <= .info else { return }
    line.begin(isGood: true, at: timestamp.write(WallClock.now))
    write(id)
    line.service(.ops)
    write(peer)
    line.number(.status, status)
    write(Termination(status == 408 ? .slowClient : .client, in: .request))
    line.word(.error, "malformed" as StaticString)
    line.text(.reason, reason)
    finish(isLast: isLast)
  }

  private func write(_ id: RequestID) {
    line.key(.request)
    line.append(hex: id.number, digits: 6)
    line.endWord()
  }

  private func write(_ end: Termination) {
    line.key(.end)
    line.append(byte: end.party.rawValue)
    line.append(byte: end.phase)
    line.endWord()
  }

  private func writeTimes(_ exchange: ServerExchange, _ record: RequestRecord) {
    write(.queue_ms, record.time(in: .queue))
    write(.token_ms, record.time(in: .token))
    write(.connect_ms, record.time(in: .connect))
    write(.tls_ms, record.time(in: .tls))
    if !record.isUnanswered, let respondedAt = exchange.respondedAt {
      line.milliseconds(.first_byte_ms, respondedAt - exchange.startedAt)
    }
    line.milliseconds(.total_ms, exchange.loop.now - exchange.startedAt)
  }

  private func write(_ field: LogField, _ time: UInt64) { if time > 0 { line.milliseconds(field, time) } }

  private func write(_ peer: SocketAddress) {
    guard case .v4(let address, let port) = peer else { return line.text(.client, peer.description) }
    line.key(.client)
    line.append(UInt64(address >> 24))
    line.append(byte: UInt8(ascii: "."))
    line.append(UInt64(address >> 16 & 0xff))
    line.append(byte: UInt8(ascii: "."))
    line.append(UInt64(address >> 8 & 0xff))
    line.append(byte: UInt8(ascii: "."))
    line.append(UInt64(address & 0xff))
    line.append(byte: UInt8(ascii: ":"))
    line.append(UInt64(port))
    line.endWord()
  }
}

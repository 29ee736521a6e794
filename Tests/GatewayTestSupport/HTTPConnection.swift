package import EventLoop
package import HTTPCore
import HTTPTransport

/// A response as a client got it.
package struct HTTPAnswer: Sendable, CustomStringConvertible {
  package let status: Int
  package let fields: Fields
  package let body: [UInt8]
  /// The message came to the end that its framing promised.
  package let isWhole: Bool

  package var text: String { String(decoding: body, as: UTF8.self) }
  /// - Parameter name: lower-case.
  package func field(_ name: String) -> String? { fields.list.first { $0.name == name }?.value }
  package var description: String { "\(status) \(fields.list) \(isWhole ? "whole" : "cut") \(text.prefix(2000))" }
}

/// A client's connection to a loopback port. Lives on a loop and never blocks it.
package actor HTTPConnection {
  private static let patience = Duration.seconds(60)
  private let loop: Loop
  private let channel: Channel
  private let wire: HTTP1Wire

  package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  private init(_ channel: Channel, on loop: Loop) {
    self.loop = loop
    self.channel = channel
    wire = HTTP1Wire(Transport(channel))
  }

  package static func open(port: UInt16, on loop: Loop) async throws -> HTTPConnection {
    try await Task(executorPreference: loop) {
      HTTPConnection(
        try await Connector.connect(to: [.v4(0x7f00_0001, port: port)], on: loop, timeout: .seconds(20)), on: loop)
    }.value
  }

  /// The same to a Unix socket.
  package static func open(path: String, on loop: Loop) async throws -> HTTPConnection {
    try await Task(executorPreference: loop) {
      HTTPConnection(
        try await Connector.connect(to: [.unix(path)], on: loop, timeout: .seconds(20)), on: loop)
    }.value
  }

  package func send(_ bytes: [UInt8]) async throws { try await channel.sendAll(bytes) }

  package func closeWriting() { channel.closeWriting() }

  package func close(resetting: Bool = false) {
    if resetting { channel.resetOnClose() }
    channel.close()
  }

  /// Reads one response to its end, or as far as it comes. Nil when the connection ended before its head.
  package func receive(to method: HTTPCore.Method = .get) async throws -> HTTPAnswer? {
    while true {
      let head = try await wire.readHead(first: Self.patience, rest: Self.patience) {
        (bytes) throws(HTTPParseError) in try ResponseHead(parsing: bytes, to: method)
      }
      guard let head else { return nil }
      if head.status < 200 { continue }
      wire.beginBody(head.framing)
      var body: [UInt8] = []
      let list = GatherList()
      do {
        while try await wire.readBody(into: list, idle: Self.patience) {
          list.forEach { body.append(contentsOf: $0) }
          list.removeAll()
        }
      } catch {
        guard error != .timedOut else { throw error }
      }
      return HTTPAnswer(status: head.status, fields: head.fields, body: body, isWhole: wire.isBodyRead)
    }
  }

  /// Reads the head of a response and the first of its body, and leaves the rest where it is. Gives the status.
  package func begin() async throws -> Int {
    let head = try await wire.readHead(first: Self.patience, rest: Self.patience) {
      (bytes) throws(HTTPParseError) in try ResponseHead(parsing: bytes, to: .post)
    }
    guard let head else { throw TestFailure("no answer") }
    wire.beginBody(head.framing)
    return head.status
  }

  /// Reads on where `begin` has left off until there are so many bytes more, or the body has ended, and gives them.
  package func body(atLeast count: Int) async throws -> [UInt8] {
    var body: [UInt8] = []
    let list = GatherList()
    while body.count < count, try await wire.readBody(into: list, idle: Self.patience) {
      list.forEach { body.append(contentsOf: $0) }
      list.removeAll()
    }
    return body
  }

  /// Whether the body has come to the end that its framing promised.
  package var isBodyRead: Bool { wire.isBodyRead }

  /// Reads what `begin` has left, and gives how many bytes that was, the last of them, and whether it was all.
  package func rest() async throws -> (count: Int, tail: [UInt8], isWhole: Bool) {
    let list = GatherList()
    var count = 0
    var tail: [UInt8] = []
    do {
      while try await wire.readBody(into: list, idle: Self.patience) {
        count += list.byteCount
        list.forEach { tail = Array((tail + $0.suffix(64)).suffix(64)) }
        list.removeAll()
      }
    } catch {
      guard error != .timedOut else { throw error }
    }
    return (count, tail, wire.isBodyRead)
  }

  /// Waits until the other side has closed. What still comes is dropped.
  package func waitForEnd() async {
    while (try? await wire.input.fill(idle: Self.patience)) == true { wire.input.consume(wire.input.bytes.count) }
  }
}

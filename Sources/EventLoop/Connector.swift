import CLinux
import Glibc

/// Why no connection came about.
package enum ConnectError: Error, Hashable, CustomStringConvertible {
  case failed(SystemError, address: SocketAddress)
  case timedOut
  case noAddress

  package var description: String {
    switch self {
    case .failed(let error, let address): "\(address): \(error)"
    case .timedOut: "connect timed out"
    case .noAddress: "no address to connect to"
    }
  }
}

/// One race for a connection to a host of several addresses ("happy eyeballs", RFC 8305): the next address is tried when
/// the one before has failed or has been silent for a quarter of a second; the first to connect wins.
///
/// Confined to its loop.
package final class Connector {
  private static let attemptDelay = Duration.milliseconds(250)

  private let loop: Loop
  private var waiting: [SocketAddress]
  private var attempts: [(channel: Channel, address: SocketAddress)] = []
  private var firstFailure: ConnectError?
  private var outcome: Result<Channel, ConnectError>?
  private var continuation: UnsafeContinuation<Void, Never>?
  private lazy var nextAttempt = Deadline(on: loop) { [unowned self] in startNext() }
  private lazy var deadline = Deadline(on: loop) { [unowned self] in finish(.failure(.timedOut)) }

  private init(_ addresses: [SocketAddress], on loop: Loop) {
    self.loop = loop
    // Families in turn, beginning with the resolver's first choice.
    let first = addresses.filter { $0.family == addresses.first?.family }
    let second = addresses.filter { $0.family != addresses.first?.family }
    waiting = []
    for index in 0..<max(first.count, second.count) {
      if index < first.count { waiting.append(first[index]) }
      if index < second.count { waiting.append(second[index]) }
    }
  }

  /// Connects to the first of `addresses` that answers, within `timeout` in all. Call on `loop`; the channel lives there.
  package static func connect(to addresses: [SocketAddress], on loop: Loop, timeout: Duration)
    async throws(ConnectError)
    -> Channel
  {
    guard !addresses.isEmpty else { throw .noAddress }
    let connector = Connector(addresses, on: loop)
    connector.deadline.set(after: timeout)
    connector.startNext()
    // Looked at inside, since getting there may suspend.
    await withUnsafeContinuation { waiter in
      if connector.outcome == nil { connector.continuation = waiter } else { waiter.resume() }
    }
    connector.nextAttempt.clear()
    connector.deadline.clear()
    return try (connector.outcome ?? .failure(.timedOut)).get()
  }

  private func startNext() {
    while outcome == nil, !waiting.isEmpty {
      let address = waiting.removeFirst()
      do throws(SystemError) {
        try start(address)
        nextAttempt.set(after: Self.attemptDelay)
        return
      } catch {
        failed(error, address)
      }
    }
    if attempts.isEmpty, outcome == nil { finish(.failure(firstFailure ?? .noAddress)) }
  }

  private func start(_ address: SocketAddress) throws(SystemError) {
    let descriptor = try Socket.stream(for: address)
    let number = descriptor.rawValue
    let status = address.withSockaddr { Glibc.connect(number, $0, $1) }
    let code = errno
    guard status == 0 || code == EINPROGRESS || code == EINTR else { throw SystemError("connect", code) }
    let channel = try Channel(descriptor, on: loop)
    if status == 0 { return finish(.success(channel)) }
    channel.onConnected = { [unowned self, unowned channel] in settled(channel, address) }
    attempts.append((channel, address))
  }

  /// One attempt has an answer, good or bad.
  private func settled(_ channel: Channel, _ address: SocketAddress) {
    guard outcome == nil else { return }
    attempts.removeAll { $0.channel === channel }
    channel.onConnected = nil
    if let error = channel.takeError() {
      channel.close()
      failed(error, address)
      nextAttempt.clear()
      startNext()
    } else {
      finish(.success(channel))
    }
  }

  private func failed(_ error: SystemError, _ address: SocketAddress) {
    if firstFailure == nil { firstFailure = .failed(error, address: address) }
  }

  private func finish(_ result: Result<Channel, ConnectError>) {
    guard outcome == nil else { return }
    outcome = result
    for attempt in attempts {
      attempt.channel.onConnected = nil
      attempt.channel.close()
    }
    attempts.removeAll()
    let resumed = continuation
    continuation = nil
    resumed?.resume()
  }
}

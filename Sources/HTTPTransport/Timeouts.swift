/// How long to wait for what. Bodies know idle times only, reset by every byte: a transfer of gigabytes may take hours.
package struct Timeouts: Sendable {
  /// For a whole request head, from its first byte.
  package var head = Duration.seconds(10)
  /// Between two bytes of a body, either way.
  package var idle = Duration.seconds(60)
  /// For the next request on a connection.
  package var keepAlive = Duration.seconds(75)
  package var connect = Duration.seconds(5)
  package var tlsHandshake = Duration.seconds(10)
  /// How long a client may go on sending what nobody reads any more, after its response has ended.
  package var linger = Duration.seconds(5)
  /// How long an unused upstream connection is kept; below the 60 s after which many servers close theirs.
  package var poolIdle = Duration.seconds(50)

  package init() {}
}

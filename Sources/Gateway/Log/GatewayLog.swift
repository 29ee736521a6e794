package import Logging

/// The log of a gateway: a logger for what happens now and then, and lines for what happens at every request, in one form to
/// one sink, at one level that can be changed at any time.
package final class GatewayLog: Sendable {
  /// For swift-log's callers.
  package let logger: Logger
  let format: LogFormat
  /// Nil when nothing is logged.
  let sink: LogSink?
  private let threshold: LogThreshold

  /// - Parameter threshold: shared with whoever changes the level.
  package init(_ sink: LogSink, format: LogFormat, threshold: LogThreshold) {
    logger = Logger(label: "artifacts-gateway") { _ in
      GatewayLogHandler(sink, format: format, threshold: threshold)
    }
    self.format = format
    self.sink = sink
    self.threshold = threshold
  }

  private init() {
    logger = Logger(label: "artifacts-gateway") { _ in SwiftLogNoOpLogHandler() }
    format = .json
    sink = nil
    threshold = LogThreshold(.critical)
  }

  /// Says nothing.
  package static let silent = GatewayLog()

  /// How much is logged, by the logger as well. Whoever sets it changes it for all.
  package var level: Logger.Level {
    get { threshold.level }
    set { threshold.level = newValue }
  }

  /// Lines that found no room since the start.
  package var droppedCount: Int { sink?.droppedCount ?? 0 }
}

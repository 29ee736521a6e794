import EventLoop
import GitProtocol
package import Logging

/// The form of log lines.
package enum LogFormat: String, Sendable, CaseIterable {
  case text, json
}

/// Writes swift-log's events to a sink, one line each, in text or JSON. What comes from outside is escaped.
package struct GatewayLogHandler: LogHandler {
  private let sink: LogSink
  private let format: LogFormat
  private var threshold: LogThreshold
  package var logLevel: Logger.Level {
    get { threshold.level }
    // One logger's own: the others keep theirs.
    set { threshold = LogThreshold(newValue) }
  }
  package var metadata: Logger.Metadata = [:]

  package init(_ sink: LogSink, format: LogFormat, level: Logger.Level) {
    self.init(sink, format: format, threshold: LogThreshold(level))
  }

  /// - Parameter threshold: shared with whoever changes the level.
  package init(_ sink: LogSink, format: LogFormat, threshold: LogThreshold) {
    self.sink = sink
    self.format = format
    self.threshold = threshold
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    let merged = metadata.merging(event.metadata ?? [:]) { $1 }
    let pairs = merged.sorted { $0.key < $1.key }
    switch format {
    case .json: sink.write(json(event, pairs))
    case .text: sink.write(text(event, pairs))
    }
  }

  private func json(_ event: LogEvent, _ pairs: [(key: String, value: Logger.MetadataValue)]) -> String {
    var line = "{\"level\":\"\(event.level)\",\"message\":"
    Self.quote("\(event.message)", into: &line)
    for (key, value) in pairs {
      line += ","
      Self.quote(key, into: &line)
      line += ":"
      if case .stringConvertible(let number as Int) = value {
        line += "\(number)"
      } else {
        Self.quote("\(value)", into: &line)
      }
    }
    return line + ",\"time\":\"\(Self.timestamp())\"}\n"
  }

  private func text(_ event: LogEvent, _ pairs: [(key: String, value: Logger.MetadataValue)]) -> String {
    var line = "\(Self.timestamp()) \(event.level) \(GitError.sanitised("\(event.message)"))"
    for (key, value) in pairs {
      let value = "\(value)"
      line += " \(key)="
      let isPlain = value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") }
      if isPlain && !value.isEmpty { line += value } else { Self.quote(value, into: &line) }
    }
    return line + "\n"
  }

  /// A JSON string (RFC 8259 section 7).
  static func quote(_ text: String, into line: inout String) {
    line += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": line += "\\\""
      case "\\": line += "\\\\"
      case "\n": line += "\\n"
      default:
        if scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) {
          let digits = String(scalar.value, radix: 16)
          line += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          line.unicodeScalars.append(scalar)
        }
      }
    }
    line += "\""
  }

  private static func timestamp() -> String {
    Timestamp.withText(WallClock.now) { String(decoding: $0, as: UTF8.self) }
  }
}

import Gateway
import Glibc
import Logging

extension LogOptions {
  /// Makes the logger of the process. Logs go to stderr.
  func makeLogger(_ sink: LogSink) throws(StartFailure) -> Logger {
    let name = Settings.text(logFormat, "LOG_FORMAT") ?? "auto"
    let format: LogFormat
    if name == "auto" {
      format = isatty(2) == 1 ? .text : .json
    } else {
      guard let chosen = LogFormat(rawValue: name) else {
        throw StartFailure(GatewayExit.configuration, "LOG_FORMAT: \"\(name)\" is not one of auto, text, json")
      }
      format = chosen
    }
    let levelName = Settings.text(logLevel, "LOG_LEVEL") ?? "info"
    guard let level = Logger.Level(rawValue: levelName) else {
      let names = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
      throw StartFailure(GatewayExit.configuration, "LOG_LEVEL: \"\(levelName)\" is not one of \(names)")
    }
    return Logger(label: "artifacts-gateway") { _ in GatewayLogHandler(sink, format: format, level: level) }
  }
}

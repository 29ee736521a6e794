import Gateway
import Glibc
import Logging

extension LogOptions {
  /// The form and level of the log.
  /// - Parameter standard: the level where nobody says otherwise.
  func resolve(_ settings: Settings, standard: Logger.Level = .info) throws(StartFailure) -> (LogFormat, Logger.Level) {
    let name = try settings.word(
      logFormat, "log_format", among: ["auto"] + LogFormat.allCases.map(\.rawValue), default: "auto")
    let levelName = try settings.word(
      logLevel, "log_level", among: Logger.Level.allCases.map(\.rawValue), default: standard.rawValue)
    let format = LogFormat(rawValue: name) ?? (isatty(2) == 1 ? .text : .json)
    return (format, Logger.Level(rawValue: levelName) ?? standard)
  }

}

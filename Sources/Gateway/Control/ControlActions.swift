/// What the control endpoints set off, given by whoever runs the gateway.
package struct ControlActions: Sendable {
  /// Begins the orderly end. Calling it again does nothing more.
  package let quit: @Sendable () async -> Void
  /// Rereads the configuration.
  package let reload: @Sendable () async -> ReloadOutcome

  package init(
    quit: @escaping @Sendable () async -> Void, reload: @escaping @Sendable () async -> ReloadOutcome
  ) {
    self.quit = quit
    self.reload = reload
  }
}

/// What came of rereading the configuration.
package enum ReloadOutcome: Sendable {
  /// It is in effect.
  /// - Parameters:
  ///   - changed: the settings that differ from before, by their names.
  ///   - needingRestart: the settings that differ from those of the start, and count from the next start on.
  case reloaded(changed: [String], needingRestart: [String])
  /// The one before goes on. One line: file, line and what is wrong.
  case failed(String)
}

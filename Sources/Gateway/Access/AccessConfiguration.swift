/// Who may do what, as the operator wrote it down; checked by whoever fills it in. Nothing in it means that nobody is asked
/// who he is, and everybody may do everything.
package struct AccessConfiguration: Hashable, Sendable {
  /// What becomes of a request that no rule allows.
  package enum Mode: String, Hashable, Sendable, CaseIterable {
    /// It is refused.
    case enforce
    /// It is served, and what would have been refused is logged.
    case report
  }

  package var mode = Mode.enforce
  /// Nil asks nobody who he is: all are anonymous.
  package var authentication: AuthenticationConfiguration?
  /// The OpenID providers whose ID tokens are taken.
  package var providers: [OIDCIssuer] = []
  package var groups: [AccessGroup] = []
  /// With none of them, and an authentication, nobody may do anything.
  package var rules: [AccessRule] = []
  /// The first that names somebody counts for him.
  package var limits: [IdentityLimit] = []
  package var pushLimits = PushLimits()

  package init() {}

  /// What no rule allows is refused; else everybody may do everything.
  package var isOn: Bool { authentication != nil || !rules.isEmpty || !groups.isEmpty }
}

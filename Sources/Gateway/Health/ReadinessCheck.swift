/// One thing that readiness is judged by.
struct ReadinessCheck: Encodable {
  let name: String
  let ok: Bool
  /// What was found, in a few words.
  let reason: String
  /// The gateway is not ready while this fails; others only tell that it serves less well.
  let required: Bool

  init(_ name: String, _ ok: Bool, _ reason: String, required: Bool = true) {
    self.name = name
    self.ok = ok
    self.reason = reason
    self.required = required
  }
}

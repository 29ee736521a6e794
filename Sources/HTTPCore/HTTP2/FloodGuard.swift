/// Counts what a peer makes this side do for nothing, and says when it is too much (RFC 9113 section 10.5).
///
/// Both counts are budgets that good conduct fills up again, not rates: there is no clock here.
struct FloodGuard {
  /// Frames that move nothing on: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty or tiny DATA. (Those of
  /// unknown types are skipped by the library and cost no more than their bytes.)
  private static let idleFrameLimit = 2_000
  /// Streams that ended before their response did, by whoever's doing.
  private static let failureLimit = 200
  /// What a SETTINGS frame weighs: it touches every stream.
  static let settingsWeight = 10
  /// A DATA frame below this has not moved anything on, unless it ends its stream.
  static let usefulBytes = 256

  private var idleFrames = 0
  private var failures = 0
  private(set) var isFlooded = false

  mutating func sawIdleFrame(weight: Int = 1) {
    idleFrames += weight
    if idleFrames > Self.idleFrameLimit { isFlooded = true }
  }

  /// A head, or a good piece of a body, either way. Outweighs some idle frames: a receiver may well send two WINDOW_UPDATE
  /// for each frame that it gets.
  mutating func sawProgress() { idleFrames = max(0, idleFrames - 4) }

  mutating func sawFailure() {
    failures += 1
    if failures > Self.failureLimit { isFlooded = true }
  }

  mutating func sawSuccess() { failures = max(0, failures - 1) }

  mutating func sawHeaderBomb() { isFlooded = true }
}

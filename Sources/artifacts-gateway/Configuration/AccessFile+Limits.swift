import Gateway

extension AccessFile {
  /// Most limits.
  private static let limitCount = 1_000

  /// `[[limit]]`: how much each may do.
  static func readLimits(_ file: AccessSection, into access: inout AccessConfiguration) throws(StartFailure) {
    let groups = Set(access.groups.map(\.name))
    for section in try file.sections("limit") {
      try section.expect(["who", "requests_per_second", "burst", "transfers", "bytes_per_day"])
      var limit = IdentityLimit(who: try readWho(section, groups: groups))
      limit.requestsPerSecond = try section.number("requests_per_second", in: 1...1_000_000)
      limit.transfers = try section.number("transfers", in: 1...1_000_000)
      limit.bytesPerDay = try section.bytes("bytes_per_day")
      if let burst = try section.number("burst", in: 1...1_000_000) {
        guard limit.requestsPerSecond != nil else { throw section.refusal("burst", "it needs requests_per_second") }
        limit.burst = burst
      } else if let rate = limit.requestsPerSecond {
        limit.burst = rate
      }
      guard limit.requestsPerSecond != nil || limit.transfers != nil || limit.bytesPerDay != nil else {
        throw section.refusal("it limits nothing: requests_per_second, transfers or bytes_per_day is missing")
      }
      access.limits.append(limit)
      guard access.limits.count <= limitCount else { throw section.refusal("more than \(limitCount) limits") }
    }
  }

  /// `[push_guard]`: what a push may bring at most.
  static func readPushGuard(_ file: AccessSection, into access: inout AccessConfiguration) throws(StartFailure) {
    guard let section = try file.section("push_guard") else { return }
    try section.expect(["max_file", "max_push"])
    access.pushLimits = PushLimits(
      file: try section.bytes("max_file") ?? 0, push: try section.bytes("max_push") ?? 0)
    guard access.pushLimits.isOn else { throw section.refusal("it limits nothing: max_file or max_push is missing") }
  }
}

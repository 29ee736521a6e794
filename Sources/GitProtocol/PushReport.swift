/// The answer of a push of which nothing was done, in the form in which git prints a reason beside each ref:
/// ` ! [remote rejected] main -> main (reason)`.
///
/// Source: gitprotocol-pack, report status.
package enum PushReport {
  /// - Parameters:
  ///   - refusals: the refs as the commands name them, and why each was not updated; made safe as `GitError` does.
  ///   - inSideband: whether the client reads the answer as sideband.
  package static func refusing(_ refusals: [(ref: String, reason: String)], inSideband: Bool) -> [UInt8] {
    var report: [UInt8] = []
    PktLine.append(line: "unpack ok", to: &report)
    for refusal in refusals {
      let reason = GitError.sanitised(refusal.reason)
      // No longer than the command that it answers, but for the reason.
      PktLine.append(line: "ng \(refusal.ref.prefix(PktLine.maxPayloadBytes / 8)) \(reason)", to: &report)
    }
    report += PktLine.flush
    guard inSideband else { return report }
    var output: [UInt8] = []
    Sideband.data.append(report, to: &output)
    return output + PktLine.flush
  }
}

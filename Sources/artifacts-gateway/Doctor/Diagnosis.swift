import ArgumentParser
import FoundationEssentials
import GitProtocol

/// What `doctor` has found, check by check.
struct Diagnosis: Sendable {
  enum Status: String, Sendable, Encodable {
    case ok, warn, fail
    /// There was nothing to check, or an earlier check failed that this one stands on.
    case skip
  }

  struct Check: Sendable, Encodable {
    let name: String
    let status: Status
    /// One line: what was found.
    let detail: String
    /// One line: what to do about it.
    let next: String?
  }

  private(set) var checks: [Check] = []
  /// That of the first failure, which is what to mend first.
  private(set) var exitCode = ExitCode.success

  mutating func ok(_ name: String, _ detail: String) { add(name, .ok, detail) }
  mutating func skip(_ name: String, _ detail: String) { add(name, .skip, detail) }
  mutating func warn(_ name: String, _ detail: String, next: String) { add(name, .warn, detail, next) }

  mutating func fail(_ name: String, _ detail: String, next: String, _ code: ExitCode) {
    add(name, .fail, detail, next)
    if exitCode == .success { exitCode = code }
  }

  private mutating func add(_ name: String, _ status: Status, _ detail: String, _ next: String? = nil) {
    checks.append(Check(name: name, status: status, detail: GitError.sanitised(detail), next: next))
  }

  /// For people: a line for each check, and one for each next step.
  var text: String {
    checks.map { check in
      let word = check.status.rawValue
      let line = word + String(repeating: " ", count: 6 - word.count) + "\(check.name): \(check.detail)"
      return check.next.map { "\(line)\n      next: \($0)" } ?? line
    }.joined(separator: "\n")
  }

  /// One JSON object: `{"exit_code":0,"checks":[{"name","status","detail","next"}]}`.
  var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let document = Document(exit_code: exitCode.rawValue, checks: checks)
    return (try? encoder.encode(document)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }

  private struct Document: Encodable {
    let exit_code: Int32
    let checks: [Check]
  }
}

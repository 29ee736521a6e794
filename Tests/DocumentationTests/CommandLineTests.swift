import Subprocess
import SystemPackage
import Testing

@Suite struct CommandLineTests {
  @Test(arguments: ["serve", "emulator", "ready", "git-config"])
  func `the table of flags is that of the help text`(command: String) async throws {
    let rows = try rows(under: "### `\(command)`")
    let documented = Set(rows.compactMap { $0.first.map(unquoted) })
    #expect(documented.count == rows.count, "a flag has two rows")
    #expect(try await flags(of: command) == documented)
  }

  @Test func `run and doctor have the flags of serve`() async throws {
    let common = try await flags(of: "serve")
    #expect(try await flags(of: "run") == common)
    #expect(try await flags(of: "doctor") == common.union(["--json", "--url"]))
  }

  @Test(arguments: ["serve", "emulator", "ready"])
  func `every flag has the environment twin that its name gives`(command: String) throws {
    for row in try rows(under: "### `\(command)`") {
      try #require(row.count == 4, "\(row)")
      let name = unquoted(row[0]).dropFirst(2).uppercased().replacing("-", with: "_")
      #expect(unquoted(row[1]) == "ARTIFACTS_GATEWAY_\(name)")
    }
  }

  @Test func `no file names a flag of the program that does not exist`() async throws {
    var known: Set<String> = ["--help", "--generate-completion-script"]
    for command in ["serve", "emulator", "check", "version", "ready", "git-config", "doctor", "explain"] {
      known.formUnion(try await flags(of: command))
    }
    for file in ["README.md", "SECURITY.md", "CHANGELOG.md"] {
      let text = try Project.text(of: file)
      // In running text, a flag is the program's when it stands alone in its code span.
      for match in text.matches(of: /`(--[a-z][a-z-]*)[^`]*`/) {
        #expect(known.contains(String(match.1)), "\(file)")
      }
    }
    // In commands, it is the program's when it follows its name.
    for file in ["README.md", "deploy/systemd/artifacts-gateway.service", "Tests/Demo/run.sh", "Makefile"] {
      let text = try Project.text(of: file).replacing("\\\n", with: " ")
      for line in text.split(separator: "\n") where !line.hasPrefix("#") {
        guard
          let name = line.firstRange(
            of:
              /(artifacts-gateway|"\$gateway"|\$\(GATEWAY\)) (serve|emulator|check|version|run|ready|git-config|doctor|explain)/
          )
        else { continue }
        for match in line[name.upperBound...].matches(of: /(?:^|\s)(--[a-z][a-z-]*)/) {
          #expect(known.contains(String(match.1)), "\(file): \(line)")
        }
      }
    }
  }

  @Test func `the table of exit codes is that of the help text`() async throws {
    let help = try await help("serve").split(whereSeparator: \.isWhitespace).joined(separator: " ")
    let list = try #require(help.firstMatch(of: /Exit codes: ([^.]*)\./)).1
    // "74 I/O (port busy), 77 credentials": code, then meaning.
    let promised = list.split(separator: ", ").map(String.init)
    let documented = try rows(under: "### Exit codes").map { row in
      "\(row[0]) \(row[1].prefix { $0 != ";" })"
    }
    #expect(promised == documented)
  }

  @Test(
    arguments: [
      (64, ["serve", "--no-such-flag"]), (65, ["serve", "--listen", "nowhere"]),
      (65, ["serve", "--local", "--listen", "0.0.0.0:0"]), (77, ["serve"]),
      (74, ["serve", "--local", "--data-dir", "/dev/null/data", "--listen", "127.0.0.1:0"]), (0, ["version"]),
    ] as [(CInt, [String])])
  func `the program ends with the documented code`(code: CInt, arguments: [String]) async throws {
    let result = try await withTemporaryFolder {
      try await runIsolated(.path(FilePath(Project.program)), arguments, in: $0)
    }
    #expect(result.status == .exited(code), "\(result.text)")
    #expect(try rows(under: "### Exit codes").contains { $0.first == "\(code)" })
  }

  @Test(
    arguments: [
      ("artifacts-gateway re", "ready"), ("artifacts-gateway git", "git-config"),
      ("artifacts-gateway serve --exit", "--exit-on-idle"), ("artifacts-gateway git-config --u", "--undo --url"),
    ])
  func `bash completes commands and flags`(typed: String, offered: String) async throws {
    let script = """
      eval "$(artifacts-gateway --generate-completion-script bash)"
      COMP_LINE=$0 COMP_POINT=${#0} COMP_TYPE=9 COMP_KEY=9
      read -ra COMP_WORDS <<< "$0"
      COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
      _artifacts-gateway artifacts-gateway "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
      printf '%s\n' "${COMPREPLY[@]}" | sort | paste -s -d ' '
      """
    let result = try await withTemporaryFolder { try await runIsolated(.name("bash"), ["-c", script, typed], in: $0) }
    #expect(result.text.split(separator: "\n").last.map(String.init) == offered, "\(result.text)")
  }

  // MARK: Reading

  private func help(_ command: String) async throws -> String {
    let result = try await withTemporaryFolder {
      try await runIsolated(.path(FilePath(Project.program)), [command, "--help"], in: $0)
    }
    try #require(result.status.isSuccess)
    return result.text
  }

  private func flags(of command: String) async throws -> Set<String> {
    let names = try await help(command).matches(of: /(?m)^  (?:-[a-z], )?(--[a-z][a-z-]*)/).map { String($0.1) }
    return Set(names).subtracting(["--help"])
  }

  /// The cells of the table that follows a heading, less its head.
  private func rows(under heading: String) throws -> [[String]] {
    let lines = try Project.text(of: "README.md").split(separator: "\n")
    let start = try #require(lines.firstIndex(of: Substring(heading)))
    let table = lines[(start + 1)...].drop { !$0.hasPrefix("|") }.prefix { $0.hasPrefix("|") }
    return table.dropFirst(2).map { line in
      line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false).map(trimmed)
    }
  }

  private func trimmed(_ text: Substring) -> String {
    String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }

  private func unquoted(_ text: String) -> String { text.filter { $0 != "`" } }
}

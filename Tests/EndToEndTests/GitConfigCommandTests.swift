import GatewayTestSupport
import Glibc
import Testing

/// `git-config`, with the real program and the real git, on files of its own.
@Suite(.enabled(if: Git.isThere && RunningBinary.isThere), .timeLimit(.minutes(5))) struct GitConfigCommandTests {
  private static let account = ["CLOUDFLARE_ACCOUNT_ID": "0123"]
  private static let remote = "https://0123.artifacts.cloudflare.net/git/team/demo.git"

  private func gitConfig(_ arguments: [String], in folder: String, _ variables: [String: String] = [:]) async throws
    -> (code: Int, text: String)
  {
    try await RunningBinary.run(["git-config"] + arguments, in: folder, Self.account.merging(variables) { $1 })
  }

  /// What git makes of a remote with a file as the user's configuration.
  private func url(_ file: String, in folder: String) async throws -> String {
    var git = Git(in: folder)
    git.variables["GIT_CONFIG_GLOBAL"] = file
    return try await git("ls-remote", "--get-url", Self.remote).split(separator: "\n").joined()
  }

  @Test func `what is printed is a configuration that leads to the gateway`() async throws {
    try await withTemporaryFolder { folder in
      let outcome = try await gitConfig(["--url", "http://127.0.0.1:7081"], in: folder)
      #expect(outcome.code == 0, "\(outcome.text)")
      try write(outcome.text, to: folder + "/config")
      #expect(try await url(folder + "/config", in: folder) == "http://127.0.0.1:7081/git/team/demo.git")
      #expect(access(folder + "/.gitconfig", F_OK) != 0)
    }
  }

  @Test(arguments: [
    nil, "", "[user]\n\tname = Somebody\n", "[user]\n\tname = Somebody", "\n\n# only a comment\r\n",
    "[a]\n\tb = \"\u{e9}\\\n more\"\n\n\n",
  ])
  func `undo gives the file back byte for byte`(content: String?) async throws {
    try await withTemporaryFolder { folder in
      let file = folder + "/.gitconfig"
      if let content {
        try write(content, to: file)
        chmod(file, 0o640)
      }
      let applied = try await gitConfig(["--apply"], in: folder)
      #expect(applied.code == 0 && applied.text.contains("applied to \(file)"), "\(applied.text)")
      #expect(try await url(file, in: folder) == "http://127.0.0.1:7080/git/team/demo.git")
      let once = try contents(of: file)
      #expect(try await gitConfig(["--apply"], in: folder).text.contains("already in"))
      #expect(try contents(of: file) == once)
      // Another address replaces the first.
      #expect(try await gitConfig(["--apply", "--url", "http://127.0.0.1:7081"], in: folder).code == 0)
      #expect(try await url(file, in: folder) == "http://127.0.0.1:7081/git/team/demo.git")
      #expect(try await gitConfig(["--undo"], in: folder, ["CLOUDFLARE_ACCOUNT_ID": ""]).code == 0)
      if let content {
        #expect(try contents(of: file) == content)
        var status = stat()
        stat(file, &status)
        #expect(status.st_mode & 0o777 == 0o640)
      } else {
        #expect(access(file, F_OK) != 0)
      }
      let again = try await gitConfig(["--undo"], in: folder)
      #expect(again.code == 0 && again.text.contains("nothing to undo"), "\(again.text)")
      #expect(access(file + ".lock", F_OK) != 0)
    }
  }

  @Test func `what others change in the file meanwhile stays`() async throws {
    try await withTemporaryFolder { folder in
      let file = folder + "/config"
      try write("[user]\n\tname = Somebody", to: file)
      #expect(try await gitConfig(["--apply", "--file", file], in: folder).code == 0)
      let git = Git(in: folder)
      try await git("config", "--file", file, "user.name", "Other")
      try await git("config", "--file", file, "core.editor", "true")
      #expect(try await gitConfig(["--undo", "--file", file], in: folder).code == 0)
      #expect(try contents(of: file) == "[user]\n\tname = Other\n[core]\n\teditor = true\n")
    }
  }

  @Test(arguments: [
    ("insteadOf = ", "insteadof = ", "were edited since"), ("# end", "# END", "not there once each"),
    ("# begin", "# begun", "not there once each"), ("nothing else was changed", "something was", "were edited since"),
  ])
  func `a section that was edited is left alone, and told`(old: String, new: String, says: String) async throws {
    try await withTemporaryFolder { folder in
      let file = folder + "/config"
      try write("[user]\n\tname = Somebody\n", to: file)
      #expect(try await gitConfig(["--apply", "--file", file], in: folder).code == 0)
      let edited = try contents(of: file).replacing(old, with: new)
      try write(edited, to: file)
      for action in ["--undo", "--apply"] {
        let outcome = try await gitConfig([action, "--file", file], in: folder)
        #expect(outcome.code == 65 && outcome.text.contains(says), "\(outcome.text)")
        #expect(outcome.text.contains("by hand"))
        #expect(try contents(of: file) == edited)
      }
    }
  }

  @Test func `a link to the file stays a link, and a lock of git is respected`() async throws {
    try await withTemporaryFolder { folder in
      try write("[user]\n", to: folder + "/dotfile")
      symlink(folder + "/dotfile", folder + "/.gitconfig")
      #expect(try await gitConfig(["--apply"], in: folder).code == 0)
      #expect(try contents(of: folder + "/dotfile").contains("insteadOf"))
      try write("", to: folder + "/dotfile.lock")
      let outcome = try await gitConfig(["--undo"], in: folder)
      #expect(outcome.code == 74 && outcome.text.contains("dotfile.lock is there"), "\(outcome.text)")
      unlink(folder + "/dotfile.lock")
      #expect(try await gitConfig(["--undo", "--global"], in: folder).code == 0)
      #expect(try contents(of: folder + "/dotfile") == "[user]\n")
      var status = stat()
      lstat(folder + "/.gitconfig", &status)
      #expect(status.st_mode & S_IFMT == S_IFLNK)
    }
  }

  @Test func `the file of a repo is that of the repo, also from a linked work tree`() async throws {
    try await withTemporaryFolder { folder in
      let git = Git(in: folder)
      try await git.workTree("work")
      try await git("-C", "work", "worktree", "add", "-q", "../linked", "-b", "linked")
      let before = try contents(of: folder + "/work/.git/config")
      #expect(try await gitConfig(["--apply", "--local"], in: folder + "/linked").code == 0)
      #expect(try contents(of: folder + "/work/.git/config").contains("insteadOf"))
      #expect(try await gitConfig(["--undo", "--local"], in: folder + "/work").code == 0)
      #expect(try contents(of: folder + "/work/.git/config") == before)
      #expect(try await gitConfig(["--apply", "--local"], in: folder).code == 65)
    }
  }

  @Test func `what cannot be done is said, with the code for it`() async throws {
    try await withTemporaryFolder { folder in
      for (arguments, code, says) in [
        (["--apply", "--undo"], 64, "--undo"), (["--local", "--file", "x"], 64, "--file"),
        (["--url", "unix:/x"], 65, "Unix sockets"), (["--apply", "--file", "none/config"], 74, "none/config"),
      ] {
        let outcome = try await gitConfig(arguments, in: folder)
        #expect(outcome.code == code && outcome.text.contains(says), "\(outcome.text)")
      }
      let nobody = try await gitConfig([], in: folder, ["CLOUDFLARE_ACCOUNT_ID": ""])
      #expect(nobody.code == 77 && nobody.text.contains("--account-id"), "\(nobody.text)")
    }
  }
}

import GitProtocol
import Subprocess
import SystemPackage

/// How the system's git is run: with a clean environment and the service's behaviour given on the command line, so that
/// nothing of the machine's or the user's configuration shows.
struct GitCommand {
  let arguments: [String]
  /// The value of `GIT_PROTOCOL`, checked by whoever gives it.
  var protocolText: String?
  /// The one scheme that git may talk, also when it is redirected; nil for any.
  var allowedProtocol: String?

  /// The refs of a repository, as smart HTTP advertises them in protocol v0 (`git-upload-pack(1)`).
  static func advertise(_ service: Service, in directory: String) -> GitCommand {
    GitCommand(arguments: settings(service) + [name(service), "--http-backend-info-refs", directory])
  }

  /// One request and its reply.
  static func serve(_ service: Service, in directory: String, protocolText: String?) -> GitCommand {
    // A push has no protocol v2; the service takes such a field on a push and ignores it.
    GitCommand(
      arguments: settings(service) + [name(service), "--stateless-rpc", directory],
      protocolText: service == .uploadPack ? protocolText : nil)
  }

  /// A command on a bare repository, for the making of content.
  static func plumbing(_ arguments: [String], in directory: String) -> GitCommand {
    GitCommand(arguments: settings(.receivePack) + ["--git-dir", directory] + arguments)
  }

  private static func name(_ service: Service) -> String { String(service.wireName.dropFirst(4)) }

  private static func settings(_ service: Service) -> [String] {
    let pairs =
      switch service {
      case .uploadPack:
        [
          "uploadpack.allowFilter=true", "uploadpack.allowSidebandAll=true",
          // For a fetch of a bare object id, which continuous integration does.
          "uploadpack.allowAnySHA1InWant=true",
        ]
      case .receivePack:
        [
          "receive.denyNonFastForwards=false", "receive.denyDeletes=false", "receive.denyCurrentBranch=ignore",
          "receive.denyDeleteCurrent=ignore", "receive.autogc=false",
          // Pushed packs stay packs: a clone then copies their bytes, where loose objects would be compressed anew.
          "receive.unpackLimit=1",
          // A push that was answered is durable, as on the service.
          "core.fsync=committed,pack-metadata,reference", "core.fsyncMethod=batch",
        ]
      }
    return (pairs + ["gc.auto=0", "maintenance.auto=false", "core.hooksPath=/dev/null"]).flatMap { ["-c", $0] }
  }

  private static let terminationGrace = Duration.seconds(2)

  var configuration: Configuration {
    var environment: [Environment.Key: String] = [
      "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C",
      "HOME": "/nonexistent", "PATH": SearchPath.current, "GIT_AUTHOR_NAME": "Artifacts",
      "GIT_COMMITTER_NAME": "Artifacts",
      "GIT_AUTHOR_EMAIL": "artifacts@localhost", "GIT_COMMITTER_EMAIL": "artifacts@localhost",
    ]
    if let protocolText { environment["GIT_PROTOCOL"] = protocolText }
    if let allowedProtocol { environment["GIT_ALLOW_PROTOCOL"] = allowedProtocol }
    var options = PlatformOptions()
    // A session of its own: git's helpers die with it, and Ctrl-C at the terminal does not cut what is being drained.
    options.createSession = true
    options.teardownSequence = [
      .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: Self.terminationGrace)
    ]
    return Configuration(
      executable: .name("git"), arguments: Arguments(arguments), environment: .custom(environment),
      workingDirectory: "/", platformOptions: options)
  }
}

package import ArtifactsAPI
import FoundationEssentials
package import Gateway
import Glibc

extension AccessConfiguration {
  /// Knows people by their tokens, whose hashes stand in a file in `folder`. It has no rules.
  package static func knowing(_ people: [(name: String, secret: Secret)], in folder: String) throws
    -> AccessConfiguration
  {
    let lines = people.map {
      TokenTable.Entry(name: $0.name, hash: Fingerprint(of: $0.secret.exposed), expiry: nil).line
    }
    let path = folder + "/tokens"
    try write(lines.joined(separator: "\n") + "\n", to: path)
    var access = AccessConfiguration()
    var authentication = AuthenticationConfiguration()
    authentication.tokenFile = path
    access.authentication = authentication
    return access
  }

  /// Lets somebody do something with some repos.
  package mutating func allow(_ who: String, _ rights: Set<Right>, _ repos: String...) {
    rules.append(AccessRule(name: "\(who) \(rules.count)", who: [who], repos: repos, allow: rights))
  }
}

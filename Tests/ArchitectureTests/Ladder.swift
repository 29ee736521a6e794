import Testing

/// The modules of design.md section 4, each with what it may import. The compiler does not hold targets to their rows.
struct Rung: Sendable, CustomTestStringConvertible {
  let name: String
  /// Modules of this project that stand directly below; what stands below those may be imported, too.
  var below: [String] = []
  /// System libraries and packages: for this module alone.
  var own: [String] = []
  /// Leaves get by without Foundation's essentials.
  var isLeaf = false

  var testDescription: String { name }

  static let ladder = [
    Rung(name: "EventLoop", own: ["CLinux", "DequeModule"], isLeaf: true),
    Rung(name: "TLS", below: ["EventLoop"], own: ["COpenSSL"], isLeaf: true),
    Rung(name: "HTTPCore", own: ["CNghttp2"], isLeaf: true),
    Rung(name: "HTTPTransport", below: ["EventLoop", "TLS", "HTTPCore"], isLeaf: true),
    Rung(name: "GitProtocol", own: ["CZlib"], isLeaf: true),
    Rung(name: "PackCache", below: ["GitProtocol", "EventLoop"], own: ["COpenSSL", "DequeModule"], isLeaf: true),
    Rung(name: "ArtifactsAPI", below: ["HTTPTransport"]),
    Rung(
      name: "ArtifactsEmulator", below: ["HTTPTransport", "GitProtocol"],
      own: ["Logging", "Subprocess", "SystemPackage"]),
    Rung(
      name: "Gateway", below: ["ArtifactsAPI", "HTTPTransport", "GitProtocol", "PackCache"],
      own: ["CCrypt", "CoreMetrics", "DequeModule", "Logging"]),
    Rung(
      name: "artifacts-gateway", below: ["Gateway", "ArtifactsEmulator"],
      own: ["ArgumentParser", "CVersion", "Logging", "Subprocess", "TOMLKit"]),
  ]

  /// What every module may import.
  private static let everywhere: Set = ["Swift", "Synchronization", "Dispatch", "Glibc"]

  var allowed: Set<String> {
    var allowed = Self.everywhere.union(own)
    if !isLeaf { allowed.insert("FoundationEssentials") }
    var open = below
    while let next = open.popLast() {
      guard allowed.insert(next).inserted else { continue }
      open += Self.ladder.first { $0.name == next }?.below ?? []
    }
    return allowed
  }
}

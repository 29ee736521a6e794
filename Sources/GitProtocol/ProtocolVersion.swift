/// The version of the wire protocol that a client asks for. Source: gitprotocol-pack, initiating; gitprotocol-v2.
package enum ProtocolVersion: Int, Comparable, Sendable {
  case v0, v1, v2

  /// Reads the value of a `Git-Protocol` field: keys separated by colons, such as `version=2:key`.
  ///
  /// The highest version known wins, as in git; no field, no such key or an unknown version mean v0.
  package init(fieldValue: String?) {
    var highest = Self.v0
    for key in (fieldValue ?? "").split(separator: ":") {
      let version: Self? =
        switch key {
        case "version=1": .v1
        case "version=2": .v2
        default: nil
        }
      if let version { highest = max(highest, version) }
    }
    self = highest
  }

  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

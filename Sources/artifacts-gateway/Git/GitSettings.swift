/// The settings of git that lead its requests for the service's remotes to a gateway, and keep off those requests what is
/// meant for the way past it: a proxy, a header with a token, credential helpers.
struct GitSettings {
  /// One setting. In a file: `[section "subsection"]` and `name = value`.
  struct Entry: Hashable {
    let section: String
    let subsection: String
    let name: String
    let value: String

    /// As it is named on the command line and in the environment.
    var key: String { "\(section).\(subsection).\(name)" }
  }

  let entries: [Entry]

  /// - Parameter gateway: the gateway's base URL, without a slash at its end.
  init(gateway: String, prefixes: [RemotePrefix]) {
    // An empty value takes back those of wider settings; the narrower URL wins (git-config(1), `http.<url>.*`).
    entries =
      prefixes.map { Entry(section: "url", subsection: gateway + $0.path, name: "insteadOf", value: $0.remote) }
      + [
        Entry(section: "http", subsection: gateway + "/", name: "proxy", value: ""),
        Entry(section: "http", subsection: gateway + "/", name: "extraHeader", value: ""),
        Entry(section: "credential", subsection: gateway + "/", name: "helper", value: ""),
      ]
  }

  /// The settings as part of a configuration file.
  var text: String {
    var text = ""
    var last: (section: String, subsection: String)?
    for entry in entries {
      if last ?? ("", "") != (entry.section, entry.subsection) {
        text += "[\(entry.section) \"\(Self.escaped(entry.subsection))\"]\n"
        last = (entry.section, entry.subsection)
      }
      text += "\t\(entry.name) = \(entry.value.isEmpty ? "" : "\"\(Self.escaped(entry.value))\"")\n"
    }
    return text
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      if character == "\\" || character == "\"" { result += "\\" }
      result.append(character)
    }
  }
}

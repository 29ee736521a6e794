extension APIFault {
  /// What the service says of an import, read from what git said (`LC_ALL=C`).
  init(importing url: ImportURL, gitSaid text: String) {
    if text.contains("could not read Username") || text.contains("could not read Password")
      || text.contains("Authentication failed")
    {
      self = .authenticationRequired(url, status: 401)
    } else if text.contains("returned error: 403") {
      self = .authenticationRequired(url, status: 403)
    } else if text.contains("not found") || text.contains("is this a git repository?")
      || text.contains("not a git repository") || text.contains("not allowed") || text.contains("unsupported protocol")
      || text.contains("not supported or disabled")
    {
      self = ImportURL.notGit
    } else {
      self = .unreachable
    }
  }

  /// Its words were never recorded.
  static let unreachable = APIFault(status: 502, code: 10401, message: "The import source is unavailable.")

  private static func authenticationRequired(_ url: ImportURL, status: Int) -> APIFault {
    APIFault(
      status: 422, code: 10106,
      message: "Repository \"\(url.text)\" requires authentication (HTTP \(status)). "
        + "Only public repositories can be imported.", pointer: "/url")
  }
}

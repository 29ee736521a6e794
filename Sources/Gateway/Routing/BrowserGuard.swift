import HTTPCore

/// Tells requests that a page of another site made a browser send.
enum BrowserGuard {
  /// By `Sec-Fetch-Site` where the browser says it, else by an `Origin` that is not the `Host`.
  static func isCrossSite(_ request: RequestHead) -> Bool {
    if let site = request.fields["sec-fetch-site"] { return site != "same-origin" && site != "none" }
    guard let origin = request.fields["origin"] else { return false }
    guard let host = request.fields[.host] else { return true }
    return origin.lowercased() != "http://\(host.lowercased())" && origin.lowercased() != "https://\(host.lowercased())"
  }
}

import HTTPCore

/// How long an answer with keys counts as fresh.
enum KeyLifetime {
  static let standard = 3_600.0
  /// A provider that says less would be asked at every turn; one that says more could not take a key back.
  static let bounds = 300.0...86_400.0

  /// Seconds, by `Cache-Control` (RFC 9111 section 5.2.2).
  static func seconds(_ fields: Fields) -> Double {
    let directives = (fields[.cacheControl] ?? "").lowercased().split(separator: ",").map { directive in
      String(directive.filter { $0 != " " && $0 != "\t" && $0 != "\"" })
    }
    if directives.contains("no-store") || directives.contains("no-cache") { return bounds.lowerBound }
    let ages = directives.compactMap { $0.hasPrefix("max-age=") ? Double($0.dropFirst(8)) : nil }
    guard let age = ages.first, age >= 0 else { return standard }
    return min(max(age, bounds.lowerBound), bounds.upperBound)
  }
}

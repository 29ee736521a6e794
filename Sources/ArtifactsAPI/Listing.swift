import HTTPTransport

/// One page of a list.
package struct Listing<Item: Decodable & Sendable>: Sendable {
  package let items: [Item]
  /// What to ask for the next page with; nil on the last.
  package let cursor: String?
}

/// Follows a list from page to page: on as long as there is a cursor that was not there before.
package struct CursorWalk {
  /// Pages; a list of two million repos has so many.
  private static let limit = 10_000
  private var seen: Set<String> = []

  package init() {}

  /// The cursor to go on with, or nil at the end.
  package mutating func next(after cursor: String?) -> String? {
    guard let cursor, !cursor.isEmpty, seen.count < Self.limit, seen.insert(cursor).inserted else { return nil }
    return cursor
  }
}

extension HTTPResponse {
  /// Reads one page. A cursor that is empty, or the one that was asked with, leads nowhere.
  func listing<Item>(_ type: Item.Type, after query: [(String, String)]) throws(ArtifactsError) -> Listing<Item> {
    let envelope = try envelope([Item].self)
    let asked = query.first { $0.0 == "cursor" }?.1
    let cursor = envelope.result_info?.cursor.flatMap { $0.isEmpty || $0 == asked ? nil : $0 }
    return Listing(items: envelope.result ?? [], cursor: cursor)
  }

  /// The id that deletions answer with, if they do.
  func identifier() throws(ArtifactsError) -> String? {
    struct Identified: Decodable { var id: String? }
    return body.isEmpty ? nil : try envelope(Identified.self).result?.id
  }
}

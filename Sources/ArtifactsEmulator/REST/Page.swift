import HTTPCore

/// A part of a list, and the `result_info` that goes with it.
struct Page<Item> {
  let items: [Item]
  let info: JSONValue

  /// A numbered page, as token lists have them.
  init(_ all: [Item], page: Int, perPage: Int) {
    let start = (page - 1).multipliedReportingOverflow(by: perPage)
    items = start.overflow || start.partialValue >= all.count ? [] : Array(all[start.partialValue...].prefix(perPage))
    info = Self.numbered(page: page, perPage: perPage, count: items.count, total: all.count)
  }

  /// The `perPage` items after the place that a cursor names, of a list in the order of `key`.
  init(_ all: [Item], after cursor: Cursor?, perPage: Int, order: String, key: (Item) -> Cursor.Place) {
    var start = 0
    if let cursor { start = all.firstIndex { cursor.isBefore(key($0)) } ?? all.count }
    let items = Array(all[start...].prefix(perPage))
    let isCut = start + items.count < all.count
    let next = items.last.flatMap { isCut ? Cursor(order: order, place: key($0)) : nil }
    self.init(items, next: next, perPage: perPage, total: all.count)
  }

  /// A page of a walk with cursors.
  ///
  /// While more follow, the info has a cursor. Otherwise it has the numbered form, also at the end of a walk with
  /// cursors, whose form was never recorded: the absence of a cursor is what ends the walk.
  /// - Parameters:
  ///   - next: where the walk goes on; nil on its last page.
  ///   - total: how many items all pages have.
  init(_ items: [Item], next: Cursor?, perPage: Int, total: Int) {
    self.items = items
    if let next {
      info = .members([
        "cursor": .string(next.text), "per_page": .integer(perPage), "count": .integer(items.count),
      ])
    } else {
      info = Self.numbered(page: 1, perPage: perPage, count: items.count, total: total)
    }
  }

  private static func numbered(page: Int, perPage: Int, count: Int, total: Int) -> JSONValue {
    .members([
      "page": .integer(page), "per_page": .integer(perPage),
      "total_pages": .integer(total / perPage + (total % perPage == 0 ? 0 : 1)), "count": .integer(count),
      "total_count": .integer(total),
    ])
  }
}

/// A place in a sorted list, so that a walk neither repeats nor skips what stays while other items come and go.
struct Cursor {
  /// The sort key of an item, and its creation time, which no other item has.
  struct Place: Comparable {
    let key: String
    let createdAt: Int64

    static func < (left: Place, right: Place) -> Bool {
      (left.key, left.createdAt) < (right.key, right.createdAt)
    }
  }

  /// `<sort> <direction>`: a cursor is of no use in another order.
  let order: String
  let place: Place

  init(order: String, place: Place) {
    self.order = order
    self.place = place
  }

  /// Reads what `text` wrote. Throws 10100 for anything else, or for a cursor of another order.
  init(_ text: String, order: String) throws(APIFault) {
    let invalid = APIFault.invalid("Invalid cursor", at: "cursor")
    guard let bytes = Base64.decode(text.utf8, .url), case .array(let parts)? = JSONValue(parsing: bytes),
      parts.count == 3, case .string(order) = parts[0], case .string(let key) = parts[1],
      case .integer(let created) = parts[2]
    else { throw invalid }
    self.init(order: order, place: Place(key: key, createdAt: Int64(created)))
  }

  /// Opaque to clients: base64url, without padding, so that it needs no escape in a query.
  var text: String {
    let parts = JSONValue.array([.string(order), .string(place.key), .integer(Int(place.createdAt))])
    return Base64.encode(parts.bytes, .url)
  }

  func isBefore(_ other: Place) -> Bool { order.hasSuffix(" desc") ? other < place : place < other }
}

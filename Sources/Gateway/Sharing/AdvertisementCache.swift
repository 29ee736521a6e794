import EventLoop
import GitProtocol
import HTTPCore

/// The capability advertisements of protocol v2, remembered for a moment: they name no refs, and every fetch begins by
/// asking for one. Confined to its loop.
final class AdvertisementCache {
  private struct Entry {
    let body: [UInt8]
    let until: UInt64
  }

  private static let entryLimit = 1_024
  private let lifetime: UInt64
  private var entries: [Remote: Entry] = [:]

  /// - Parameter lifetime: how long one is answered without asking; zero remembers none.
  init(lifetime: Duration) { self.lifetime = lifetime.nanoseconds }

  var isEnabled: Bool { lifetime > 0 }

  /// Whether the answer to a request may be remembered.
  static func holds(_ request: RequestHead, _ route: GitRoute) -> Bool {
    route.operation == .advertisement && route.service == .uploadPack && request.fields[.gitProtocol] == "version=2"
  }

  func find(_ remote: Remote, at now: UInt64) -> [UInt8]? {
    guard let entry = entries[remote], now < entry.until else { return nil }
    return entry.body
  }

  /// Remembers an answer, if it is an advertisement without refs.
  func keep(_ list: GatherList, of remote: Remote, at now: UInt64) {
    guard list.byteCount <= CapabilityAdvertisement.maxBytes else { return }
    var body: [UInt8] = []
    list.forEach { body.append(contentsOf: $0) }
    guard CapabilityAdvertisement(parsing: body[...]) != nil else { return }
    if entries.count >= Self.entryLimit { entries.removeAll(keepingCapacity: true) }
    entries[remote] = Entry(body: body, until: now + lifetime)
  }
}

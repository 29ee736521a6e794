import EventLoop
import HTTPTransport
import Synchronization

/// The addresses of listeners as they were configured, by the tags that requests carry.
final class ListenerAddresses: Sendable {
  private let addresses = Mutex<[SocketAddress]>([])

  /// Adds a listener. Returns its tag.
  func add(_ listener: ListenerConfiguration) -> Int {
    addresses.withLock { addresses in
      addresses.append(listener.address)
      return ListenerConfiguration.tag(addresses.count - 1, isAdmin: listener.isAdmin)
    }
  }

  subscript(tag: Int) -> SocketAddress? {
    addresses.withLock { addresses in
      let number = ListenerConfiguration.number(ofTag: tag)
      return addresses.indices.contains(number) ? addresses[number] : nil
    }
  }
}

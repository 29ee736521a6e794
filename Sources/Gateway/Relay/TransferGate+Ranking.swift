import GitProtocol
import Glibc
import HTTPCore

extension TransferGate.Rank {
  /// By the beginning of a request's body, as it came over the wire.
  ///
  /// git compresses what is longer than 1 KiB, which a fetch becomes by naming what its side has. A wrong guess changes the
  /// order of service and nothing else.
  init(_ service: Service, _ request: HTTPCore.RequestHead, beginning: UnsafeRawBufferPointer) {
    guard service == .uploadPack, request.fields[.contentEncoding] == nil else {
      self = .incremental
      return
    }
    let start = UnsafeRawBufferPointer(rebasing: beginning.prefix(Self.lookedAt))
    self = start.holds("command=ls-refs") ? .refs : start.holds("have ") ? .incremental : .full
  }

  /// Bytes.
  private static let lookedAt = 4_096
}

extension UnsafeRawBufferPointer {
  fileprivate func holds(_ text: StaticString) -> Bool {
    guard let base = baseAddress, count >= text.utf8CodeUnitCount else { return false }
    return (0...(count - text.utf8CodeUnitCount)).contains {
      memcmp(base + $0, text.utf8Start, text.utf8CodeUnitCount) == 0
    }
  }
}

package import EventLoop
import Synchronization
package import TLS

/// A connected byte stream, in the clear or under TLS, with one set of calls. Confined to its loop.
package final class Transport {
  private enum Layer {
    case plain(Channel)
    case secure(TLSChannel)
  }

  private let layer: Layer
  package let channel: Channel
  /// Tells this connection from all others of the process.
  let number = Transport.lastNumber.add(1, ordering: .relaxed).newValue
  private static let lastNumber = Atomic<UInt64>(0)

  /// What the server's handler keeps with the connection; nobody else looks. Gone with the connection.
  var attachment: AnyObject?

  package init(_ channel: Channel) {
    layer = .plain(channel)
    self.channel = channel
  }

  /// The handshake must be done.
  package init(_ tls: TLSChannel) {
    layer = .secure(tls)
    channel = tls.channel
  }

  package var loop: Loop { channel.loop }
  package var isOpen: Bool { channel.isOpen }

  /// Whether the TLS handshake chose HTTP/2 (ALPN `h2`, RFC 9113 section 3.2).
  var hasChosenHTTP2: Bool {
    if case .secure(let tls) = layer { return tls.negotiatedProtocol == "h2" }
    return false
  }

  /// The name in the peer's verified certificate.
  var peerCertificateName: CertificateName {
    if case .secure(let tls) = layer { return tls.peerCertificateName }
    return .none
  }

  /// Reads what is there, up to the size of `buffer`. Never blocks.
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError) -> IOResult {
    switch layer {
    case .plain(let channel):
      do { return try channel.read(into: buffer) } catch { throw TransportError(error) }
    case .secure(let tls):
      do { return try tls.read(into: buffer) } catch { throw TransportError(error) }
    }
  }

  /// Writes as much of `list` as fits and takes it off. Never blocks.
  package func write(gathering list: GatherList) throws(TransportError) -> IOResult {
    switch layer {
    case .plain(let channel):
      do { return try channel.write(gathering: list) } catch { throw TransportError(error) }
    case .secure(let tls):
      do { return try tls.write(gathering: list) } catch { throw TransportError(error) }
    }
  }

  /// What is written goes to the socket as it is.
  var isPlain: Bool {
    if case .plain = layer { return true }
    return false
  }

  /// Sends part of a file. Only in the clear. Never blocks, but for the disk.
  func sendFile(_ file: borrowing OwnedDescriptor, from offset: Int, count: Int) throws(TransportError) -> IOResult {
    do { return try channel.sendFile(file, from: offset, count: count) } catch { throw TransportError(error) }
  }

  package func waitUntilReadable(for idle: Duration) async throws(TransportError) {
    switch layer {
    case .plain(let channel):
      do { try await channel.waitUntilReadable(for: idle) } catch { throw TransportError(error) }
    case .secure(let tls):
      do { try await tls.waitUntilReadable(for: idle) } catch { throw TransportError(error) }
    }
  }

  package func waitUntilWritable(for idle: Duration) async throws(TransportError) {
    switch layer {
    case .plain(let channel):
      do { try await channel.waitUntilWritable(for: idle) } catch { throw TransportError(error) }
    case .secure(let tls):
      do { try await tls.waitUntilWritable(for: idle) } catch { throw TransportError(error) }
    }
  }

  /// Tells the peer that nothing more comes.
  package func closeWriting() {
    if case .secure(let tls) = layer { tls.closeWriting() }
    channel.closeWriting()
  }

  /// Closes at once. Calling it again does nothing.
  package func close() {
    switch layer {
    case .plain(let channel): channel.close()
    case .secure(let tls): tls.close()
    }
  }

  /// Closes so that the peer cannot take what it has for a whole message.
  package func abort() {
    channel.resetOnClose()
    channel.close()
    close()
  }
}

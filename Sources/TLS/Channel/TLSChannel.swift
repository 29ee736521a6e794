import COpenSSL
package import EventLoop

/// A TLS connection over a `Channel`: calls that never block, and waits for when they would, as on the channel itself.
///
/// Call `handshake` first. At most one task may read and one may write at a time. After a failure in one direction every
/// further call in it throws the same error. Confined to the channel's loop; not `Sendable`.
package final class TLSChannel {
  package let channel: Channel
  /// Nil after `close`.
  private(set) var ssl: OpaquePointer?
  /// The `SSL_CTX` and what its callbacks point to. Must outlive `ssl`.
  private let context: ContextHandle
  /// What it has in common with other connections of its client; nil for a server's.
  let client: TLSClientContext?
  private let sessionKey: String
  /// How errors call the other side.
  let peer: String
  var isEstablished = false

  /// What OpenSSL waits for before a read can get on. Nil when a read might get on at once.
  var readNeeds: Direction?
  /// What OpenSSL waits for before a write can get on.
  var writeNeeds: Direction?
  /// The peer has said that it sends no more.
  var sawCloseNotify = false
  var closeNotify = CloseNotify.unsent
  /// The end of reading, for good.
  var readFailure: TLSError?
  /// The end of writing, for good.
  var writeFailure: TLSError?
  lazy var waits = DirectionWaits(channel)

  /// What the channel threw inside OpenSSL, which cannot carry it.
  private(set) var socketFailure: ChannelError?
  /// The socket has no more bytes to come. Read by `BIO_CTRL_EOF`.
  private(set) var sawEndOfStream = false
  /// The last `recv(2)` got less than it had room for, so another would only find the socket empty.
  private(set) var socketIsDrained = false

  /// OpenSSL's name and version, `OpenSSL_version(3)`.
  package static var libraryVersion: String { String(cString: OpenSSL_version(OPENSSL_VERSION)) }

  /// A client's connection. Nothing is sent before `handshake`.
  ///
  /// - Parameters:
  ///   - channel: connected. It belongs to this object from now on, but stays the caller's when this throws.
  ///   - serverName: the host name, or IP address without brackets, that the certificate has to be for. Names are sent
  ///     as SNI (RFC 6066, 3), addresses are not.
  ///   - sessionKey: stands for the server in the session cache, such as "host:port".
  package convenience init(client channel: Channel, context: TLSClientContext, serverName: String, sessionKey: String)
    throws(TLSError)
  {
    // An empty name would turn the check off, and C would see no more of a name than what is before a NUL.
    guard !serverName.isEmpty, !serverName.utf8.contains(0) else {
      throw TLSError(.configuration(subject: "server name", reason: "\"\(serverName)\" is not a host name or address"))
    }
    let parts = try Self.makeParts(context.handle, peer: serverName)
    // The name is a part of the key, since a resumed session is not verified again.
    let key = "\(serverName) \(sessionKey)"
    let session = context.sessions.take(for: key)
    guard Self.expect(serverName, from: parts.ssl), session.map({ SSL_set_session(parts.ssl, $0.pointer) == 1 }) ?? true
    else {
      let reason = ErrorQueue.takeText(or: "not accepted")
      parts.free()
      throw TLSError(.configuration(subject: "server name", reason: reason), peer: serverName)
    }
    SSL_set_connect_state(parts.ssl)
    self.init(channel, parts, context.handle, client: context, sessionKey: key, peer: serverName)
  }

  /// A server's connection. `channel` belongs to this object from now on, but stays the caller's when this throws.
  package convenience init(server channel: Channel, context: TLSServerContext) throws(TLSError) {
    let parts = try Self.makeParts(context.handle, peer: "the client")
    SSL_set_accept_state(parts.ssl)
    self.init(channel, parts, context.handle, client: nil, sessionKey: "", peer: "the client")
  }

  private init(
    _ channel: Channel, _ parts: Parts, _ context: ContextHandle, client: TLSClientContext?, sessionKey: String,
    peer: String
  ) {
    self.channel = channel
    self.context = context
    self.client = client
    self.sessionKey = sessionKey
    self.peer = peer
    ssl = parts.ssl
    ChannelBIO.attach(parts.bio, to: self)
    // One reference serves both directions, and is OpenSSL's from here on.
    SSL_set_bio(parts.ssl, parts.bio, parts.bio)
    // Unretained, for the same reason as the BIO's. Should it fail, sessions of this connection are not kept.
    SSL_set_ex_data(parts.ssl, 0, Unmanaged.passUnretained(self).toOpaque())
  }

  deinit { assert(ssl == nil, "a TLS channel must be closed before it goes") }

  private struct Parts {
    let ssl: OpaquePointer
    let bio: OpaquePointer

    func free() {
      SSL_free(ssl)
      BIO_free(bio)
    }
  }

  private static func makeParts(_ context: ContextHandle, peer: String) throws(TLSError) -> Parts {
    ErrorQueue.clear()
    guard let ssl = SSL_new(context.pointer) else {
      throw TLSError(.configuration(subject: "OpenSSL", reason: ErrorQueue.takeText(or: "no memory")), peer: peer)
    }
    guard let bio = ChannelBIO.make() else {
      SSL_free(ssl)
      throw TLSError(.configuration(subject: "OpenSSL", reason: ErrorQueue.takeText(or: "no memory")), peer: peer)
    }
    return Parts(ssl: ssl, bio: bio)
  }

  /// Makes `ssl` ask for `name`, and accept nobody else. False when OpenSSL refuses the name.
  private static func expect(_ name: String, from ssl: OpaquePointer) -> Bool {
    if X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1 { return true }
    // Not an address, and no error then.
    ErrorQueue.clear()
    SSL_set_hostflags(ssl, CUnsignedInt(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
    return SSL_set1_host(ssl, name) == 1 && copenssl_set_server_name(ssl, name) == 1
  }

  // MARK: Ends

  /// Frees the `SSL`, closes the channel, and wakes whoever waits with `.closed`. Calling it again does nothing.
  package func close() {
    guard let ssl else { return }
    self.ssl = nil
    SSL_free(ssl)
    channel.close()
    waits.wake()
  }

  // MARK: What OpenSSL calls

  /// The channel of an `SSL`.
  static func of(_ ssl: OpaquePointer) -> TLSChannel? {
    SSL_get_ex_data(ssl, 0).map { Unmanaged<TLSChannel>.fromOpaque($0).takeUnretainedValue() }
  }

  /// Called with each session that may be resumed later, during the handshake or a read.
  func keepSession(_ session: OpaquePointer) { client?.sessions.store(session, for: sessionKey) }

  /// Nil when the channel failed, which is kept for `verdict`.
  func receive(into buffer: UnsafeMutableRawBufferPointer) -> IOResult? {
    do throws(ChannelError) {
      let result = try channel.read(into: buffer)
      switch result {
      case .bytes(let count): socketIsDrained = count < buffer.count
      case .endOfStream: sawEndOfStream = true
      case .wouldBlock: socketIsDrained = true
      }
      return result
    } catch {
      socketFailure = error
      return nil
    }
  }

  /// Nil when the channel failed, which is kept for `verdict`.
  func send(_ bytes: UnsafeRawBufferPointer) -> IOResult? {
    do throws(ChannelError) { return try channel.write(bytes) } catch {
      socketFailure = error
      return nil
    }
  }
}

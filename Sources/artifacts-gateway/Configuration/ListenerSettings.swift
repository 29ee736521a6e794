import EventLoop
import Gateway
import TLS

extension ServeConfiguration {
  /// Where to listen, and how.
  /// - Parameter isAnonymousAllowed: somebody else sees to it that not everybody is served beyond loopback, or that is meant.
  static func listeners(
    _ options: ServeOptions, _ settings: Settings, _ activated: [ServiceManager.ActivatedSocket],
    isAnonymousAllowed: Bool
  ) throws(StartFailure) -> [ListenerConfiguration] {
    let tls = try tlsFiles(options, settings)
    // Sockets of the service manager stand for the default address.
    var listeners = activated.map { activated in
      let address = activated.socket.address
      return ListenerConfiguration(
        address, socket: activated.socket, tls: address.port == nil ? nil : tls, isAdmin: activated.name == "admin")
    }
    let standard = activated.isEmpty ? ["127.0.0.1:7080"] : []
    for text in try settings.list(options.listen, "listen", default: standard) {
      listeners.append(try listener(text, "listen", tls, settings))
    }
    for text in try settings.list(options.adminListen, "admin_listen", default: []) {
      listeners.append(try listener(text, "admin_listen", tls, settings))
    }
    // A client that shows a certificate of the operator's own authority is not anonymous.
    for listener in listeners
    where !listener.address.isLoopback && !isAnonymousAllowed && listener.tls?.clientAuthorities == nil {
      throw settings.refusal(
        listener.isAdmin ? "admin_listen" : "listen",
        "refusing \(listener.address): whoever reaches it could use your repos; set tls_client_ca, or say "
          + "--allow-anonymous if that is meant; or name those who may in --access-file")
    }
    return listeners
  }

  private static func listener(_ text: String, _ key: String, _ tls: TLSServerFiles?, _ settings: Settings)
    throws(StartFailure) -> ListenerConfiguration
  {
    let schemes = ["https://", "http://"]
    let scheme = schemes.first { text.hasPrefix($0) }
    guard let address = SocketAddress(parsing: String(text.dropFirst(scheme?.count ?? 0))),
      scheme == nil || address.port != nil
    else {
      throw settings.refusal(
        key, "\"\(text)\" is not an address such as 127.0.0.1:7080, [::1]:7080, https://0.0.0.0:7443 or unix:/path")
    }
    if scheme == schemes[0], tls == nil { throw settings.refusal(key, "\"\(text)\" needs tls_cert and tls_key") }
    // With a certificate at hand, only those that say so, and Unix sockets, are in the clear.
    let isSecure = scheme == schemes[0] || (scheme == nil && address.port != nil)
    return ListenerConfiguration(address, tls: isSecure ? tls : nil, isAdmin: key == "admin_listen")
  }

  private static func tlsFiles(_ options: ServeOptions, _ settings: Settings) throws(StartFailure) -> TLSServerFiles? {
    let certificate = try settings.text(options.tlsCert, "tls_cert")
    let maybeShared = try settings.isOn(options.allowSharedSecretFiles, "allow_shared_secret_files")
    let key = try settings.secretFile(options.tlsKey, "tls_key", maybeShared: maybeShared)
    let authorities = try settings.text(options.tlsClientCa, "tls_client_ca")
    guard let certificate, let key else {
      if let lonely = certificate ?? key?.path ?? authorities {
        throw settings.refusal("tls_cert", "tls_cert and tls_key belong together, but there is only \(lonely)")
      }
      return nil
    }
    try key.checkMode()
    return TLSServerFiles(certificate: certificate, key: key.path, clientAuthorities: authorities)
  }
}

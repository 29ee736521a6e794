import HTTPCore

/// Which fields cross the gateway.
enum ForwardedFields {
  /// Writes those fields of a client's request that go upstream. Ours come after, so that nothing in `Connection` can
  /// take them away.
  static func append(of request: RequestHead, to writer: inout HeadWriter) {
    let named = request.namesHopFields ? connectionOptions(request.fields) : []
    request.fields.forEachLine { name, line in
      if !isStoppedInbound(name), named.isEmpty || !named.contains(where: { $0.elementsEqual(name) }) {
        writer.append(line: line)
      }
    }
  }

  /// Writes those fields of the upstream's response that go to the client.
  static func append(of response: ResponseHead, to writer: inout HeadWriter) {
    let named = response.namesHopFields ? connectionOptions(response.fields) : []
    response.fields.forEachLine { name, line in
      if !isStoppedOutbound(name), named.isEmpty || !named.contains(where: { $0.elementsEqual(name) }) {
        writer.append(line: line)
      }
    }
  }

  /// The fields that `Connection` names beside `close` and `keep-alive`, lower-case.
  private static func connectionOptions(_ fields: Fields) -> [[UInt8]] {
    var options: [[UInt8]] = []
    fields.forEach { name, value in
      guard Fields.matches(name, .connection) else { return }
      for part in String(decoding: value, as: UTF8.self).lowercased().split(separator: ",") {
        let option = part.utf8.filter { $0 != 0x20 && $0 != 0x09 }
        let isKnown = option.elementsEqual("close".utf8) || option.elementsEqual("keep-alive".utf8)
        if !isKnown { options.append(Array(option)) }
      }
    }
    return options
  }

  /// Hop-by-hop fields (RFC 9110 section 7.6.1) and framing, which each side has its own of.
  private static func isHopByHop(_ name: UnsafeRawBufferPointer) -> Bool {
    switch name.count {
    case 2: Fields.matches(name, "te")
    case 7: Fields.matches(name, "trailer") || Fields.matches(name, "upgrade")
    case 10: Fields.matches(name, .connection) || Fields.matches(name, .keepAlive)
    case 14: Fields.matches(name, .contentLength)
    case 16: Fields.matches(name, "proxy-connection")
    case 17: Fields.matches(name, .transferEncoding)
    default: false
    }
  }

  /// The client's credentials and what it says of itself, its address and other proxies.
  private static func isStoppedInbound(_ name: UnsafeRawBufferPointer) -> Bool {
    if isHopByHop(name) { return true }
    switch name.first {
    case UInt8(ascii: "a"): return Fields.matches(name, .authorization)
    case UInt8(ascii: "c"): return Fields.matches(name, "cookie") || hasPrefix(name, "cf-access-")
    case UInt8(ascii: "e"): return Fields.matches(name, .expect)
    case UInt8(ascii: "f"): return Fields.matches(name, "forwarded")
    case UInt8(ascii: "h"): return Fields.matches(name, .host) || Fields.matches(name, "http2-settings")
    case UInt8(ascii: "o"): return Fields.matches(name, "origin")
    case UInt8(ascii: "p"): return hasPrefix(name, "proxy-")
    case UInt8(ascii: "r"): return Fields.matches(name, "referer")
    case UInt8(ascii: "v"): return Fields.matches(name, "via")
    case UInt8(ascii: "x"):
      return hasPrefix(name, "x-forwarded-") || hasPrefix(name, "x-auth-") || Fields.matches(name, "x-real-ip")
        || Fields.matches(name, "x-original-url") || Fields.matches(name, "x-rewrite-url")
    default: return false
    }
  }

  /// What would act on the client in the upstream's name: cookies, authentication, other places, browser policies,
  /// leave for pages of other sites to read it.
  private static func isStoppedOutbound(_ name: UnsafeRawBufferPointer) -> Bool {
    if isHopByHop(name) { return true }
    switch name.first {
    case UInt8(ascii: "a"): return Fields.matches(name, "alt-svc") || hasPrefix(name, "access-control-")
    case UInt8(ascii: "c"): return Fields.matches(name, "clear-site-data")
    case UInt8(ascii: "l"): return Fields.matches(name, .location)
    case UInt8(ascii: "n"): return Fields.matches(name, "nel")
    case UInt8(ascii: "p"): return hasPrefix(name, "proxy-")
    case UInt8(ascii: "r"): return Fields.matches(name, "report-to") || Fields.matches(name, "refresh")
    case UInt8(ascii: "s"):
      return Fields.matches(name, "set-cookie") || Fields.matches(name, "strict-transport-security")
        || Fields.matches(name, "service-worker-allowed")
    case UInt8(ascii: "t"): return Fields.matches(name, "timing-allow-origin")
    case UInt8(ascii: "w"): return Fields.matches(name, .wwwAuthenticate)
    case UInt8(ascii: "x"): return hasPrefix(name, "x-artifacts-gateway-") || Fields.matches(name, "x-request-id")
    default: return false
    }
  }

  private static func hasPrefix(_ name: UnsafeRawBufferPointer, _ prefix: FieldName) -> Bool {
    let other = prefix.bytes
    guard name.count >= other.count else { return false }
    for index in 0..<other.count where name[index] != other[index] { return false }
    return true
  }
}

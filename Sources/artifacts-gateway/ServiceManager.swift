import EventLoop
import Glibc

/// The service manager that started the process, if there is one: systemd, or what speaks as it does.
enum ServiceManager {
  private static let firstDescriptor: CInt = 3

  /// A listening socket that the service manager holds across restarts, and its name.
  struct ActivatedSocket {
    let name: String
    let socket: ListeningSocket
  }

  /// The sockets that were passed (sd_listen_fds(3)); none for a process that is not the one they were meant for. Call once.
  static func activatedSockets() throws(StartFailure) -> [ActivatedSocket] {
    guard let process = Settings.environment("LISTEN_PID"), Int32(process) == getpid(),
      let count = Settings.environment("LISTEN_FDS").flatMap({ CInt($0) }), (1...64).contains(count)
    else { return [] }
    let names = (Settings.environment("LISTEN_FDNAMES") ?? "").split(separator: ":", omittingEmptySubsequences: false)
    var sockets: [ActivatedSocket] = []
    for index in 0..<count {
      do throws(SystemError) {
        let socket = try ListeningSocket(adopting: OwnedDescriptor(owning: firstDescriptor + index))
        sockets.append(ActivatedSocket(name: index < names.count ? String(names[Int(index)]) : "", socket: socket))
      } catch {
        throw StartFailure(
          GatewayExit.configuration,
          "LISTEN_FDS: descriptor \(firstDescriptor + index) is no listening stream socket: \(error)")
      }
    }
    return sockets
  }

  /// Tells the service manager of a new state (sd_notify(3)), if it asked to be told. One that does not listen is no error.
  static func notify(_ state: String) {
    guard let path = Settings.environment("NOTIFY_SOCKET"), path.hasPrefix("/") || path.hasPrefix("@") else { return }
    let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { _ = close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var bytes = Array(path.utf8)
    // A leading @ stands for the NUL of an abstract name (unix(7)).
    if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
    let fits = withUnsafeMutableBytes(of: &address.sun_path) { space in
      guard bytes.count < space.count else { return false }
      space.copyBytes(from: bytes)
      return true
    }
    guard fits else { return }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    var text = state
    _ = text.withUTF8 { text in
      withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          sendto(descriptor, text.baseAddress, text.count, CInt(MSG_NOSIGNAL), $0, length)
        }
      }
    }
  }
}

import EventLoop
import Glibc

/// What the kernel tells of this process (proc(5)).
enum ProcessFigures {
  private static let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))
  private static let pageSize = Double(sysconf(Int32(_SC_PAGESIZE)))

  /// Exposes the usual metrics of a process.
  static func expose(in registry: PrometheusRegistry) {
    registry.observe("process_cpu_seconds_total") {
      // Fields 14 and 15: user and system time, in ticks.
      (stat(14) + stat(15)) / ticksPerSecond
    }
    registry.observe("process_resident_memory_bytes") { stat(24) * pageSize }
    registry.observe("process_virtual_memory_bytes") { stat(23) }
    registry.observe("process_open_fds") { Double(openDescriptors) }
    registry.observe("process_max_fds") {
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      return limit.rlim_cur == ~0 ? .infinity : Double(limit.rlim_cur)
    }
    let start = bootTime + stat(22) / ticksPerSecond
    registry.observe("process_start_time_seconds") { start }
  }

  /// A field of `/proc/self/stat` by its number in proc(5); 0 when there is none.
  private static func stat(_ number: Int) -> Double {
    // The second field is the program's name in parentheses, which may hold anything.
    guard let text = read("/proc/self/stat"), let end = text.lastIndex(of: ")") else { return 0 }
    let fields = text[text.index(after: end)...].split(separator: " ")
    return fields.count > number - 3 ? Double(fields[number - 3]) ?? 0 : 0
  }

  private static var bootTime: Double {
    let line = read("/proc/stat")?.split(separator: "\n").first { $0.hasPrefix("btime ") }
    return line.flatMap { Double($0.dropFirst(6)) } ?? 0
  }

  private static var openDescriptors: Int {
    guard let folder = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(folder) }
    var count = 0
    while let entry = readdir(folder) {
      if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
    }
    // The one that looks is not counted.
    return count - 1
  }

  /// A small file of the kernel's, which is there at once.
  private static func read(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    let part = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 1)
    defer { part.deallocate() }
    while bytes.count < 1 << 20 {
      let count = Glibc.read(descriptor, part.baseAddress, part.count)
      guard count > 0 else { break }
      bytes.append(contentsOf: part[..<count])
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

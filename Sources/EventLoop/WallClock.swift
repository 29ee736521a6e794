import CLinux
import Glibc

/// The wall clock, which jumps when the machine sleeps or is set: by it expiry is judged, never intervals.
package enum WallClock {
  /// Seconds since 1970 UTC.
  package static var now: Double { Double(clinux_nanoseconds(CLOCK_REALTIME)) / 1e9 }
}

/// The monotonic clock, for intervals off a loop; on a loop `Loop.now` is cheaper.
package enum MonotonicClock {
  /// Nanoseconds since an arbitrary start.
  package static var now: UInt64 { clinux_nanoseconds(CLOCK_MONOTONIC) }
}

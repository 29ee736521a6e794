import CLinux
import Glibc
import Synchronization

/// The loops of one process. New work goes to the one that has the least.
package final class LoopGroup: Sendable {
  package let loops: [Loop]

  /// - Parameter count: how many loops, at least one. Nil takes one for each processor that this process may use.
  package init(count: Int? = nil) throws(SystemError) {
    var loops: [Loop] = []
    for index in 0..<max(1, count ?? Self.processorCount) {
      loops.append(try Loop(label: "loop-\(index)"))
    }
    self.loops = loops
  }

  /// The loop with the fewest connections.
  package var leastLoaded: Loop {
    var best = loops[0]
    var least = Int.max
    for loop in loops {
      let load = loop.load.load(ordering: .relaxed)
      if load < least { (best, least) = (loop, load) }
    }
    return best
  }

  /// Ends every loop. Call once all that was registered is closed.
  package func shutdown() {
    for loop in loops { loop.shutdown() }
  }

  private static var processorCount: Int { max(1, Int(sysconf(CInt(_SC_NPROCESSORS_ONLN)))) }
}

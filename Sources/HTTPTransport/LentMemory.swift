/// Memory that was lent and is kept beyond its time: goes back when this object goes. Confined to its loop.
package final class LentMemory {
  private let giveBack: () -> Void

  init(_ giveBack: @escaping () -> Void) { self.giveBack = giveBack }

  deinit { giveBack() }
}

/// Something that lives on a loop, handed to another task of the same loop.
///
/// `@unchecked Sendable`: it is taken out again on that loop only, whose tasks never run at the same time. The task must
/// have been started with the loop as its preferred executor.
package struct LoopConfined<Value>: @unchecked Sendable {
  package let value: Value
  package init(_ value: Value) { self.value = value }
}

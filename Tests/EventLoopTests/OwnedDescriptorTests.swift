import EventLoop
import Glibc
import Testing

/// Each in a process of its own, where nobody else opens and closes descriptors.
@Suite
struct OwnedDescriptorTests {
  @Test func `a descriptor is closed when its owner goes`() async {
    await #expect(processExitsWith: .success) {
      let number = dup(0)
      do { _ = OwnedDescriptor(owning: number) }
      precondition(fcntl(number, F_GETFD) == -1 && errno == EBADF)
      // The next one gets the number and keeps it: nothing closes it a second time.
      precondition(dup(0) == number)
      precondition(fcntl(number, F_GETFD) >= 0)
    }
  }

  @Test func `a descriptor that was released is the new owner's`() async {
    await #expect(processExitsWith: .success) {
      let number = dup(0)
      let released = OwnedDescriptor(owning: number).release()
      precondition(released == number && fcntl(number, F_GETFD) >= 0)
    }
  }

  @Test func `a channel that cannot be made closes its descriptor`() async {
    await #expect(processExitsWith: .success) {
      let loop = try Loop(label: "test")
      // The poll set does not take plain files.
      let number = open("/proc/self/cmdline", O_RDONLY)
      await Task(executorPreference: loop) {
        do {
          _ = try Channel(OwnedDescriptor(owning: number), on: loop)
          fatalError("registered")
        } catch {
          precondition((error as? SystemError)?.code == EPERM)
        }
        precondition(fcntl(number, F_GETFD) == -1)
      }.value
    }
  }
}

import CLinux
import DequeModule
@preconcurrency import Dispatch
import Glibc
package import Synchronization

/// What a registered descriptor is told by its loop.
package protocol EventHandler: AnyObject {
  /// Called on the loop. Readiness is a hint: try the call and expect that it would block.
  func handle(_ readiness: Readiness)
}

/// The set of events that `epoll_wait(2)` gave for one descriptor.
package struct Readiness: OptionSet, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }
  package static let readable = Readiness(rawValue: clinux_epoll_in)
  package static let writable = Readiness(rawValue: clinux_epoll_out)
  /// The peer will send no more (half-close).
  package static let peerClosed = Readiness(rawValue: clinux_epoll_rdhup)
  /// Both directions are down, or the socket is in error.
  package static let hungUp = Readiness(rawValue: clinux_epoll_hup | clinux_epoll_err)
}

/// An event loop: a serial dispatch queue with one dispatch source on one epoll set, and the executor that Swift
/// concurrency runs on.
///
/// Actors whose `unownedExecutor` is a loop run on it and call each other without a thread hop. While traffic flows the
/// loop stays in `epoll_wait(2)` for up to a millisecond before it hands the thread back to Dispatch, which saves the
/// hop through Dispatch's own poller on every wake-up.
///
/// `@unchecked Sendable`: `inbox` has its own lock and `owner` and `load` are atomic; everything else is touched only in
/// `run()` and what it calls, which the serial queue keeps to one thread at a time. `assertOnLoop()` checks this.
package final class Loop: SerialExecutor, TaskExecutor, @unchecked Sendable {
  private static let eventCapacity = 256
  /// How many jobs run before descriptors are polled again.
  private static let jobBudget = 256
  private static let lingerMilliseconds: CInt = 1

  private let queue: DispatchQueue
  private let pollSet: CInt
  private let wakeup: CInt
  private let clock: CInt
  private let source: any DispatchSourceRead
  /// Scratch for `epoll_wait(2)`: allocated once, used by `run()` only.
  private let events: UnsafeMutableBufferPointer<epoll_event>

  /// Jobs from other threads. Bounded by the number of live tasks; nil once the loop has ended.
  private let inbox = Mutex<[UnownedJob]?>([])
  /// The thread that is inside `run()`, or 0.
  private let owner = Atomic<UInt>(0)
  /// How many connections live here; listeners hand new ones to the loop that has the fewest.
  package let load = Atomic<Int>(0)

  private var ready = Deque<UnownedJob>()
  private var yielded: [UnsafeContinuation<Void, Never>] = []
  private var registrations = RegistrationTable()
  private var armedFor: UInt64?
  var timers: TimerWheel
  /// Spare 64 KiB blocks for transfers.
  package let buffers = BufferPool()
  /// Nanoseconds of the monotonic clock at the start of this turn of the loop.
  package private(set) var now: UInt64

  package init(label: String) throws(SystemError) {
    let pollSet = epoll_create1(CInt(EPOLL_CLOEXEC))
    guard pollSet >= 0 else { throw SystemError("epoll_create1") }
    let wakeup = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK))
    guard wakeup >= 0 else {
      let failure = SystemError("eventfd")
      close(pollSet)
      throw failure
    }
    let clock = timerfd_create(CLOCK_MONOTONIC, CInt(TFD_CLOEXEC | TFD_NONBLOCK))
    guard clock >= 0 else {
      let failure = SystemError("timerfd_create")
      close(pollSet)
      close(wakeup)
      throw failure
    }
    self.pollSet = pollSet
    self.wakeup = wakeup
    self.clock = clock
    queue = DispatchQueue(label: label)
    source = DispatchSource.makeReadSource(fileDescriptor: pollSet, queue: queue)
    events = .allocate(capacity: Self.eventCapacity)
    now = clinux_nanoseconds(CLOCK_MONOTONIC)
    timers = TimerWheel(now: now)
    // Both stay level-triggered: they are read empty whenever they are seen.
    _ = clinux_epoll_add(pollSet, wakeup, clinux_epoll_in, RegistrationTable.wakeup)
    _ = clinux_epoll_add(pollSet, clock, clinux_epoll_in, RegistrationTable.clock)
    source.setEventHandler { self.run() }
    source.setCancelHandler {
      close(pollSet)
      close(clock)
      self.events.deallocate()
      self.end()
    }
    source.resume()
  }

  // Not closed sooner: an `enqueue` that met the end may be about to write to it.
  deinit { close(wakeup) }

  /// Ends the loop. Nothing may be registered any more; jobs that have not run yet, and later ones, are run on the bare
  /// queue, without events.
  package func shutdown() { source.cancel() }

  private func end() {
    let left = inbox.withLock { $0.take() } ?? []
    for job in left { runOnQueue(job) }
  }

  private func runOnQueue(_ job: UnownedJob) {
    queue.async {
      job.runSynchronously(isolatedTo: self.asUnownedSerialExecutor(), taskExecutor: self.asUnownedTaskExecutor())
    }
  }

  // MARK: Executor

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if isCurrent {
      ready.append(job)
      return
    }
    let count = inbox.withLock { jobs in
      jobs?.append(job)
      return jobs?.count
    }
    switch count {
    case nil: runOnQueue(job)
    case 1: eventfd_write(wakeup, 1)
    default: break
    }
  }

  package func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

  package func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }

  /// Whether the caller is on this loop.
  package var isCurrent: Bool { owner.load(ordering: .relaxed) == UInt(pthread_self()) }

  /// Traps, in debug builds, when the caller is not on this loop.
  package func assertOnLoop() { assert(isCurrent, "loop state touched from outside its loop") }

  /// Lets every other ready connection have its turn, then comes back. For long copies that never block.
  package func yield() async {
    await withUnsafeContinuation { yielded.append($0) }
  }

  // MARK: Descriptors

  /// Adds `descriptor` to the poll set, edge-triggered in both directions unless `listening`.
  /// The handler is held until `deregister`.
  package func register(_ descriptor: CInt, listening: Bool = false, handler: any EventHandler) throws(SystemError)
    -> Registration
  {
    assertOnLoop()
    let interest =
      listening
      ? clinux_epoll_in | clinux_epoll_exclusive
      : clinux_epoll_in | clinux_epoll_out | clinux_epoll_rdhup | clinux_epoll_edge
    let registration = registrations.add(handler)
    guard clinux_epoll_add(pollSet, descriptor, interest, registration.token) == 0 else {
      let failure = SystemError("epoll_ctl")
      registrations.remove(registration)
      throw failure
    }
    return registration
  }

  /// Takes a descriptor out of the set, before it is closed. An event that is already on its way is dropped.
  package func deregister(_ descriptor: CInt, _ registration: Registration) {
    assertOnLoop()
    registrations.remove(registration)
    _ = clinux_epoll_delete(pollSet, descriptor)
  }

  // MARK: The loop itself

  /// One stay on the thread: polls until nothing has happened for the linger time.
  private func run() {
    owner.store(UInt(pthread_self()), ordering: .relaxed)
    var wait: CInt = 0
    var active = true
    while active {
      let count = Int(retryingOnInterrupt { epoll_wait(pollSet, events.baseAddress, CInt(events.count), wait) })
      now = clinux_nanoseconds(CLOCK_MONOTONIC)
      for index in 0..<max(count, 0) { dispatch(events[index]) }
      let resumed = yielded
      yielded.removeAll(keepingCapacity: true)
      for continuation in resumed { continuation.resume() }
      for deadline in timers.expire(now: now) { deadline.fire() }
      runJobs()
      let pending = !ready.isEmpty || !yielded.isEmpty
      wait = pending ? 0 : Self.lingerMilliseconds
      active = pending || count > 0 || !resumed.isEmpty
    }
    armClock()
    owner.store(0, ordering: .relaxed)
  }

  private func dispatch(_ event: epoll_event) {
    var event = event
    let token = clinux_epoll_data(&event)
    switch token {
    case RegistrationTable.wakeup:
      var value: eventfd_t = 0
      eventfd_read(wakeup, &value)
      let jobs = inbox.withLock { jobs in
        let taken = jobs
        jobs?.removeAll(keepingCapacity: true)
        return taken
      }
      ready.append(contentsOf: jobs ?? [])
    case RegistrationTable.clock:
      var expirations: UInt64 = 0
      _ = read(clock, &expirations, 8)
      armedFor = nil
    default:
      registrations.handler(of: token)?.handle(Readiness(rawValue: clinux_epoll_events(&event)))
    }
  }

  private func runJobs() {
    let executor = asUnownedSerialExecutor()
    let tasks = asUnownedTaskExecutor()
    var budget = Self.jobBudget
    while budget > 0, let job = ready.popFirst() {
      job.runSynchronously(isolatedTo: executor, taskExecutor: tasks)
      budget -= 1
    }
  }

  /// Sets the timer descriptor to the next deadline before the thread goes back to Dispatch.
  private func armClock() {
    guard let instant = timers.nextInstant() else { return }
    if let armedFor, armedFor <= instant, armedFor > now { return }
    var setting = itimerspec()
    setting.it_value.tv_sec = Int(instant / 1_000_000_000)
    setting.it_value.tv_nsec = Int(instant % 1_000_000_000)
    timerfd_settime(clock, CInt(TFD_TIMER_ABSTIME), &setting, nil)
    armedFor = instant
  }
}

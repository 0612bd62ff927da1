import HostOS

extension BlockWorker where Engine: ~Copyable {
  /// Whether the request has to wait for the throttle; if not, it is charged.
  ///
  /// It was found good before, and is not taken from the ring before it was charged.
  mutating func isHeldBack(_ index: Int, by throttle: Throttle, _ queue: Int) -> Bool {
    let now = MonotonicTime.now()
    let work = slots[index].work
    let bytes = work == .read || work == .write ? slots[index].byteCount : 0
    let wait = throttle.charge(bytes: bytes, queue: queue, at: now.nanoseconds)
    guard wait > 0 else { return false }
    if pause == nil { counters.add(.throttleEvents) }
    pause = (pause?.since ?? now, now.advanced(byNanoseconds: wait))
    return true
  }

  /// Notes that the queue goes on.
  mutating func endPause() {
    guard let since = pause?.since else { return }
    pause = nil
    counters.add(.throttledNanoseconds, MonotonicTime.now().nanoseconds(since: since))
  }
}

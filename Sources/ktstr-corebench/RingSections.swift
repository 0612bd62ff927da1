import Virtio

// Only what happens in functions whose name ends in `MeasuredSection` is counted by
// .ci/check-instructions. The others prepare or clean up.

@inline(never)
func walkMeasuredSection(_ bench: inout RingBench) throws(QueueError) -> Int {
  for _ in 0..<16 { try bench.queue.load(0, into: &bench.chain) }
  return bench.chain.readableByteCount
}

@inline(never)
func popMeasuredSection(_ bench: inout RingBench) throws(QueueError) -> Int {
  try popAll(&bench)
}

@inline(never)
func popAll(_ bench: inout RingBench) throws(QueueError) -> Int {
  var sum = 0
  for _ in 0..<16 {
    bench.offer(16)
    for _ in 0..<16 {
      guard let head = try bench.queue.popHead() else { throw .notReady }
      sum &+= Int(head)
    }
  }
  return sum
}

@inline(never)
func takeMeasuredSection(_ bench: inout RingBench) throws(QueueError) -> Int {
  var sum = 0
  for _ in 0..<16 {
    bench.offer(16)
    for _ in 0..<16 {
      guard try bench.queue.peek(into: &bench.chain) else { throw .notReady }
      bench.queue.commit(bench.chain)
      sum &+= Int(bench.chain.head)
    }
  }
  return sum
}

@inline(never)
func addUsedMeasuredSection(_ bench: inout RingBench, batch: Int) throws(QueueError) -> Int {
  try addUsedAll(&bench, batch: batch)
}

@inline(never)
func addUsedAll(_ bench: inout RingBench, batch: Int) throws(QueueError) -> Int {
  var index = 0
  while index < Int(RingBench.size) {
    for _ in 0..<batch {
      try bench.queue.stage(head: UInt16(truncatingIfNeeded: index), length: 4096)
      index &+= 1
    }
    guard bench.queue.publish() else { throw .notReady }
  }
  return index
}

/// All that a device does with a queue in turns of 16 requests, but the requests themselves.
@inline(never)
func turnMeasuredSection(_ bench: inout RingBench) throws(QueueError) -> Int {
  var interrupts = 0
  for _ in 0..<16 {
    bench.offer(16)
    bench.queue.disableNotifications()
    for _ in 0..<16 {
      guard try bench.queue.peek(into: &bench.chain) else { throw .notReady }
      bench.queue.commit(bench.chain)
      try bench.queue.stage(head: bench.chain.head, length: 4096)
    }
    guard bench.queue.publish() else { throw .notReady }
    if bench.queue.shouldInterrupt() { interrupts &+= 1 }
    guard try bench.queue.enableNotifications() else { throw .notReady }
  }
  return interrupts
}

/// A request of header, data and status, from its head to what is to be done.
@inline(never)
func parseMeasuredSection(_ bench: inout RingBench) throws(QueueError) -> Int {
  var sum = 0
  for index in 0..<64 as Range<UInt16> {
    try bench.queue.load(index &* 3, into: &bench.chain)
    guard let kind = bench.chain.readUInt64(at: 0), let sector = bench.chain.readUInt64(at: 8),
      bench.chain.writableByteCount > 0
    else { throw .noRoomForStatus(head: index) }
    let count = bench.chain.writableByteCount &- 1
    let sectors = UInt64(truncatingIfNeeded: count >> 9)
    guard kind & 0xffff_ffff == 0, sector <= 1 << 21, sectors <= 1 << 21 &- sector else {
      throw .noRoomForStatus(head: index)
    }
    sum &+= count
  }
  return sum
}

@inline(never)
func memoryMeasuredSection(_ body: () -> Void) -> Int {
  body()
  return 0
}

import Virtio

@inline(never)
func popSection(_ bench: inout RingBench) throws(QueueError) -> Int {
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
func takeSection(_ bench: inout RingBench) throws(QueueError) -> Int {
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
func addUsedSection(_ bench: inout RingBench, batch: Int) throws(QueueError) {
  var index = 0
  while index < 256 {
    for _ in 0..<batch {
      try bench.queue.stage(head: UInt16(truncatingIfNeeded: index), length: 4096)
      index &+= 1
    }
    _ = bench.queue.publish()
  }
}

@inline(never)
func walkSection(_ bench: inout RingBench) throws(QueueError) {
  for _ in 0..<16 {
    try bench.queue.load(0, into: &bench.chain)
  }
}

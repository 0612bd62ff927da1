import Glibc
import HostOS
import Synchronization

/// What Swift's runtime and glibc are made to do under a filter: enough allocation that heaps grow and
/// shrink, hashing, text, locks with waiters, and clocks.
enum Workload {
  static func run() {
    allocate()
    hash()
    format()
    contend()
    _ = MonotonicTime.now()
    usleep(100)
    sched_yield()
  }

  /// Many small blocks and few large ones, grown and given back: brk, mmap, mremap, munmap, madvise.
  private static func allocate() {
    var lists: [[Int]] = []
    for size in 0..<2000 { lists.append(Array(repeating: size, count: size)) }
    lists.removeAll()
    var large: [UInt8] = []
    for step in 0..<20 { large.append(contentsOf: repeatElement(UInt8(step), count: 1 << 18)) }
    TestProcess.expect(large.count == 20 << 18, "an array lost elements")
    for _ in 0..<50 {
      guard let block = malloc(3 << 20) else { TestProcess.fail("no memory") }
      memset(block, 1, 3 << 20)
      free(realloc(block, 9 << 20))
    }
  }

  private static func hash() {
    var counts: [String: Int] = [:]
    for number in 0..<3000 { counts["key \(number % 700)", default: 0] += 1 }
    TestProcess.expect(Set(counts.keys).count == 700, "a dictionary lost keys")
  }

  private struct Record: Encodable {
    let name: String
    let values: [Double]
  }

  private static func format() {
    var text = ""
    for number in 0..<500 {
      let record = Record(name: "r\(number)", values: [Double(number) / 3, .pi])
      text += "{\"name\":\"\(record.name)\",\"values\":\(record.values.description)}"
      text += String(number, radix: 16) + String(describing: record)
    }
    TestProcess.expect(text.utf8.count > 10_000, "text got lost")
  }

  /// The lock has waiters when a thread is preempted in it; the sum tells whether it held.
  private static func contend() {
    for _ in 0..<5000 {
      Contention.shared.sum.withLock { $0 += 1 }
      Contention.shared.pthread.add()
    }
  }
}

/// Locks that all threads of a workload contend for.
final class Contention: Sendable {
  static let shared = Contention()
  let sum = Mutex(0)
  let pthread = PthreadCounter()
}

/// A count behind one of the C library's own locks.
final class PthreadCounter: @unchecked Sendable {
  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  private(set) var count = 0

  init() {
    lock = .allocate(capacity: 1)
    pthread_mutex_init(lock, nil)
  }

  func add() {
    pthread_mutex_lock(lock)
    count += 1
    pthread_mutex_unlock(lock)
  }
}

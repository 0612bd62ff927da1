import CLinux
import Glibc
import SystemPackage

extension ThreadRole {
  /// What Swift's runtime and glibc call behind the back of any code, and what ends a thread.
  static func everyRules(processID: Int32) -> [SeccompRule] {
    memoryRules + waitingRules + signalRules(processID: processID) + endRules
  }

  private static let memoryRules = [
    SeccompRule(.brk, reason: "malloc: the heap of the first arena"),
    SeccompRule(
      .mmap, .withoutExecution,
      .argument(.fourth, bits: ArgumentValue.mapAnonymous, are: ArgumentValue.mapAnonymous),
      reason: "malloc: large blocks and other arenas; zeroed pages in place of lost ones"),
    SeccompRule(
      .mprotect, .withoutExecution, reason: "malloc: an arena that grows; stacks of new threads"),
    SeccompRule(.munmap, reason: "free; mappings that go with their owner"),
    SeccompRule(.mremap, reason: "realloc of large blocks"),
    SeccompRule(.madvise, reason: "free: an arena that shrinks; stacks of ended threads"),
    SeccompRule(.getrandom, reason: "Swift: the seed of hashing, at the first Set or Dictionary"),
  ]

  /// For roles that open nothing, and which all may free memory.
  ///
  /// glibc asks once in a process, and gives back less of a heap where it may not read the answer.
  static let heapRules = [
    SeccompRule(
      .openat, .argument(.first, in: [ArgumentValue.currentDirectory]),
      .argument(.third, in: [ArgumentValue.openToRead]), do: .fail(.permissionDenied),
      reason: "free: a thread's heap that shrinks asks /proc/sys/vm/overcommit_memory")
  ]

  private static let waitingRules = [
    SeccompRule(
      .futex,
      .argument(
        .second, bits: ArgumentValue.futexCommand,
        in: [
          UInt64(FUTEX_WAIT), UInt64(FUTEX_WAKE), UInt64(FUTEX_WAIT_BITSET),
          UInt64(FUTEX_WAKE_BITSET), UInt64(FUTEX_REQUEUE), UInt64(FUTEX_CMP_REQUEUE),
          UInt64(FUTEX_LOCK_PI), UInt64(FUTEX_UNLOCK_PI), UInt64(FUTEX_TRYLOCK_PI),
          UInt64(FUTEX_LOCK_PI2),
        ]),
      reason: "pthread locks, conditions and joins; Swift's Mutex, which hands over by PI"),
    SeccompRule(.schedYield, reason: "spinning waits"),
    SeccompRule(.nanosleep, reason: "usleep"),
    SeccompRule(.clockNanosleep, reason: "nanosleep"),
    SeccompRule(.clockGettime, reason: "clocks of hosts whose clock source has no vDSO"),
    SeccompRule(.restartSyscall, reason: "the kernel: a timed wait that SIGSTOP interrupted"),
  ]

  private static func signalRules(processID: Int32) -> [SeccompRule] {
    let faults = [SIGABRT, SIGBUS, SIGSEGV].map { UInt64($0) }
    return [
      SeccompRule(.rtSigreturn, reason: "the end of every signal handler"),
      SeccompRule(.rtSigprocmask, reason: "pthread_kill, abort and the start of threads"),
      SeccompRule(
        .rtSigaction, .argument(.first, in: faults),
        reason: "abort; a memory fault that is nobody's, handed on"),
      SeccompRule(.getpid, reason: "pthread_kill and abort"),
      SeccompRule(.gettid, reason: "Swift's Mutex; abort"),
      SeccompRule(
        .tgkill, .argument(.first, in: [UInt64(UInt32(bitPattern: processID))]),
        reason: "pthread_kill and abort: this process's own threads"),
    ]
  }

  private static let endRules = [
    SeccompRule(.read, reason: "event descriptors and streams"),
    SeccompRule(.write, reason: "event descriptors and streams; the line that tells a refusal"),
    SeccompRule(.writev, reason: "glibc: what it says before it aborts"),
    SeccompRule(.poll, reason: "waits for a descriptor, such as the end of another thread"),
    SeccompRule(.close, reason: "descriptors that go with their owner"),
    SeccompRule(.exit, reason: "the end of a thread"),
    SeccompRule(.exitGroup, reason: "the end of the process, by exit or after a refusal"),
  ]
}

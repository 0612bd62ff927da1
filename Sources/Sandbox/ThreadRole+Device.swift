extension ThreadRole {
  /// What a thread that serves the queues of a device calls.
  ///
  /// It waits for the driver's notifications, moves data between guest memory and files that are open
  /// already, and signals interrupts.
  static let deviceRules = [
    SeccompRule(.epollWait, reason: "notifications, completions and timers"),
    SeccompRule(.epollPwait, reason: "epoll_wait, where a libc makes it of this"),
    SeccompRule(.epollCtl, reason: "a console stream that is full or empty for now"),
    SeccompRule(.timerfdSettime, reason: "delays and throttles of a disk"),
    SeccompRule(.readv, reason: "console input, straight into guest memory"),
    SeccompRule(.pread64, reason: "reads of one buffer"),
    SeccompRule(.preadv, reason: "reads of many buffers"),
    SeccompRule(.pwrite64, reason: "writes of one buffer"),
    SeccompRule(.pwritev, reason: "writes of many buffers"),
    SeccompRule(.pwritev2, reason: "writes that are stable when done"),
    SeccompRule(.fdatasync, reason: "flushes"),
    SeccompRule(.fallocate, reason: "discards and writes of zeroes"),
    // Operations of io_uring are not system calls, so no filter sees them: rings are restricted to
    // reads, writes, flushes and allocations of their one file when they are made.
    SeccompRule(.ioUringEnter, reason: "disks past the page cache"),
  ]
}

import CLinux
import Glibc
import SystemPackage

extension ThreadRole {
  /// What the thread that follows the run calls.
  ///
  /// It reads the guest's streams, writes evidence, may open files as far as Landlock lets it, and
  /// starts threads, which inherit this filter.
  static let mainRules = fileRules + threadRules + machineRules

  private static let fileRules = [
    SeccompRule(.ppoll, reason: "waiting for streams, signals and time limits"),
    SeccompRule(.sendmsg, reason: "what the guest is told over its streams, which are connected"),
    SeccompRule(.shutdown, reason: "the end of the guest's streams"),
    SeccompRule(.openat, reason: "files of the run directory, as far as Landlock lets it"),
    SeccompRule(.fstat, reason: "sizes of files that are read whole"),
    SeccompRule(.newfstatat, reason: "what a path names; fstat of newer C libraries"),
    SeccompRule(.lseek, reason: "where appended evidence ends"),
    SeccompRule(.pread64, reason: "parts of logs"),
    SeccompRule(.pwrite64, reason: "parts of dumps"),
    SeccompRule(.fsync, reason: "evidence that must survive"),
    SeccompRule(.fdatasync, reason: "evidence that must survive"),
    SeccompRule(.ftruncate, reason: "dumps of a given size"),
    SeccompRule(.rename, reason: "files that appear whole or not at all"),
    SeccompRule(.unlink, reason: "files that were to be temporary"),
    SeccompRule(.mkdir, reason: "folders of evidence"),
    SeccompRule(.getdents64, reason: "lists of a folder"),
    SeccompRule(
      .fcntl,
      .argument(
        .second,
        in: [F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC].map {
          UInt64(UInt32(bitPattern: $0))
        }),
      reason: "descriptors made non-blocking, or duplicated"),
    SeccompRule(.eventfd2, reason: "how the end of a thread is told"),
    SeccompRule(.epollWait, reason: "waiting for many descriptors"),
    SeccompRule(.epollCtl, reason: "waiting for many descriptors"),
    SeccompRule(.timerfdSettime, reason: "nudging a disk to stop"),
  ]

  /// The flags of `pthread_create` (glibc, sysdeps/unix/sysv/linux/createthread.c).
  ///
  /// Memory, files, handlers and System V undo lists are shared; it is a thread, with its TLS and a
  /// place for its id. A process or namespace of its own has others.
  private static let threadFlags: UInt64 = 0x3d_0f00

  private static let threadRules = [
    SeccompRule(
      .clone, .argument(.first, bits: .max, are: threadFlags), reason: "pthread_create"),
    // Its flags are in memory, where no filter sees them.
    SeccompRule(
      .clone3, do: .fail(.noFunction), reason: "pthread_create, which then falls back to clone"),
    SeccompRule(.setRobustList, reason: "the start of a thread"),
    SeccompRule(.rseq, reason: "the start of a thread"),
    SeccompRule(
      .prctl, .argument(.first, in: [UInt64(PR_SET_NAME)]), reason: "the names of threads"),
  ]

  private static let machineRules = [
    SeccompRule(
      .ioctl, .argument(.second, in: [ArgumentValue.terminalState]),
      reason: "the C library's streams: whether one is a terminal"),
    SeccompRule(
      .ioctl,
      .argument(
        .second,
        in: [
          KTSTR_REQUEST_GET_CLOCK, KTSTR_REQUEST_SET_CLOCK, KTSTR_REQUEST_GET_IRQCHIP,
          KTSTR_REQUEST_GET_PIT2, KTSTR_REQUEST_SIGNAL_MSI,
        ].map { UInt64($0) }),
      reason: "pausing and resuming the guest's clock; the interrupt controllers' state"),
  ]
}

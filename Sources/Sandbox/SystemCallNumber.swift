import CLinux

/// The number of a system call of x86-64.
package struct SystemCallNumber: RawRepresentable, Hashable, Comparable, Sendable {
  package let rawValue: UInt32

  package init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  private init(_ number: CInt) {
    self.init(rawValue: UInt32(bitPattern: number))
  }

  package static func < (left: SystemCallNumber, right: SystemCallNumber) -> Bool {
    left.rawValue < right.rawValue
  }

  /// The C name, or the number where this build knows no name.
  package var name: String {
    guard let name = unsafe ktstr_syscall_name(rawValue) else { return "system call \(rawValue)" }
    return unsafe String(cString: name)
  }
}

// Named as in C, so that what strace and a refusal say is found here.
extension SystemCallNumber {
  package static let brk = SystemCallNumber(SYS_brk)
  package static let clockGettime = SystemCallNumber(SYS_clock_gettime)
  package static let clockNanosleep = SystemCallNumber(SYS_clock_nanosleep)
  package static let clone = SystemCallNumber(SYS_clone)
  package static let clone3 = SystemCallNumber(SYS_clone3)
  package static let close = SystemCallNumber(SYS_close)
  package static let epollCtl = SystemCallNumber(SYS_epoll_ctl)
  package static let epollWait = SystemCallNumber(SYS_epoll_wait)
  package static let epollPwait = SystemCallNumber(SYS_epoll_pwait)
  package static let eventfd2 = SystemCallNumber(SYS_eventfd2)
  package static let execve = SystemCallNumber(SYS_execve)
  package static let exit = SystemCallNumber(SYS_exit)
  package static let exitGroup = SystemCallNumber(SYS_exit_group)
  package static let fallocate = SystemCallNumber(SYS_fallocate)
  package static let fcntl = SystemCallNumber(SYS_fcntl)
  package static let fdatasync = SystemCallNumber(SYS_fdatasync)
  package static let fstat = SystemCallNumber(SYS_fstat)
  package static let fsync = SystemCallNumber(SYS_fsync)
  package static let ftruncate = SystemCallNumber(SYS_ftruncate)
  package static let futex = SystemCallNumber(SYS_futex)
  package static let getdents64 = SystemCallNumber(SYS_getdents64)
  package static let getpid = SystemCallNumber(SYS_getpid)
  package static let getrandom = SystemCallNumber(SYS_getrandom)
  package static let gettid = SystemCallNumber(SYS_gettid)
  package static let ioctl = SystemCallNumber(SYS_ioctl)
  package static let ioUringEnter = SystemCallNumber(SYS_io_uring_enter)
  package static let kill = SystemCallNumber(SYS_kill)
  package static let lseek = SystemCallNumber(SYS_lseek)
  package static let madvise = SystemCallNumber(SYS_madvise)
  package static let mkdir = SystemCallNumber(SYS_mkdir)
  package static let mmap = SystemCallNumber(SYS_mmap)
  package static let mount = SystemCallNumber(SYS_mount)
  package static let mprotect = SystemCallNumber(SYS_mprotect)
  package static let mremap = SystemCallNumber(SYS_mremap)
  package static let munmap = SystemCallNumber(SYS_munmap)
  package static let nanosleep = SystemCallNumber(SYS_nanosleep)
  package static let newfstatat = SystemCallNumber(SYS_newfstatat)
  package static let open = SystemCallNumber(SYS_open)
  package static let openat = SystemCallNumber(SYS_openat)
  package static let poll = SystemCallNumber(SYS_poll)
  package static let ppoll = SystemCallNumber(SYS_ppoll)
  package static let prctl = SystemCallNumber(SYS_prctl)
  package static let pread64 = SystemCallNumber(SYS_pread64)
  package static let preadv = SystemCallNumber(SYS_preadv)
  package static let prlimit64 = SystemCallNumber(SYS_prlimit64)
  package static let ptrace = SystemCallNumber(SYS_ptrace)
  package static let pwrite64 = SystemCallNumber(SYS_pwrite64)
  package static let pwritev = SystemCallNumber(SYS_pwritev)
  package static let pwritev2 = SystemCallNumber(SYS_pwritev2)
  package static let read = SystemCallNumber(SYS_read)
  package static let readv = SystemCallNumber(SYS_readv)
  package static let rename = SystemCallNumber(SYS_rename)
  package static let restartSyscall = SystemCallNumber(SYS_restart_syscall)
  package static let rseq = SystemCallNumber(SYS_rseq)
  package static let rtSigaction = SystemCallNumber(SYS_rt_sigaction)
  package static let rtSigprocmask = SystemCallNumber(SYS_rt_sigprocmask)
  package static let rtSigreturn = SystemCallNumber(SYS_rt_sigreturn)
  package static let schedYield = SystemCallNumber(SYS_sched_yield)
  package static let setRobustList = SystemCallNumber(SYS_set_robust_list)
  package static let socket = SystemCallNumber(SYS_socket)
  package static let tgkill = SystemCallNumber(SYS_tgkill)
  package static let timerfdSettime = SystemCallNumber(SYS_timerfd_settime)
  package static let sendmsg = SystemCallNumber(SYS_sendmsg)
  package static let shutdown = SystemCallNumber(SYS_shutdown)
  package static let unlink = SystemCallNumber(SYS_unlink)
  package static let write = SystemCallNumber(SYS_write)
  package static let writev = SystemCallNumber(SYS_writev)
}

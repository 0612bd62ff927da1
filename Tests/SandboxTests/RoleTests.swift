import Glibc
import Sandbox
import SystemPackage
import Testing

@Suite struct RoleTests {
  private static let processID: Int32 = 4711
  private static let allowed = SeccompAction.allow.verdict()

  private func verdict(
    _ role: ThreadRole, _ call: SystemCallNumber, _ arguments: UInt64...
  ) throws -> UInt32 {
    try role.filter(processID: Self.processID).compile()
      .verdict(on: ObservedCall(call, arguments))
  }

  private func allows(
    _ role: ThreadRole, _ call: SystemCallNumber, _ arguments: UInt64...
  ) throws -> Bool {
    try role.filter(processID: Self.processID).compile()
      .verdict(on: ObservedCall(call, arguments)) == Self.allowed
  }

  @Test(arguments: ThreadRole.allCases)
  func `every rule has a reason and can be met`(role: ThreadRole) throws {
    var free: Set<SystemCallNumber> = []
    for rule in role.filter(processID: Self.processID).rules {
      #expect(rule.reason.count > 3, "\(rule.call.name)")
      #expect(!free.contains(rule.call), "\(rule.call.name) was allowed altogether before")
      if rule.conditions.isEmpty { free.insert(rule.call) }
      for condition in rule.conditions {
        #expect(!condition.values.isEmpty)
        for value in condition.values { #expect(value & ~condition.mask == 0) }
        #expect(Set(condition.values).count == condition.values.count, "\(rule.call.name)")
      }
    }
  }

  @Test(arguments: ThreadRole.allCases)
  func `no role has what takes over a host`(role: ThreadRole) throws {
    let names: Set = [
      "socket", "socketpair", "connect", "bind", "accept", "accept4", "listen", "sendto", "sendmsg",
      "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev",
      "kill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open", "pidfd_send_signal",
      "pidfd_getfd", "mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "move_mount",
      "open_tree", "fsopen", "bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key",
      "init_module", "finit_module", "delete_module", "kexec_load", "reboot", "swapon", "setuid",
      "setgid", "setresuid", "setgroups", "capset", "seccomp", "landlock_restrict_self", "iopl",
      "ioperm", "personality", "arch_prctl", "pkey_mprotect", "memfd_create", "io_uring_setup",
      "io_uring_register", "open_by_handle_at", "symlink", "link", "mknod", "chmod", "fchmod",
      "chown", "fchown", "setxattr", "prlimit64", "setrlimit", "modify_ldt", "quotactl", "acct",
    ]
    var found: Set<String> = []
    let program = try role.filter(processID: Self.processID).compile()
    for number in 0..<500 as Range<UInt32> {
      let name = SystemCallNumber(rawValue: number).name
      guard names.contains(name) else { continue }
      found.insert(name)
      // The guest's streams are sockets, and no role can make or connect another.
      if role == .main, name == "sendmsg" { continue }
      // Without conditions, so that no arguments can change the verdict.
      #expect(
        try program.verdict(on: ObservedCall(number)) == SeccompAction.trap.verdict(), "\(name)")
    }
    #expect(found == names)
  }

  @Test(arguments: ThreadRole.allCases)
  func `no role maps memory for execution`(role: ThreadRole) throws {
    let anonymous: UInt64 = 0x22
    let none = UInt64(UInt32.max)
    for protection in 0..<16 as Range<UInt64> {
      let isAllowed = protection & 4 == 0
      #expect(try allows(role, .mmap, 0, 4096, protection, anonymous, none, 0) == isAllowed)
      #expect(try allows(role, .mprotect, 0, 4096, protection) == isAllowed)
    }
    // A file, which no rule lets a running machine map.
    #expect(try !allows(role, .mmap, 0, 4096, 1, 2, 5, 0))
  }

  @Test(arguments: ThreadRole.allCases)
  func `only this process's threads are signalled`(role: ThreadRole) throws {
    #expect(try allows(role, .tgkill, UInt64(Self.processID), 99, 10))
    #expect(try !allows(role, .tgkill, 1, 99, 10))
    #expect(try !allows(role, .tgkill, 0, 99, 10))
    #expect(try !allows(role, .kill, UInt64(Self.processID), 10))
  }

  @Test(arguments: ThreadRole.allCases)
  func `locks are waited for, but not requeued to a lock with inheritance`(role: ThreadRole) throws
  {
    // linux/futex.h; with FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME
    for command in [0, 1, 3, 4, 6, 7, 8, 9, 10, 13] as [UInt64] {
      for flags in [0, 128, 256, 384] as [UInt64] {
        #expect(try allows(role, .futex, 0x1000, command | flags))
      }
    }
    for command in [2, 5, 11, 12, 14, 0x200] as [UInt64] {
      #expect(try !allows(role, .futex, 0x1000, command))
    }
  }

  @Test func `a vCPU enters the guest and reads its state, and makes no other request`() throws {
    // linux/kvm.h: KVM_RUN, KVM_GET_REGS, KVM_GET_SREGS, KVM_NMI, KVM_KVMCLOCK_CTRL
    for request in [0xae80, 0x8090_ae81, 0x8138_ae83, 0xae9a, 0xaead] as [UInt64] {
      #expect(try allows(.virtualCPU, .ioctl, 7, request))
    }
    // KVM_CREATE_VM, KVM_CREATE_VCPU, KVM_SET_REGS, KVM_SET_USER_MEMORY_REGION, KVM_IRQFD; TIOCSTI
    for request in [0xae01, 0xae41, 0x4090_ae82, 0x4020_ae46, 0x4020_ae76, 0x5412] as [UInt64] {
      #expect(try verdict(.virtualCPU, .ioctl, 7, request) == SeccompAction.trap.verdict(data: 1))
    }
  }

  @Test func `a vCPU opens nothing and starts nothing`() throws {
    let arguments = Array(repeating: UInt64(0x3d_0f00), count: 6)
    let program = try ThreadRole.virtualCPU.filter(processID: Self.processID).compile()
    for call in [
      SystemCallNumber.open, .clone, .clone3, .epollWait, .pwritev2, .fallocate, .rename,
      .unlink, .ioUringEnter, .prctl,
    ] {
      #expect(
        try program.verdict(on: ObservedCall(call, arguments)) == SeccompAction.trap.verdict(),
        "\(call.name)")
    }
  }

  @Test(arguments: [ThreadRole.virtualCPU, .device])
  func `opening is refused by name, but for what the heap asks`(role: ThreadRole) throws {
    // O_RDWR, O_RDONLY without O_CLOEXEC, O_CREAT, O_PATH
    for flags in [2, 0, 0x8_0042, 0x20_0000] as [UInt64] {
      let refused = SeccompAction.trap.verdict(data: 1)
      #expect(try verdict(role, .openat, 0xffff_ff9c, 0x1000, flags) == refused)
    }
    let denied = SeccompAction.fail(.permissionDenied).verdict()
    #expect(try verdict(role, .openat, 0xffff_ff9c, 0x1000, 0x8_0000) == denied)
  }

  @Test func `a device moves data and makes no request`() throws {
    for call in [
      SystemCallNumber.epollWait, .epollCtl, .read, .write, .readv, .writev, .pread64, .preadv,
      .pwrite64, .pwritev, .pwritev2, .fdatasync, .fallocate, .timerfdSettime, .ioUringEnter,
    ] {
      #expect(try allows(.device, call), "\(call.name)")
    }
    for call in [SystemCallNumber.ioctl, .openat, .clone, .clone3, .ftruncate, .unlink] {
      #expect(try !allows(.device, call, 0x3d_0f00), "\(call.name)")
    }
  }

  @Test func `the main thread starts threads and no processes`() throws {
    let thread: UInt64 = 0x3d_0f00
    #expect(try allows(.main, .clone, thread))
    // linux/sched.h: without CLONE_THREAD; a fork; with CLONE_NEWUSER, CLONE_PTRACE, CLONE_PIDFD
    for flags in [
      thread & ~0x1_0000, 17, thread | 0x1000_0000, thread | 0x2000, thread | 0x1000,
      thread | 1 << 40,
    ] {
      #expect(try !allows(.main, .clone, flags), "\(flags)")
    }
    #expect(try verdict(.main, .clone3, 0, 0) == SeccompAction.fail(.noFunction).verdict())
  }
}

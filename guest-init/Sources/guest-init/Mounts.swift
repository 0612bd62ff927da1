internal import CGuest

/// The file systems of a guest.
enum Mounts {
  /// Where cgroup v2 lies.
  static let cgroup = "/sys/fs/cgroup"

  /// Mounts what init and the workers need; returns what could not be mounted.
  ///
  /// devtmpfs comes first, because there is no console before it.
  static func mountAll() -> [Failure] {
    var failures: [Failure] = []
    mount("devtmpfs", "/dev", isSecure: false, &failures)
    if guest_console_open() < 0 { failures.append(Failure("open /dev/console")) }
    mount("proc", "/proc", &failures)
    mount("sysfs", "/sys", &failures)
    // What the host has put there stays in sight: the root is as good a place to write to.
    for path in ["/tmp", "/run"] where Files.list(path).isEmpty {
      mount("tmpfs", path, &failures)
    }
    mount("cgroup2", cgroup, &failures)
    // Nice to have: kernels without them are fine.
    var ignored: [Failure] = []
    mount("debugfs", "/sys/kernel/debug", &ignored)
    mount("tracefs", "/sys/kernel/tracing", &ignored)
    return failures
  }

  /// Mounts what programs expect besides; kernels without some of it are fine.
  static func mountForPrograms() {
    var ignored: [Failure] = []
    mount("devpts", "/dev/pts", &ignored)
    mount("tmpfs", "/dev/shm", &ignored)
    mount("bpf", "/sys/fs/bpf", &ignored)
    let links = [
      ("/proc/self/fd", "/dev/fd"), ("/proc/self/fd/0", "/dev/stdin"),
      ("/proc/self/fd/1", "/dev/stdout"), ("/proc/self/fd/2", "/dev/stderr"),
    ]
    for (target, path) in links { _ = unsafe guest_symlink(target, path) }
  }

  private static func mount(
    _ type: String, _ target: String, isSecure: Bool = true, _ failures: inout [Failure]
  ) {
    // Below /sys the kernel makes the mount points; there mkdir fails, and mount tells.
    _ = unsafe guest_make_directory(target)
    let result = unsafe guest_mount(type, target, isSecure ? 1 : 0)
    // EBUSY: CONFIG_DEVTMPFS_MOUNT was there first.
    if result < 0 && result != -16 {
      failures.append(Failure("mount " + type + " on " + target, result: Int(result)))
    }
  }
}

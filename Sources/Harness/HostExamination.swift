import Glibc
import HostOS
import KVM
package import Kernels
import Machine
import SystemPackage

/// One thing that the doctor found.
package struct Finding: Sendable, Equatable {
  /// How bad it is.
  package enum Level: Sendable, Equatable {
    /// As it should be.
    case good
    /// Works, with less than there could be.
    case limited
    /// `ktstr test` does not work because of it.
    case broken
  }

  /// How bad it is.
  package var level: Level
  /// What was looked at.
  package var subject: String
  /// What was found.
  package var text: String
  /// The command that mends it.
  package var remedy: String?

  init(_ level: Level, _ subject: String, _ text: String, remedy: String? = nil) {
    self.level = level
    self.subject = subject
    self.text = text
    self.remedy = remedy
  }
}

/// Looks at everything that `ktstr test` needs of a host.
package struct HostExamination {
  /// A run's evidence and the guest images of a few kernels fit well into this.
  private static let wantedDisk: UInt64 = 1 << 30
  /// A guest of the default size and the host's own needs.
  private static let wantedMemory: UInt64 = 1 << 30
  private static let versionLimit: UInt64 = 10_000_000_000

  private let outputPath: String
  private let store: KernelStore?

  /// Examines this host.
  ///
  /// - Parameters:
  ///   - output: Where run directories shall be made; the default is that of `--output`.
  ///   - store: The kernels; nil for the user's own.
  package init(output: String = "ktstr-results", store: KernelStore? = nil) {
    outputPath = output
    self.store = store
  }

  /// All findings, in the order in which a run would meet them.
  package func findings() -> [Finding] {
    let kvm = NativeSpeedProbe.run()
    return [
      self.kvm(kvm), qemu(), engine(kvm), guestInit(), kernels(), shell(), cgroup(), memory(),
      cache(), output(),
    ]
  }

  private func kvm(_ finding: KVMFinding) -> Finding {
    let text = EngineChoice.describe(finding)
    switch finding {
    case .native: return Finding(.good, "kvm", text)
    case .emulated:
      return Finding(
        .limited, "kvm", text,
        remedy: "none from inside: this host has no hardware virtualization; guests use tcg")
    case .absent:
      return Finding(.limited, "kvm", text, remedy: "modprobe kvm_intel || modprobe kvm_amd")
    case .notPermitted:
      return Finding(.limited, "kvm", text, remedy: "sudo usermod -aG kvm $USER, then log in again")
    case .broken:
      return Finding(.limited, "kvm", text, remedy: "dmesg | grep -i kvm")
    }
  }

  private func qemu() -> Finding {
    guard let path = ExecutableSearch.find(EngineChoice.qemuName) else {
      return Finding(
        .broken, "qemu", "\(EngineChoice.qemuName) is not in PATH",
        remedy: "apt-get install qemu-system-x86")
    }
    do {
      var request = ToolRequest(path, ["--version"])
      request.timeLimitNanoseconds = Self.versionLimit
      let output = try ToolRunner.run(request).text
      let version = output.split(separator: "\n").first.map(String.init) ?? "unknown version"
      return Finding(.good, "qemu", "\(path): \(version)")
    } catch {
      return Finding(
        .broken, "qemu", "\(path) does not run: \(error)",
        remedy: "apt-get install --reinstall qemu-system-x86")
    }
  }

  private func engine(_ finding: KVMFinding) -> Finding {
    do {
      let choice = try EngineChoice(.auto) { finding }
      return Finding(.good, "engine", "auto takes \(choice.engine.rawValue): \(choice.reason)")
    } catch {
      return Finding(
        .broken, "engine", "auto finds none: \(error)", remedy: "apt-get install qemu-system-x86")
    }
  }

  private func guestInit() -> Finding {
    do {
      let path = try GuestInitProgram.locate(executable: try OwnExecutable.path())
      return Finding(.good, "guest init", path)
    } catch {
      return Finding(.broken, "guest init", "\(error)", remedy: "make build")
    }
  }

  private func kernels() -> Finding {
    let store: KernelStore
    do {
      store = try self.store ?? KernelStore.standard()
    } catch {
      return Finding(.broken, "kernels", "\(error)", remedy: "export HOME=/some/directory")
    }
    do {
      let known = try store.list()
      if !known.isEmpty {
        let names = known.map(\.id).joined(separator: ", ")
        return Finding(.good, "kernels", "\(names) (in \(store.root.string))")
      }
      guard let image = HostKernel.images().first else {
        return Finding(
          .broken, "kernels", "none in \(store.root.string), no readable /boot/vmlinuz-*",
          remedy: "ktstr kernel fetch")
      }
      return Finding(
        .limited, "kernels", "none fetched; the host's own \(image.string) would be used",
        remedy: "ktstr kernel fetch")
    } catch {
      return Finding(.broken, "kernels", "\(error)", remedy: "ls -ld \(store.root.string)")
    }
  }

  private func shell() -> Finding {
    guard let path = ExecutableSearch.find(ShellGuest.busybox) else {
      return Finding(
        .limited, "busybox", "not in PATH, so `ktstr shell` has no shell to offer",
        remedy: "apt-get install busybox-static")
    }
    return Finding(.good, "busybox", "\(path), for `ktstr shell`")
  }

  private func cgroup() -> Finding {
    let path = "/sys/fs/cgroup/cgroup.controllers"
    guard let bytes = try? Files.read(path, limit: 4096) else {
      return Finding(
        .good, "cgroup", "the host has no cgroup v2 at /sys/fs/cgroup; only guests need one")
    }
    let text = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first ?? ""
    return Finding(.good, "cgroup", "v2 on the host, with \(text.isEmpty ? "nothing" : text)")
  }

  private func memory() -> Finding {
    guard let bytes = HostMemory.available() else {
      return Finding(.limited, "memory", "/proc/meminfo does not say")
    }
    let enough = bytes >= Self.wantedMemory
    return Finding(
      enough ? .good : .limited, "memory", "\(bytes >> 20) MiB available",
      remedy: enough ? nil : "give machine.memory a smaller value, or free some")
  }

  /// The kernel store; a user may share one that only others write.
  private func cache() -> Finding {
    let subject = "kernel cache"
    guard let store = try? self.store ?? KernelStore.standard() else {
      return Finding(
        .broken, subject, "there is no place for one", remedy: "export HOME=/some/directory")
    }
    let path = store.root.string
    if let reason = DirectoryProbe.refusal(ofWritingBelow: path) {
      let known = (try? store.list()) ?? []
      let remedy = "export XDG_CACHE_HOME to a directory that you may write"
      guard !known.isEmpty else {
        return Finding(
          .broken, subject, "\(path) holds no kernel and cannot be written (\(reason))",
          remedy: remedy)
      }
      return Finding(
        .limited, subject,
        "\(path) cannot be written (\(reason)): each run builds its own base archive, no kernel "
          + "can be fetched or taken by its path",
        remedy: remedy)
    }
    return space(subject, path, remedy: "free some space, or export XDG_CACHE_HOME to elsewhere")
  }

  /// Where `ktstr test` would make its run directories without `--output`.
  private func output() -> Finding {
    let subject = "output directory"
    let remedy = "free some space, or choose another place with --output"
    if let reason = DirectoryProbe.refusal(ofWritingBelow: outputPath) {
      return Finding(
        .broken, subject, "\(outputPath) cannot be written (\(reason))",
        remedy: "change to another directory, or choose another place with --output")
    }
    return space(subject, outputPath, remedy: remedy)
  }

  private func space(_ subject: String, _ path: String, remedy: String) -> Finding {
    guard let free = DirectoryProbe.freeBytes(below: path) else {
      return Finding(.good, subject, "\(path) can be written")
    }
    let enough = free >= Self.wantedDisk
    return Finding(
      enough ? .good : .limited, subject, "\(path): \(free >> 20) MiB free",
      remedy: enough ? nil : remedy)
  }
}

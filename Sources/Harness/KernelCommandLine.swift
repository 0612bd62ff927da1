import Machine
import Scenario
import Topology

/// The kernel command line of every guest, argument by argument.
enum KernelCommandLine {
  static func arguments(_ engine: EngineKind, isShell: Bool) -> [KernelArgument] {
    var list: [KernelArgument] = [
      .init("console=ttyS0", because: "console.log, and the text of a panic"),
      .init("panic=-1", because: "a panicked guest resets at once, which ends the engine"),
      .init("oops=panic", because: "a kernel that has oopsed proves nothing any more"),
      .init("nokaslr", because: "addresses in the console match the kernel's ELF"),
      .init("mitigations=off", because: "a scheduler is measured, not the CPU's workarounds"),
      .init("random.trust_cpu=on", because: "no waiting for entropy early in the boot"),
      .init("i8042.noaux", because: "no probe of a mouse port that nobody uses"),
      .init("net.ifnames=0", because: "no renaming of interfaces that are not there"),
    ]
    switch engine {
    case .tcg:
      list.append(
        .init(
          "tsc=reliable",
          because: "the software CPU has one clock for all vCPUs, and a loaded host must not make "
            + "the kernel fall back to a slow one"))
    case .kvm:
      list += [
        .init("reboot=k", because: "a reset by the keyboard controller is the one that is there"),
        .init("pci=off", because: "there is no PCI, and looking for it takes hundreds of exits"),
        .init("8250.nr_uarts=1", because: "there is one serial port, and probing takes exits"),
      ]
    }
    if isShell {
      list.append(.init("loglevel=4", because: "the console is the user's terminal"))
    } else if engine == .kvm {
      list.append(
        .init(
          "loglevel=5",
          because: "each byte of the console costs exits: only warnings and worse are printed"))
    }
    return list
  }

  /// For guests whose programs may need CMPXCHG16B, as Swift's runtime does without asking.
  static let hidingCX16 = KernelArgument(
    "clearcpuid=141",
    because: "X86_FEATURE_CX16: the software CPU of QEMU 7.2 spoils the flags of CMPXCHG16B, of "
      + "which kernels die; what they do not see they use neither themselves nor give to guests")

  /// What the checks of a scenario need besides.
  static func arguments(for expect: Expectations) -> [KernelArgument] {
    guard !expect.pressure.isEmpty else { return [] }
    return [
      .init(
        "psi=1",
        because: "a check of the scenario is about pressure, and kernels may have it built in but "
          + "switched off (CONFIG_PSI_DEFAULT_DISABLED)")
    ]
  }

  /// What a guest of this arrangement needs besides.
  static func arguments(_ engine: EngineKind, for topology: CPUTopology) -> [KernelArgument] {
    guard engine == .tcg, topology.cpuCount <= 8, topology.highestAPICID >= topology.cpuCount else {
      return []
    }
    return [
      .init(
        "possible_cpus=9",
        because: "QEMU 7.2 loses interrupts to logical destinations behind a gap of the APIC ids, "
          + "and Linux 6.1 uses those up to 8 possible CPUs: it would hang in its boot")
    ]
  }
}

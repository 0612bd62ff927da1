import HostOS
import SystemPackage

extension Kernel {
  /// Whether the kernel has sched_ext, by its stored configuration; nil where there is none.
  package var hasSchedExt: Bool? {
    guard let config, let bytes = try? Files.read(config.string, limit: 16 << 20) else {
      return nil
    }
    return KernelText.isSet("CONFIG_SCHED_CLASS_EXT", inConfig: bytes)
  }
}

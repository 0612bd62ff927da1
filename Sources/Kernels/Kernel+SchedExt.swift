import HostOS
import SystemPackage

extension Kernel {
  /// Whether the kernel has sched_ext, by its stored configuration, or without one by what its BTF
  /// said when it was stored; nil where neither can tell.
  package var hasSchedExt: Bool? {
    guard let config, let bytes = try? Files.read(config.string, limit: 16 << 20) else {
      return metadata.schedExt
    }
    return KernelText.isSet("CONFIG_SCHED_CLASS_EXT", inConfig: bytes)
  }
}

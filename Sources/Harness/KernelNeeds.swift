import Boot
import HostOS
package import Kernels
import SystemPackage

/// How much memory a kernel needs before any work can run.
package enum KernelNeeds {
  /// For page tables, slab caches, device queues and a few processes.
  private static let workingSet: UInt64 = 24 << 20
  /// Per-CPU areas, stacks and timers.
  private static let perCPU: UInt64 = 1 << 20
  /// x86-64 maps the kernel's image into 1 GiB (Documentation/arch/x86/x86_64/mm.rst).
  private static let largestFootprint: UInt64 = 1 << 30

  /// The least memory in bytes for a guest of this kernel, in whole MiB; the most there can be
  /// where the sum is beyond any number.
  ///
  /// The archive counts twice: as it was loaded, and as it is unpacked into the root file system.
  /// One byte in 64 is the kernel's own account of each page (`struct page`).
  package static func memory(
    kernelBytes: UInt64, initramfsBytes: UInt64, cpus: Int
  ) -> UInt64 {
    let mebibyte: UInt64 = 1 << 20
    let ofCPUs = perCPU.saturatingMultiply(UInt64(max(cpus, 1)))
    let sum =
      kernelBytes.saturatingAdd(initramfsBytes.saturatingAdd(initramfsBytes))
      .saturatingAdd(workingSet).saturatingAdd(ofCPUs)
    return (sum.saturatingAdd(sum / 64) / mebibyte).saturatingAdd(1)
      .saturatingMultiply(mebibyte)
  }

  /// What the kernel itself takes once loaded: the end of its highest segment above its lowest.
  ///
  /// - Throws: ``PreparationError/kernel(_:)`` for a file that is no kernel, or none that x86-64
  ///   can load.
  package static func footprint(of kernel: Kernel) throws(PreparationError) -> UInt64 {
    let footprint: UInt64
    do {
      let bytes = try Files.read(kernel.elf.string, limit: 1 << 30)
      let image = try ELFImage(parsing: bytes.span)
      let loads = image.segments.filter { $0.type == ELFImage.loadable }
      let low = loads.map(\.physicalAddress).min() ?? 0
      let high = loads.map { $0.physicalAddress.saturatingAdd($0.memorySize) }.max() ?? 0
      footprint = high > low ? high - low : 0
    } catch {
      throw .kernel("kernel \(kernel.id): \(error)")
    }
    guard footprint <= largestFootprint else {
      throw .kernel(
        "kernel \(kernel.id): its segments span \(footprint >> 20) MiB of memory, and no x86-64 "
          + "kernel takes more than \(largestFootprint >> 20) MiB: the image is damaged")
    }
    return footprint
  }
}

extension UInt64 {
  fileprivate func saturatingMultiply(_ other: UInt64) -> UInt64 {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max : product
  }
}

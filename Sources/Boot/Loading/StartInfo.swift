/// PVH's `hvm_start_info` with its module list and memory map.
///
/// Spec: Xen, xen/include/public/arch-x86/hvm/start_info.h, version 1.
enum StartInfo {
  static func writes(
    initrd: InitrdPlacement?, rsdpAddress: UInt64, map: [MemoryMapEntry]
  ) -> [MemoryWrite] {
    var info = FixedLayout(size: 56)
    info.put(0x336e_c578 as UInt32, at: 0)  // magic
    info.put(1 as UInt32, at: 4)  // version
    info.put(initrd == nil ? 0 : 1 as UInt32, at: 12)  // nr_modules
    info.put(initrd == nil ? 0 : GuestLayout.moduleList.lowerBound, at: 16)  // modlist_paddr
    info.put(GuestLayout.commandLine.lowerBound, at: 24)  // cmdline_paddr
    info.put(rsdpAddress, at: 32)  // rsdp_paddr
    info.put(GuestLayout.memoryMap.lowerBound, at: 40)  // memmap_paddr
    info.put(UInt32(map.count), at: 48)  // memmap_entries

    var entries = FixedLayout(size: 24 * map.count)
    for (index, entry) in map.enumerated() {
      entries.put(entry.range.lowerBound, at: 24 * index)
      entries.put(entry.size, at: 24 * index + 8)
      entries.put(entry.kind.rawValue, at: 24 * index + 16)
    }
    var writes = [
      MemoryWrite(
        what: "start info", address: GuestLayout.startInfo.lowerBound, bytes: info.bytes),
      MemoryWrite(
        what: "memory map", address: GuestLayout.memoryMap.lowerBound, bytes: entries.bytes),
    ]
    if let initrd {
      var module = FixedLayout(size: 32)
      module.put(initrd.address, at: 0)  // paddr
      module.put(initrd.bytes, at: 8)  // size
      writes.append(
        MemoryWrite(
          what: "module list", address: GuestLayout.moduleList.lowerBound, bytes: module.bytes))
    }
    return writes
  }
}

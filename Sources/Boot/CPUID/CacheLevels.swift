import Topology

/// The caches of a CPU, as leaves 4 (Intel) and 0x8000001D (AMD) describe them.
///
/// There are always L1 data, L1 code, L2 and L3, in this order: on AMD Linux takes subleaf 3 and
/// the last one for the L3. Sizes are the host's. Who shares a cache is the topology's: L1 and L2
/// belong to a core, the L3 is the LLC. Each width is a power of two, a span of APIC ids: Linux
/// divides by it.
struct CacheLevels: Sendable {
  /// What tells the caches apart: EAX bits 0 to 7 of their answers.
  private static let kinds: [UInt32] = [
    cacheData | 1 << 5, cacheCode | 1 << 5, cacheUnified | 2 << 5, cacheUnified | 3 << 5,
  ]

  private let caches: [CPUIDEntry]

  /// Reads the host's caches from the leaf that the vendor has for them, else from AMD's older
  /// leaves; one that the host does not tell of is made up, because an LLC is to be seen.
  init(_ supported: [CPUIDEntry], vendor: CPUIDVendor) {
    let leaf: UInt32 = vendor == .intel ? 4 : 0x8000_001d
    let told = supported.filter { $0.function == leaf }
    let older = vendor == .amd ? Self.legacy(supported) : []
    caches = zip(Self.kinds, Self.defaults).map { kind, cache in
      (told + older).first { $0.eax.bits(0...7) == kind } ?? cache
    }
  }

  /// Leaf 4 of every CPU of a topology (Intel SDM volume 2A, CPUID), ended by a cache of no type.
  func intelLeaves(_ topology: CPUTopology) -> [CPUIDEntry] {
    leaves(4, topology) { $0.eax.set(bits: 26...31, to: 1 << topology.coreBits - 1) }
  }

  /// Leaf 0x8000001D of every CPU of a topology (AMD APM volume 3, E.4.15).
  func amdLeaves(_ topology: CPUTopology) -> [CPUIDEntry] {
    leaves(0x8000_001d, topology) { _ in }
  }

  /// EDX of leaf 0x80000006 for the L3: 512 KiB units, "see leaf 0x8000001D" for its ways, lines.
  var amdL3Descriptor: UInt32 {
    let l3 = caches[Self.kinds.count - 1]
    let line = UInt64(l3.ebx.bits(0...11)) + 1
    let partitions = UInt64(l3.ebx.bits(12...21)) + 1
    let ways = UInt64(l3.ebx.bits(22...31)) + 1
    // 12, 10, 10 and 32 bits: no product of them overflows.
    let bytes = line * partitions * ways * (UInt64(l3.ecx) + 1)
    var descriptor: UInt32 = 0
    descriptor.set(bits: 18...31, to: Int(clamping: max(bytes >> 19, 1)))
    descriptor.set(bits: 12...15, to: 9)
    descriptor.set(bits: 8...11, to: 1)
    descriptor.set(bits: 0...7, to: Int(line))
    return descriptor
  }

  private func leaves(
    _ function: UInt32, _ topology: CPUTopology, _ finish: (inout CPUIDEntry) -> Void
  ) -> [CPUIDEntry] {
    var leaves: [CPUIDEntry] = []
    for cache in caches {
      var entry = cache
      entry.function = function
      entry.index = UInt32(leaves.count)
      entry.flags = CPUIDEntry.significantIndex
      // Type, level, self-initialising, fully associative.
      entry.eax = cache.eax.bits(0...9)
      let isLast = cache.eax.bits(5...7) == 3
      let bits = topology.threadBits + (isLast ? topology.coreBits : 0)
      entry.eax.set(bits: 14...25, to: 1 << bits - 1)
      finish(&entry)
      leaves.append(entry)
    }
    leaves.append(
      CPUIDEntry(
        function: function, index: UInt32(leaves.count), flags: CPUIDEntry.significantIndex))
    return leaves
  }
}

// MARK: - Caches of hosts that tell little

extension CacheLevels {
  private static let cacheData: UInt32 = 1
  private static let cacheCode: UInt32 = 2
  private static let cacheUnified: UInt32 = 3

  /// Sizes of caches that a host does not tell of, in the order of ``kinds``.
  private static let defaults = [
    cache(type: cacheData, level: 1, kibibytes: 32, ways: 8),
    cache(type: cacheCode, level: 1, kibibytes: 32, ways: 8),
    cache(type: cacheUnified, level: 2, kibibytes: 512, ways: 8),
    cache(type: cacheUnified, level: 3, kibibytes: 16 << 10, ways: 16),
  ]

  private static func cache(
    type: UInt32, level: UInt32, kibibytes: UInt32, ways: UInt32, line: UInt32 = 64,
    isFullyAssociative: Bool = false
  ) -> CPUIDEntry {
    let lines = max(kibibytes << 10 / line, 1)
    let sets = isFullyAssociative ? 1 : max(lines / ways, 1)
    var entry = CPUIDEntry(function: 0)
    entry.eax = type | level << 5 | 1 << 8 | (isFullyAssociative ? 1 << 9 : 0)
    entry.ebx.set(bits: 0...11, to: Int(line) - 1)
    entry.ebx.set(bits: 22...31, to: Int(isFullyAssociative ? lines : ways) - 1)
    entry.ecx = sets - 1
    return entry
  }

  /// Ways by their code in leaf 0x80000006; 0 where it tells none, all ones for "all of them".
  private static let ways: [UInt32] = [
    0, 1, 2, 3, 4, 6, 8, 0, 16, 16, 32, 48, 64, 96, 128, .max,
  ]

  /// L1, L2 and L3 from leaves 0x80000005 and 0x80000006 (AMD APM volume 3, E.4.4 and E.4.5).
  private static func legacy(_ supported: [CPUIDEntry]) -> [CPUIDEntry] {
    guard let l1 = supported[leaf: 0x8000_0005], let l23 = supported[leaf: 0x8000_0006] else {
      return []
    }
    var caches: [CPUIDEntry] = []
    func add(type: UInt32, level: UInt32, kibibytes: UInt32, ways: UInt32, line: UInt32) {
      guard kibibytes > 0, ways > 0, line > 0 else { return }
      caches.append(
        cache(
          type: type, level: level, kibibytes: kibibytes, ways: ways, line: line,
          isFullyAssociative: ways == .max))
    }
    for (type, word) in [(cacheData, l1.ecx), (cacheCode, l1.edx)] {
      let ways = word.bits(16...23)
      add(
        type: type, level: 1, kibibytes: word.bits(24...31), ways: ways == 0xff ? .max : ways,
        line: word.bits(0...7))
    }
    add(
      type: cacheUnified, level: 2, kibibytes: l23.ecx.bits(16...31),
      ways: ways[Int(l23.ecx.bits(12...15))],
      line: l23.ecx.bits(0...7))
    add(
      type: cacheUnified, level: 3, kibibytes: l23.edx.bits(18...31) << 9,
      ways: ways[Int(l23.edx.bits(12...15))], line: l23.edx.bits(0...7))
    return caches
  }
}

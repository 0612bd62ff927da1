import GuestMemory
import HostOS
import Testing

/// Regions against an array that holds, for each address, a byte or nothing.
@Suite struct ModelTests {
  /// Every way to put up to four regions of one to three bytes into ten addresses.
  private func layouts() -> [[(base: Int, size: Int)]] {
    var result: [[(base: Int, size: Int)]] = []
    func extend(_ layout: [(base: Int, size: Int)], _ from: Int) {
      if !layout.isEmpty { result.append(layout) }
      guard layout.count < 4, from < 10 else { return }
      for base in from..<10 {
        for size in 1...3 where base + size <= 10 {
          extend(layout + [(base, size)], base + size)
        }
      }
    }
    extend([], 0)
    return result
  }

  @Test func `M9 M10 M11 M12 M16 M17 M19 M24 every small layout is as the array says`() throws {
    // Making a region is a system call: there are few different ones.
    var cache: [Int: GuestRegion] = [:]
    for base in 0..<10 {
      for size in 1...3 {
        cache[base * 4 + size] = try GuestRegion(
          anonymousAt: GuestAddress(UInt64(base)), size: UInt64(size))
      }
    }
    let layouts = layouts()
    #expect(layouts.count > 1000)
    var failures = 0
    for layout in layouts {
      let map = try GuestMemoryMap(layout.map { try #require(cache[$0.base * 4 + $0.size]) })
      var owner = [Int?](repeating: nil, count: 14)
      for (index, region) in layout.enumerated() {
        for address in region.base..<(region.base + region.size) { owner[address] = index }
      }
      for start in 0..<12 {
        let at = GuestAddress(UInt64(start))
        let found = map.region(containing: at)?.base
        let expected = owner[start].map { GuestAddress(UInt64(layout[$0].base)) }
        if found != expected { failures += 1 }
        for count in 0...(13 - start) {
          let run = owner[start..<(start + count)].prefix { $0 != nil }.count
          if map.contains(at, count: UInt64(count)) != (run == count) { failures += 1 }
          let target = map.address(at, offsetBy: UInt64(count))
          if (target != nil) != (owner[start + count] != nil) { failures += 1 }
          let one = [UInt8](repeating: UInt8(count), count: count)
          let moved = (try? map.writeAvailable(one.span.bytes, at: at)) ?? 0
          if moved != run { failures += 1 }
          let slices = try? map.slices(at: at, count: count)
          if (slices != nil) != (run == count) { failures += 1 }
          if let slices {
            let addresses = slices.flatMap { slice in
              (0..<slice.count).map { Int(slice.address.rawValue) + $0 }
            }
            if addresses != Array(start..<(start + count)) { failures += 1 }
            for slice in slices {
              let owners = (0..<slice.count).map { owner[Int(slice.address.rawValue) + $0] }
              if Set(owners).count != 1 { failures += 1 }
            }
          }
        }
      }
    }
    #expect(failures == 0)
  }

  @Test(arguments: [1, 2, 3, 5, 17, 64, 255, 256, 300])
  func `M9 M10 lookups are right with many regions of uneven sizes, wherever they are`(count: Int)
    throws
  {
    for seed in 1...6 as ClosedRange<UInt64> {
      var random = SplitMix64(seed: seed * 1000 + UInt64(count))
      // Gaps and sizes from one byte to a large part of the address space; seed 6 ends at 2^64.
      let scale = [1, 8, 4096, 1 << 20, 1 << 40, 1 << 46][Int(seed) - 1] as UInt64
      var next = UInt64.random(in: 0...scale, using: &random)
      var regions: [GuestRegion] = []
      for index in 0..<count {
        let isLast = index == count - 1
        let size = UInt64.random(in: 1...8192, using: &random)
        if seed == 6 && isLast { next = 0 &- size }
        regions.append(try GuestRegion(anonymousAt: GuestAddress(next), size: size))
        let gap = Bool.random(using: &random) ? 0 : UInt64.random(in: 0...scale, using: &random)
        next = next &+ size &+ gap
      }
      let map = try GuestMemoryMap(regions)
      var failures = 0
      func check(_ address: UInt64) {
        let at = GuestAddress(address)
        // The slow, obvious way.
        let expected = regions.first { $0.base <= at && at <= $0.last }
        if map.region(containing: at)?.base != expected?.base { failures += 1 }
        let view = map.unsafeView
        let range = view.unsafePrefix(at: at, limit: 64)
        guard let expected else {
          if range != nil { failures += 1 }
          return
        }
        let offset = address - expected.base.rawValue
        if range?.baseAddress != expected.unsafeHostBase + Int(offset) { failures += 1 }
        let room = expected.last.rawValue - address
        if range?.count != Int(min(room, 63)) + 1 { failures += 1 }
      }
      for region in regions {
        check(region.base.rawValue)
        check(region.last.rawValue)
        check(region.base.rawValue &- 1)
        check(region.last.rawValue &+ 1)
        check(UInt64.random(in: region.base.rawValue...region.last.rawValue, using: &random))
      }
      for _ in 0..<500 { check(UInt64.random(in: 0...max(map.last.rawValue, 1), using: &random)) }
      for address in [0, 1, .max, .max - 1, 1 << 63] as [UInt64] { check(address) }
      #expect(failures == 0, "seed \(seed), \(count) regions")
    }
  }

  @Test(arguments: 1...10)
  func `M16 M17 M18 M21 M43 random accesses do as an array does, and mark its pages`(seed: UInt64)
    throws
  {
    var random = SplitMix64(seed: seed)
    // Four regions, of which two touch, in six pages.
    let bases: [(base: UInt64, size: UInt64)] = [
      (0x100, 0x1300), (0x1400, 0x800), (0x2000, 0x1000), (0x4001, 0x1ffe),
    ]
    let bitmap = try DirtyBitmap(through: GuestAddress(0x5fff))
    let map = try GuestMemoryMap(
      bases.map { try GuestRegion(anonymousAt: GuestAddress($0.base), size: $0.size) }
    ).tracking(bitmap)
    var bytes = [UInt8?](repeating: nil, count: 0x6100)
    for region in bases {
      for address in region.base..<(region.base + region.size) { bytes[Int(address)] = 0 }
    }
    for _ in 0..<1500 {
      let start = Int.random(in: 0..<0x6010, using: &random)
      let count = [1, 2, 4, 8, 16, 100, 3000].randomElement(using: &random) ?? 1
      let at = GuestAddress(UInt64(start))
      let end = min(bytes.count, start + count)
      let run = bytes[start..<end].prefix { $0 != nil }.count
      var dirty: Set<Int> = []
      switch Int.random(in: 0..<4, using: &random) {
      case 0:
        let source = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
        let moved = (try? map.writeAvailable(source.span.bytes, at: at)) ?? 0
        #expect(moved == run, "seed \(seed)")
        for index in 0..<run {
          bytes[start + index] = source[index]
          dirty.insert((start + index) >> 12)
        }
      case 1:
        let got = try? map.bytes(at: at, count: count)
        let expected = run == count ? bytes[start..<(start + count)].compactMap { $0 } : nil
        #expect(got == expected, "seed \(seed)")
      case 2:
        let value = UInt32.random(in: 0...(.max), using: &random)
        let isWhole = bytes[start..<(start + 4)].allSatisfy { $0 != nil }
        let isWritten = (try? map.writeValue(value, at: at)) != nil
        #expect(isWritten == isWhole, "seed \(seed)")
        if isWhole {
          for index in 0..<4 {
            bytes[start + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(index)))
            dirty.insert((start + index) >> 12)
          }
        }
      default:
        let value = UInt16.random(in: 0...(.max), using: &random)
        do throws(GuestMemoryError) {
          try map.store(value, at: at)
          #expect(start % 2 == 0)
          bytes[start] = UInt8(value & 0xff)
          bytes[start + 1] = UInt8(value >> 8)
          dirty.insert(start >> 12)
        } catch {
          // Odd for the guest or for the host, or not in one region.
          let isHere = bytes[start] != nil && bytes[start + 1] != nil
          #expect(!isHere || start % 2 != 0 || start >= 0x4001, "seed \(seed)")
        }
      }
      let marked = bitmap.takeSnapshot()
      let pages = (0..<6).filter { marked.bytes[0] & (1 << UInt8($0)) != 0 }
      #expect(Set(pages) == dirty, "seed \(seed)")
    }
    for region in bases {
      let whole = try map.bytes(at: GuestAddress(region.base), count: Int(region.size))
      let expected = bytes[Int(region.base)..<Int(region.base + region.size)].compactMap { $0 }
      #expect(whole == expected, "seed \(seed)")
    }
  }
}

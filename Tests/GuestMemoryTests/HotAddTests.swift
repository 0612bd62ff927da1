import GuestMemory
import HostOS
import Synchronization
import Testing

@Suite struct HotAddTests {
  private func region(_ base: UInt64) throws -> GuestRegion {
    try GuestRegion(anonymousAt: GuestAddress(base), size: 0x1000)
  }

  @Test func `M45 added memory is there for who asks afterwards, and only for those`() throws {
    let current = CurrentGuestMemory(try GuestMemoryMap([try region(0)]))
    let before = current.map
    let added = try region(0x1000)
    try current.update { map throws(GuestMemoryError) in try map.inserting(added) }
    let after = current.map
    #expect(!before.contains(GuestAddress(0x1000), count: 1))
    #expect(after.contains(GuestAddress(0), count: 0x2000))
    try after.write([7], at: GuestAddress(0xfff))
    #expect(try before.bytes(at: GuestAddress(0xfff), count: 1) == [7])
    try current.update { map throws(GuestMemoryError) in
      try map.removing(base: GuestAddress(0x1000), size: 0x1000)
    }
    // Who holds the map that has it goes on with it.
    try after.write([1, 2], at: GuestAddress(0x1000))
    #expect(try after.bytes(at: GuestAddress(0x1000), count: 2) == [1, 2])
    #expect(!current.map.contains(GuestAddress(0x1000), count: 1))
  }

  @Test func `M45 a change that fails leaves the map as it was`() throws {
    let current = CurrentGuestMemory(try GuestMemoryMap([try region(0)]))
    let before = current.map
    let overlapping = try region(0x800)
    #expect(throws: GuestMemoryError.self) {
      try current.update { map throws(GuestMemoryError) in try map.inserting(overlapping) }
    }
    #expect(current.map === before)
  }

  @Test func `M46 readers see whole maps only, while memory comes and goes`() throws {
    // Generation g has g regions, and the first word of each says so.
    func make(_ generation: Int) throws(GuestMemoryError) -> GuestMemoryMap {
      var regions: [GuestRegion] = []
      for index in 0..<generation {
        regions.append(
          try GuestRegion(anonymousAt: GuestAddress(UInt64(index) * 0x2000), size: 0x1000))
      }
      let map = try GuestMemoryMap(regions)
      for region in regions { try map.store(UInt64(generation), at: region.base) }
      return map
    }
    let current = CurrentGuestMemory(try make(1))
    let wrong = Atomic<Int>(0)
    let looks = Atomic<Int>(0)
    let stop = Atomic<Bool>(false)
    let read: @Sendable () -> Void = {
      while !stop.load(ordering: .relaxed) {
        let map = current.map
        let count = map.regions.count
        for index in 0..<8 {
          let at = GuestAddress(UInt64(index) * 0x2000)
          let word = try? map.loadUInt64(at: at)
          if word != (index < count ? UInt64(count) : nil) {
            wrong.wrappingAdd(1, ordering: .relaxed)
          }
        }
        looks.wrappingAdd(1, ordering: .relaxed)
      }
    }
    var first = try HostThread(name: "first", read)
    var second = try HostThread(name: "second", read)
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 10_000_000_000)
    var round = 0
    while round < 1000 || looks.load(ordering: .relaxed) < 1000, MonotonicTime.now() < deadline {
      round += 1
      try current.update { _ throws(GuestMemoryError) in try make(1 + round % 8) }
    }
    stop.store(true, ordering: .relaxed)
    let joined = first.join(until: deadline) && second.join(until: deadline)
    let count = wrong.load(ordering: .relaxed)
    #expect(joined)
    #expect(count == 0)
  }
}

import HostOS
import KVM
import Machine
import Testing

/// Random accesses, made by a guest on `/dev/kvm` and by the test to a board of the same kind.
@Suite(.serialized, .timeLimit(.minutes(60))) struct GuestFuzzTests {
  /// How many accesses one guest makes.
  private static let steps = 150

  /// Ports that the kernel answers itself: both PICs, their ELCRs, the PIT and its gate.
  private static let kernelPorts: [ClosedRange<Int>] = [
    0x20...0x21, 0xa0...0xa1, 0x4d0...0x4d1, 0x40...0x43, 0x61...0x61,
  ]

  /// Whether an access goes to the board, whole, and does not end the guest.
  private func isUsable(_ access: RandomAccess) -> Bool {
    switch access.target {
    case .port(let port):
      let ports = Int(port)...Int(port) + access.size - 1
      let isKernels = Self.kernelPorts.contains { $0.overlaps(ports) }
      return ports.upperBound <= 0xffff && !isKernels
    case .address(let address):
      // Where the guest has page tables and nobody else an answer, without a page's end within.
      return [1, 2, 4, 8].contains(access.size) && (0xc000_0000..<0xfec0_0000).contains(address)
        && address & 0xfff + UInt64(access.size) <= 4096
    }
  }

  private func place(_ index: Int) -> UInt64 { GuestKernel.free + 8 * UInt64(index) }

  /// Has a guest make an access and keep what it read.
  private func add(_ access: RandomAccess, _ index: Int, _ code: inout GuestCode) {
    code.set(.ax, access.value ?? 0)
    switch (access.target, access.value) {
    case (.port(let port), nil):
      code.set(.dx, UInt64(port))
      code.input(access.size)
      code.store(to: place(index), 8)
    case (.port(let port), _?):
      code.set(.dx, UInt64(port))
      code.out(access.size)
    case (.address(let address), nil):
      code.load(from: address, access.size)
      code.store(to: place(index), 8)
    case (.address(let address), _?): code.store(to: address, access.size)
    }
  }

  @Test func `a guest reads what a board of the same kind answers`() throws {
    try FuzzBudget(rounds: 12).run { seed in
      var random = SplitMix64(seed: seed)
      let twin = try TestBoard()
      var kernel = GuestKernel()
      kernel.mapDevices()
      var expected: [UInt64] = []
      var accesses: [RandomAccess] = []
      while accesses.count < Self.steps {
        let access = RandomAccess(&random)
        guard isUsable(access), !endsGuest(access) else { continue }
        add(access, accesses.count, &kernel.code)
        let result = twin.perform(access)
        try #require(result.consequence == .none)
        accesses.append(access)
        expected.append(result.read ?? 0)
      }
      // Out of loopback and divisor, then all that was read.
      kernel.code.out(0, port: 0x3fc)
      kernel.code.out(3, port: 0x3fb)
      kernel.code.say(8 * Self.steps, bytesAt: GuestKernel.free)
      kernel.code.reset()
      let guest = try NativeGuest(kernel, disk: DiskRequest(bytes: 1 << 20, serial: "fuzz"))
      let (end, said) = try guest.run()
      try #require(end == .guestStopped, "seed \(seed)")
      try #require(said.count >= 8 * Self.steps, "seed \(seed)")
      let dump = Array(said.suffix(8 * Self.steps))
      for (index, access) in accesses.enumerated() {
        let read = (0..<8).reduce(UInt64(0)) { $0 | UInt64(dump[8 * index + $1]) << UInt64(8 * $1) }
        try #require(read == expected[index], "seed \(seed), step \(index): \(access)")
      }
    }
  }

  /// Whether an access writes a byte that resets the guest or powers it off.
  private func endsGuest(_ access: RandomAccess) -> Bool {
    guard let value = access.value, case .port(let port) = access.target else { return false }
    return (0..<access.size).contains { index in
      let byte = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
      let place = Int(port) + index
      return place == 0x64 && byte == 0xfe || place == 0x600 && byte & 0x20 != 0
    }
  }
}

import GuestMemory
import Virtio

/// A virtio-mmio driver without interrupts, in a guest's own instructions (virtio 1.2, 4.2.3).
///
/// It gives up at the place "bad" when a device answers with anything but what is expected. Rings
/// and buffers stand in the kernel's data.
struct GuestDriver {
  /// Entries of the ring.
  static let size = 8
  private static let descriptors = GuestKernel.free
  private static let available = GuestKernel.free + 0x200
  private static let used = GuestKernel.free + 0x400
  /// Where buffers may stand.
  static let buffers = GuestKernel.free + 0x1000

  let window: UInt64
  let queue: UInt32
  /// Accesses to the device that the code makes if it runs through, by address and direction.
  private(set) var accesses: [String: UInt64] = [:]
  private var chains = 0
  private var nextDescriptor = 0

  init(window: UInt64, queue: UInt32) {
    self.window = window
    self.queue = queue
  }

  private func address(_ register: MMIORegister) -> UInt64 { window + UInt64(register.rawValue) }

  private mutating func note(_ register: MMIORegister, _ direction: String) {
    accesses["\(direction) \(String(address(register), radix: 16))", default: 0] += 1
  }

  /// Writes a register.
  mutating func write(_ value: UInt32, _ register: MMIORegister, _ kernel: inout GuestKernel) {
    kernel.code.write(UInt64(value), to: address(register))
    // The kernel takes doorbells, so that nobody else hears of them.
    if register != .queueNotify { note(register, "write") }
  }

  /// Reads a register, and gives up at any other value.
  mutating func expect(_ value: UInt32, _ register: MMIORegister, _ kernel: inout GuestKernel) {
    kernel.code.expect(value, at: address(register), else: "bad")
    note(register, "read")
  }

  /// Waits until a register has a value; how often it is read then is not foreseen.
  func wait(for value: UInt32, _ register: MMIORegister, _ kernel: inout GuestKernel) {
    kernel.code.wait(for: value, at: address(register))
  }

  /// Brings a device to work, its status machine step by step, with no feature but VERSION_1.
  mutating func start(deviceType: UInt32, _ kernel: inout GuestKernel) {
    expect(MMIORegister.magic, .magicValue, &kernel)
    expect(2, .version, &kernel)
    expect(deviceType, .deviceID, &kernel)
    for status in [0, 1, 3] as [UInt32] { write(status, .status, &kernel) }
    write(1, .deviceFeaturesSelection, &kernel)
    for (page, features) in [(1, 1), (0, 0)] as [(UInt32, UInt32)] {
      write(page, .driverFeaturesSelection, &kernel)
      write(features, .driverFeatures, &kernel)
    }
    write(11, .status, &kernel)
    expect(11, .status, &kernel)
    write(queue, .queueSelection, &kernel)
    expect(0, .queueReady, &kernel)
    write(UInt32(Self.size), .queueSize, &kernel)
    let rings: [(MMIORegister, MMIORegister, UInt64)] = [
      (.queueDescriptorLow, .queueDescriptorHigh, Self.descriptors),
      (.queueDriverLow, .queueDriverHigh, Self.available),
      (.queueDeviceLow, .queueDeviceHigh, Self.used),
    ]
    for (low, high, address) in rings {
      write(UInt32(address), low, &kernel)
      write(0, high, &kernel)
    }
    write(1, .queueReady, &kernel)
    expect(1, .queueReady, &kernel)
    write(15, .status, &kernel)
    expect(15, .status, &kernel)
  }

  /// Puts a chain of buffers into the ring, which the guest is to offer in the same order.
  mutating func addChain(
    _ parts: [(address: UInt64, length: Int, isWritable: Bool)], _ kernel: inout GuestKernel
  ) {
    kernel.put(UInt16(nextDescriptor), at: Self.available + 4 + 2 * UInt64(chains))
    for (index, part) in parts.enumerated() {
      let place = Self.descriptors + 16 * UInt64(nextDescriptor)
      let isLast = index == parts.count - 1
      kernel.put(part.address, at: place)
      kernel.put(UInt32(part.length), at: place + 8)
      kernel.put(UInt16((isLast ? 0 : 1) | (part.isWritable ? 2 : 0)), at: place + 12)
      kernel.put(UInt16(isLast ? 0 : nextDescriptor + 1), at: place + 14)
      nextDescriptor += 1
    }
    chains += 1
  }

  /// Offers all chains up to a number, rings the bell, and waits until they were used.
  mutating func offer(upTo count: Int, _ kernel: inout GuestKernel) {
    kernel.code.write(UInt64(count), to: Self.available + 2, 2)
    write(queue, .queueNotify, &kernel)
    kernel.code.wait(for: UInt32(count), at: Self.used + 2, 2)
  }
}

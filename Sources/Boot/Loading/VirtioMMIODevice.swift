/// Where a virtio-mmio device is: its window and its interrupt.
package struct VirtioMMIODevice: Hashable, Sendable {
  /// The lines of the IOAPIC that virtio devices have; those below belong to timer, keyboard,
  /// serial ports and the cascade, and the IOAPIC of KVM has 24.
  package static let interrupts: ClosedRange<UInt32> = 5...23

  /// The window in guest-physical bytes, one page.
  package let window: Range<UInt64>
  /// The GSI, which is the IOAPIC's line; edge-triggered.
  package let interrupt: UInt32

  /// A device at a place of the caller's.
  package init(window: Range<UInt64>, interrupt: UInt32) {
    self.window = window
    self.interrupt = interrupt
  }

  /// The place of the device of this index, from 0; nil where interrupts or windows run out.
  package init?(index: Int) {
    guard let number = UInt32(exactly: index), number < UInt32(Self.interrupts.count) else {
      return nil
    }
    let start = GuestLayout.virtioDevices.lowerBound + UInt64(number) * GuestLayout.virtioDeviceSize
    let end = start + GuestLayout.virtioDeviceSize
    guard end <= GuestLayout.virtioDevices.upperBound else { return nil }
    self.init(window: start..<end, interrupt: Self.interrupts.lowerBound + number)
  }

  /// The kernel parameter that announces it where no ACPI table does.
  ///
  /// Source: Linux, drivers/virtio/virtio_mmio.c, `vm_cmdline_set`.
  package var kernelParameter: String {
    let size = window.upperBound - window.lowerBound
    let address = String(window.lowerBound, radix: 16)
    return "virtio_mmio.device=\(size / 1024)K@0x\(address):\(interrupt)"
  }
}

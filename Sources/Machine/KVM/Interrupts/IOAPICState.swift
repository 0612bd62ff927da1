package import KVM

/// The registers of an IOAPIC and the levels of its pins, without anything that they act on.
///
/// Source: Intel 82093AA data sheet; the end-of-interrupt register is that of version 0x20, which
/// local APICs with a split controller let guests expect (`APIC_LVR_DIRECTED_EOI` in
/// arch/x86/kvm/lapic.c).
package struct IOAPICState: Sendable {
  /// How many pins it has, thus how many GSIs.
  package static let pinCount = 24
  /// GSIs that the kernel is to keep for it: one for each pin, and one more to watch for ends.
  package static let reservedGSIs = UInt32(2 * pinCount)

  /// Offsets of the registers that are in memory.
  private enum Window {
    static let selector: UInt64 = 0x00
    static let data: UInt64 = 0x10
    static let endOfInterrupt: UInt64 = 0x40
  }

  /// Numbers of the registers behind them.
  private enum Register {
    static let id: UInt8 = 0
    static let version: UInt8 = 1
    static let arbitration: UInt8 = 2
    static let redirections: UInt8 = 0x10
  }

  /// Version 0x20, and the number of the last pin.
  private static let version = UInt32(0x20) | UInt32(pinCount - 1) << 16
  private static let idMask: UInt32 = 0x0f00_0000

  /// What each pin does.
  package private(set) var redirections: [RedirectionEntry]
  private var selector: UInt8 = 0
  private var id: UInt32 = 0
  private var raised: UInt32 = 0

  /// An IOAPIC after its reset.
  package init() {
    redirections = Array(repeating: .reset, count: Self.pinCount)
  }

  /// Reads the register at an offset of its page; all ones where there is none.
  package func read(at offset: UInt64) -> UInt32 {
    switch offset {
    case Window.selector: return UInt32(selector)
    case Window.data: break
    default: return .max
    }
    switch selector {
    case Register.id, Register.arbitration: return id
    case Register.version: return Self.version
    default:
      guard let (pin, upper) = pin(of: selector) else { return 0 }
      return UInt32(truncatingIfNeeded: redirections[pin].bits >> (upper ? 32 : 0))
    }
  }

  /// Writes the register at an offset of its page.
  ///
  /// - Returns: the messages that are to be sent for it.
  package mutating func write(_ value: UInt32, at offset: UInt64) -> [InterruptMessage] {
    switch offset {
    case Window.selector: selector = UInt8(truncatingIfNeeded: value)
    case Window.data: return write(value)
    case Window.endOfInterrupt: return endInterrupt(vector: UInt8(truncatingIfNeeded: value))
    default: break
    }
    return []
  }

  private mutating func write(_ value: UInt32) -> [InterruptMessage] {
    if selector == Register.id { id = value & Self.idMask }
    guard let (pin, upper) = pin(of: selector) else { return [] }
    redirections[pin].write(value, upper: upper)
    return sendLevel(of: pin)
  }

  /// Raises or lowers a pin; an edge that comes while the pin is masked is lost, a level is kept.
  ///
  /// - Returns: the messages that are to be sent for it; none for a pin that there is not.
  package mutating func setPin(_ pin: Int, raised isRaised: Bool) -> [InterruptMessage] {
    guard redirections.indices.contains(pin) else { return [] }
    let bit = UInt32(1) << UInt32(pin)
    let rises = isRaised && raised & bit == 0
    raised = isRaised ? raised | bit : raised & ~bit
    let entry = redirections[pin]
    if entry.isLevel { return sendLevel(of: pin) }
    return rises && !entry.isMasked ? [entry.message] : []
  }

  /// The guest has ended an interrupt; a level that is still raised is sent again.
  ///
  /// - Returns: the messages that are to be sent for it.
  package mutating func endInterrupt(vector: UInt8) -> [InterruptMessage] {
    var messages: [InterruptMessage] = []
    for pin in redirections.indices
    where redirections[pin].awaitsEnd && redirections[pin].vector == vector {
      redirections[pin].awaitsEnd = false
      messages += sendLevel(of: pin)
    }
    return messages
  }

  private mutating func sendLevel(of pin: Int) -> [InterruptMessage] {
    let entry = redirections[pin]
    guard entry.isLevel, !entry.isMasked, !entry.awaitsEnd, raised & 1 << UInt32(pin) != 0 else {
      return []
    }
    redirections[pin].awaitsEnd = true
    return [entry.message]
  }

  private func pin(of register: UInt8) -> (pin: Int, upper: Bool)? {
    let number = Int(register) - Int(Register.redirections)
    guard (0..<2 * Self.pinCount).contains(number) else { return nil }
    return (number / 2, number % 2 == 1)
  }

  /// What the kernel does with GSIs: each unmasked pin's is a message that it sends by itself.
  ///
  /// A GSI without a route does nothing, as the edge of a masked pin. The kernel tells the end of
  /// those vectors only that level-triggered routes name, so a masked pin whose interrupt has not
  /// ended keeps one, under a GSI that nothing signals.
  package var routes: [InterruptRoute] {
    var routes: [InterruptRoute] = []
    for (pin, entry) in redirections.enumerated() {
      let gsi = UInt32(pin)
      if !entry.isMasked {
        routes.append(entry.message.route(gsi: gsi))
      } else if entry.awaitsEnd {
        routes.append(entry.message.route(gsi: gsi + UInt32(Self.pinCount)))
      }
    }
    return routes
  }
}

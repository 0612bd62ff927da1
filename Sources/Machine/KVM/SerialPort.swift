import Glibc
import HostOS
import Synchronization
package import Virtio

/// A 16550A serial port without a baud rate: bytes leave at once and arrive when there are any.
///
/// Any thread may call. Registers as in the PC16550D data sheet, section 8.
package final class SerialPort: Sendable {
  /// How the port's two streams went.
  package struct Counts: Sendable, Equatable {
    /// Bytes that the guest sent.
    package var sent: UInt64 = 0
    /// Bytes of these that the host did not take in time.
    package var dropped: UInt64 = 0
    /// Bytes that the guest received.
    package var received: UInt64 = 0
  }

  /// Depth of the receive FIFO.
  static let depth = 16
  /// How long a guest waits for a host that does not read, before its byte is dropped.
  static let patience: UInt64 = 1_000_000_000

  private struct State: Sendable {
    var interruptEnable: UInt8 = 0
    var lineControl: UInt8 = 0x03
    var modemControl: UInt8 = 0x08
    var scratch: UInt8 = 0
    var divisor: UInt16 = 0x000c
    var hasFIFO = false
    /// The transmitter ran empty and the guest has not been told by IIR since.
    var transmitterReported = true
    var received: [UInt8] = []
    /// What the interrupt line says; the line goes to an edge-triggered pin.
    var isAsserted = false
    /// The host has stopped reading: bytes are dropped without waiting until it takes one.
    var isStuck = false
    var counts = Counts()
  }

  private enum Bits {
    static let divisorLatch: UInt8 = 0x80
    static let loopback: UInt8 = 0x10
    static let interruptGate: UInt8 = 0x08
    static let receiveInterrupt: UInt8 = 0x01
    static let transmitInterrupt: UInt8 = 0x02
  }

  private let output: CInt
  private let line: any InterruptLine
  private let state = Mutex(State())

  /// Makes a port.
  ///
  /// - Parameter output: non-blocking descriptor that takes what the guest sends; open as long as
  ///   the port lives.
  package init(output: CInt, line: any InterruptLine) {
    self.output = output
    self.line = line
    state.withLock { $0.received.reserveCapacity(Self.depth) }
  }

  /// What was counted so far.
  package var counts: Counts { state.withLock { $0.counts } }

  /// Reads a register, 0 to 7.
  package func read(_ register: UInt16) -> UInt8 {
    state.withLock { state in
      defer { update(&state) }
      switch register & 7 {
      case 0 where state.lineControl & Bits.divisorLatch != 0:
        return UInt8(truncatingIfNeeded: state.divisor)
      case 0: return state.received.isEmpty ? 0 : state.received.removeFirst()
      case 1 where state.lineControl & Bits.divisorLatch != 0:
        return UInt8(truncatingIfNeeded: state.divisor >> 8)
      case 1: return state.interruptEnable
      case 2: return identification(&state)
      case 3: return state.lineControl
      case 4: return state.modemControl
      // The transmitter is always empty (0x60); bit 0: a byte has arrived.
      case 5: return 0x60 | (state.received.isEmpty ? 0 : 1)
      case 6: return modemStatus(state)
      default: return state.scratch
      }
    }
  }

  /// Writes a register, 0 to 7.
  package func write(_ value: UInt8, to register: UInt16) {
    state.withLock { state in
      defer { update(&state) }
      switch register & 7 {
      case 0 where state.lineControl & Bits.divisorLatch != 0:
        state.divisor = state.divisor & 0xff00 | UInt16(value)
      case 0: send(value, &state)
      case 1 where state.lineControl & Bits.divisorLatch != 0:
        state.divisor = state.divisor & 0x00ff | UInt16(value) << 8
      case 1:
        // An empty transmitter is news for who has just asked to be told.
        if value & Bits.transmitInterrupt & ~state.interruptEnable != 0 {
          state.transmitterReported = false
        }
        state.interruptEnable = value & 0x0f
      case 2:
        state.hasFIFO = value & 1 != 0
        if value & 2 != 0 { state.received.removeAll(keepingCapacity: true) }
      case 3: state.lineControl = value
      case 4: state.modemControl = value & 0x1f
      case 7: state.scratch = value
      // Line and modem status cannot be written.
      default: break
      }
    }
  }

  /// Whether there is room for what the host has to say.
  package var canReceive: Bool { state.withLock { $0.received.count < Self.depth } }

  /// Gives the guest bytes; how many of them there was room for.
  package func receive(_ bytes: ArraySlice<UInt8>) -> Int {
    state.withLock { state in
      // Looped back upon itself the port hears nobody else.
      guard state.modemControl & Bits.loopback == 0 else { return 0 }
      let taken = bytes.prefix(Self.depth - state.received.count)
      state.received += taken
      state.counts.received += UInt64(taken.count)
      update(&state)
      return taken.count
    }
  }

  private func send(_ value: UInt8, _ state: inout State) {
    state.transmitterReported = false
    if state.modemControl & Bits.loopback != 0 {
      if state.received.count < Self.depth { state.received.append(value) }
      return
    }
    state.counts.sent += 1
    if !pass(value, waiting: !state.isStuck) {
      state.isStuck = true
      state.counts.dropped += 1
    } else {
      state.isStuck = false
    }
  }

  /// Hands a byte to the host; false when it did not take it.
  private func pass(_ value: UInt8, waiting: Bool) -> Bool {
    if put(value) { return true }
    guard waiting,
      let ready = try? Poll.wait(
        for: [.init(output, .writable)], timeoutNanoseconds: Self.patience),
      !ready[0].isEmpty
    else { return false }
    return put(value)
  }

  private func put(_ value: UInt8) -> Bool {
    var byte = value
    let raw = output
    return (try? systemCall("write") { unsafe Glibc.write(raw, &byte, 1) }) == 1
  }

  private func identification(_ state: inout State) -> UInt8 {
    let fifo: UInt8 = state.hasFIFO ? 0xc0 : 0
    if wantsReceive(state) { return fifo | 0x04 }
    if wantsTransmit(state) {
      state.transmitterReported = true
      return fifo | 0x02
    }
    return fifo | 0x01
  }

  private func modemStatus(_ state: State) -> UInt8 {
    guard state.modemControl & Bits.loopback != 0 else { return 0xb0 }
    let control = state.modemControl
    // DTR, RTS, OUT1 and OUT2 come back as DSR, CTS, RI and DCD.
    return (control & 0x01) << 5 | (control & 0x02) << 3 | (control & 0x0c) << 4
  }

  private func wantsReceive(_ state: State) -> Bool {
    state.interruptEnable & Bits.receiveInterrupt != 0 && !state.received.isEmpty
  }

  private func wantsTransmit(_ state: State) -> Bool {
    state.interruptEnable & Bits.transmitInterrupt != 0 && !state.transmitterReported
  }

  /// Tells the interrupt controller of a line that has risen.
  private func update(_ state: inout State) {
    let isOpen = state.modemControl & (Bits.interruptGate | Bits.loopback) == Bits.interruptGate
    let isAsserted = isOpen && (wantsReceive(state) || wantsTransmit(state))
    if isAsserted, !state.isAsserted { line.signal() }
    state.isAsserted = isAsserted
  }
}

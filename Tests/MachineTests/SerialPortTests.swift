import Glibc
import HostOS
import Machine
import Synchronization
import SystemPackage
import Testing
import Virtio

@Suite struct SerialPortTests {
  /// A port whose output and interrupts can be looked at.
  private final class Bench: InterruptLine {
    private let edges = Mutex(0)
    private let ends: Ends

    struct Ends: ~Copyable, Sendable {
      let reader: OwnedDescriptor
      let writer: OwnedDescriptor
    }

    init() throws {
      var raw: [CInt] = [0, 0]
      try #require(pipe(&raw) == 0)
      for descriptor in raw {
        try #require(fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0)
      }
      ends = Ends(reader: OwnedDescriptor(owning: raw[0]), writer: OwnedDescriptor(owning: raw[1]))
    }

    func signal() { edges.withLock { $0 += 1 } }

    var output: CInt { ends.writer.raw }

    /// What the guest sent since the last look.
    func sent() -> String {
      let bytes = (try? DescriptorIO.readSome(ends.reader.raw, subject: "pipe")) ?? []
      return String(decoding: bytes, as: UTF8.self)
    }

    /// Edges since the last look.
    func taken() -> Int {
      edges.withLock { edges in
        defer { edges = 0 }
        return edges
      }
    }
  }

  private func write(_ text: String, _ port: SerialPort) {
    for byte in text.utf8 { port.write(byte, to: 0) }
  }

  @Test func `what the guest sends leaves at once, and the transmitter is always empty`() throws {
    let bench = try Bench()
    let port = SerialPort(output: bench.output, line: bench)
    write("hello", port)
    #expect(bench.sent() == "hello")
    #expect(port.read(5) == 0x60)
    #expect(port.counts.sent == 5 && port.counts.dropped == 0)
    #expect(bench.taken() == 0)
  }

  @Test func `registers read back what a driver probes them with`() throws {
    let bench = try Bench()
    let port = SerialPort(output: bench.output, line: bench)
    // Linux's autoconfig: the scratch register, IER, then the FIFO bits of IIR.
    for value in [0x00, 0x5a, 0xff] as [UInt8] {
      port.write(value, to: 7)
      #expect(port.read(7) == value)
      port.write(value, to: 1)
      #expect(port.read(1) == value & 0x0f)
    }
    port.write(0, to: 1)
    _ = port.read(2)
    #expect(port.read(2) == 0x01)
    port.write(0x01, to: 2)
    #expect(port.read(2) == 0xc1)
    port.write(0x83, to: 3)
    port.write(0x34, to: 0)
    port.write(0x12, to: 1)
    #expect((port.read(0), port.read(1)) == (0x34, 0x12))
    port.write(0x03, to: 3)
    #expect(port.read(3) == 0x03)
    #expect(bench.sent().isEmpty)
  }

  @Test(
    arguments: [
      (0x10, 0x00), (0x11, 0x20), (0x12, 0x10), (0x14, 0x40), (0x18, 0x80), (0x1a, 0x90),
      (0x08, 0xb0),
    ] as [(UInt8, UInt8)])
  func `modem control comes back as modem status in loopback`(
    control: UInt8, status: UInt8
  ) throws {
    let bench = try Bench()
    let port = SerialPort(output: bench.output, line: bench)
    port.write(control, to: 4)
    #expect(port.read(6) == status)
  }

  @Test func `bytes that are looped back are received and not sent`() throws {
    let bench = try Bench()
    let port = SerialPort(output: bench.output, line: bench)
    port.write(0x10, to: 4)
    write("x", port)
    #expect(bench.sent().isEmpty)
    #expect(port.read(5) == 0x61)
    #expect(port.read(0) == UInt8(ascii: "x"))
    #expect(port.receive([1, 2]) == 0)
  }

  @Test func `an interrupt is raised once for a reason and again after it was seen`() throws {
    let bench = try Bench()
    let port = SerialPort(output: bench.output, line: bench)
    // Asking to be told of an empty transmitter is answered at once.
    port.write(0x02, to: 1)
    #expect(bench.taken() == 1)
    #expect(port.read(2) & 0x0f == 0x02)
    #expect(port.read(2) & 0x0f == 0x01)
    write("ab", port)
    #expect(bench.taken() == 1)
    #expect(port.read(2) & 0x0f == 0x02)
    write("c", port)
    #expect(bench.taken() == 1)
  }

  @Test func `received bytes interrupt, come in order and stop at the depth`() throws {
    let bench = try Bench()
    let port = SerialPort(output: bench.output, line: bench)
    port.write(0x01, to: 1)
    let bytes = (0..<20).map { UInt8($0) }
    #expect(port.receive(bytes[...]) == 16)
    #expect(!port.canReceive)
    #expect(bench.taken() == 1)
    #expect(port.read(2) & 0x0f == 0x04)
    #expect((0..<16).map { _ in port.read(0) } == Array(bytes.prefix(16)))
    #expect(port.read(5) == 0x60)
    #expect(port.read(0) == 0)
    #expect(port.receive(bytes[16...]) == 4)
    #expect(bench.taken() == 1)
    // FCR bit 1 forgets them.
    port.write(0x03, to: 2)
    #expect(port.read(5) == 0x60)
  }

  @Test func `no interrupt leaves while its gate is closed`() throws {
    let bench = try Bench()
    let port = SerialPort(output: bench.output, line: bench)
    port.write(0x00, to: 4)
    port.write(0x03, to: 1)
    #expect(port.receive([1]) == 1)
    #expect(bench.taken() == 0)
    port.write(0x08, to: 4)
    #expect(bench.taken() == 1)
  }

  @Test func `a host that does not read costs the guest one wait and then its bytes`() throws {
    let bench = try Bench()
    let port = SerialPort(output: bench.output, line: bench)
    for _ in 0..<70_000 { port.write(0x2e, to: 0) }
    let counts = port.counts
    #expect(counts.sent == 70_000)
    #expect(counts.dropped == 70_000 - 65_536)
    #expect(bench.sent().allSatisfy { $0 == "." })
    write("!", port)
    #expect(port.counts.dropped == counts.dropped)
  }
}

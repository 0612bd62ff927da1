import HostOS
import KVM
import Machine
import Testing
import Virtio

/// Our devices, driven over virtio-mmio by a guest of a few hundred instructions.
@Suite(.serialized, .timeLimit(.minutes(2))) struct VirtioDriverTests {
  private static let consoleWindow: UInt64 = 0xc000_1000
  private static let diskWindow: UInt64 = 0xc000_2000
  private static let sector: UInt64 = 5

  /// What the guest writes: words, each larger than the one before by a constant that wraps.
  private static func pattern() -> [UInt8] {
    (0..<128 as Range<UInt32>).flatMap { index in
      let word = 0x1234_5678 &+ index &* 0x9e37_79b9
      return (0..<4 as Range<UInt32>).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
  }

  /// Code that writes the pattern to memory.
  private func fill(_ address: UInt64, _ code: inout GuestCode) {
    code.set(.di, address)
    code.set(.cx, 128)
    code.set(.ax, 0x1234_5678)
    let again = code.place()
    code.raw(0x89, 0x07)  // mov [rdi], eax
    code.raw(0x05, 0xb9, 0x79, 0x37, 0x9e)  // add eax, 0x9e3779b9
    code.raw(0x83, 0xc7, 0x04)  // add edi, 4
    code.raw(0xff, 0xc9)  // dec ecx
    code.jump(again, if: .notEqual)
  }

  /// Code that compares 512 bytes.
  private func compare(_ left: UInt64, _ right: UInt64, _ code: inout GuestCode) {
    code.set(.si, left)
    code.set(.di, right)
    code.set(.cx, 128)
    let again = code.place()
    code.raw(0x8b, 0x06, 0x3b, 0x07)  // mov eax, [rsi]; cmp eax, [rdi]
    code.jump("bad", if: .notEqual)
    code.raw(0x83, 0xc6, 0x04, 0x83, 0xc7, 0x04)  // add esi, 4; add edi, 4
    code.raw(0xff, 0xc9)  // dec ecx
    code.jump(again, if: .notEqual)
  }

  private func header(_ type: UInt32, at address: UInt64, _ kernel: inout GuestKernel) {
    kernel.put(type, at: address)
    kernel.put(Self.sector, at: address + 8)
  }

  private func finish(_ kernel: inout GuestKernel) {
    kernel.code.say("good")
    kernel.code.reset()
    kernel.code.place("bad")
    kernel.code.say("bad")
    kernel.code.reset()
  }

  /// A guest that writes a sector, reads it back and compares, and the accesses it makes to the
  /// device.
  private func diskGuest() -> (GuestKernel, [String: UInt64]) {
    let buffers = GuestDriver.buffers
    let (written, read, status) = (buffers + 0x1000, buffers + 0x2000, buffers + 0x100)
    var kernel = GuestKernel()
    kernel.mapDevices()
    header(1, at: buffers, &kernel)
    header(0, at: buffers + 16, &kernel)
    kernel.put([0xee, 0xee], at: status)
    var driver = GuestDriver(window: Self.diskWindow, queue: 0)
    driver.addChain([(buffers, 16, false), (written, 512, false), (status, 1, true)], &kernel)
    driver.addChain([(buffers + 16, 16, false), (read, 512, true), (status + 1, 1, true)], &kernel)
    driver.start(deviceType: 2, &kernel)
    fill(written, &kernel.code)
    driver.offer(upTo: 1, &kernel)
    driver.offer(upTo: 2, &kernel)
    kernel.code.set(.ax, 0)
    kernel.code.load(from: status, 2)
    kernel.code.compare(0)
    kernel.code.jump("bad", if: .notEqual)
    compare(written, read, &kernel.code)
    // Both requests sent an interrupt, which nobody takes.
    driver.wait(for: 1, .interruptStatus, &kernel)
    driver.write(1, .interruptAcknowledge, &kernel)
    finish(&kernel)
    return (kernel, driver.accesses)
  }

  @Test func `a guest writes and reads our disk, and its doorbells cause no exit`() throws {
    let (kernel, accesses) = diskGuest()
    let files = try TemporaryFiles()
    let disk = DiskRequest(bytes: 64 << 10, serial: "test", keptAt: files.path + "/disk")
    let guest = try NativeGuest(kernel, disk: disk)
    #expect(try guest.end() == .guestStopped)
    #expect(try guest.stopped() == "good")
    let content = try Files.read(files.path + "/disk", limit: 1 << 20)
    let place = Int(Self.sector) * 512
    #expect(content.count == 64 << 10)
    #expect(Array(content[place..<place + 512]) == Self.pattern())
    #expect(content[..<place].allSatisfy { $0 == 0 })
    #expect(content[(place + 512)...].allSatisfy { $0 == 0 })
    let counters = try #require(guest.machine.diskCounters())
    #expect(counters.reads == 1)
    #expect(counters.writes == 1)
    #expect(counters.bytesRead == 512)
    #expect(counters.bytesWritten == 512)
    #expect(counters.ioErrors == 0)
    let counts = try #require(guest.machine.exitCounts()?.first)
    #expect(counts.count(address: Self.diskWindow + 0x50, .write) == 0)
    let status = Self.diskWindow + 0x60
    #expect(counts.count(address: status, .read) >= 1)
    var seen: [String: UInt64] = [:]
    for access in counts.addresses where access.address != status {
      seen["\(access.direction.rawValue) \(String(access.address, radix: 16))"] = access.count
    }
    #expect(seen == accesses)
  }

  @Test func `a guest's bytes reach telemetry through the console device`() throws {
    var kernel = GuestKernel()
    kernel.mapDevices()
    let text = Array("telemetry from a guest".utf8)
    kernel.put(text, at: GuestDriver.buffers)
    var driver = GuestDriver(window: Self.consoleWindow, queue: 1)
    driver.addChain([(GuestDriver.buffers, 10, false)], &kernel)
    driver.addChain(
      [
        (GuestDriver.buffers + 10, 2, false),
        (GuestDriver.buffers + 12, text.count - 12, false),
      ], &kernel)
    driver.start(deviceType: 3, &kernel)
    driver.offer(upTo: 1, &kernel)
    driver.offer(upTo: 2, &kernel)
    finish(&kernel)
    let guest = try NativeGuest(kernel)
    #expect(try guest.end() == .guestStopped)
    #expect(try guest.stopped() == "good")
    #expect(try guest.rest(of: guest.machine.telemetry) == text)
    let counts = try #require(guest.machine.exitCounts()?.first)
    #expect(counts.count(address: Self.consoleWindow + 0x50, .write) == 0)
  }

  @Test func `a doorbell of a queue that does not exist exits, and harms nobody`() throws {
    var kernel = GuestKernel()
    kernel.mapDevices()
    var driver = GuestDriver(window: Self.diskWindow, queue: 0)
    driver.start(deviceType: 2, &kernel)
    for queue in [1, 7, 0xffff_ffff] as [UInt32] { driver.write(queue, .queueNotify, &kernel) }
    driver.expect(15, .status, &kernel)
    finish(&kernel)
    let guest = try NativeGuest(kernel, disk: DiskRequest(bytes: 1 << 20, serial: "test"))
    #expect(try guest.end() == .guestStopped)
    #expect(try guest.stopped() == "good")
    let counts = try #require(guest.machine.exitCounts()?.first)
    #expect(counts.count(address: Self.diskWindow + 0x50, .write) == 3)
  }
}

import Glibc
import GuestMemory
import HostOS
import SystemPackage
import Testing
import VhostUser
import Virtio

extension Tag {
  /// Needs qemu-system-x86_64 on this host.
  @Tag static var needsQEMU: Self
}

private let qemuPath = "/usr/bin/qemu-system-x86_64"

@Suite(.serialized, .tags(.needsQEMU), .enabled(if: access(qemuPath, X_OK) == 0))
struct QEMUTests {
  /// What the firmware of a PC, a driver of other people's making, did with our disk.
  @Test(.timeLimit(.minutes(1)), arguments: [false, true])
  func `SeaBIOS boots from our disk, reads it and writes it`(withStatus: Bool) throws {
    let backing = try BlockBacking(memory: 4 << 20)
    let raw = backing.rawDescriptor
    let payload = (0..<BootSector.sectors * 512).map {
      UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8)
    }
    try writeAll(BootSector.assemble(), to: raw, at: 0)
    try writeAll(payload, to: raw, at: Int(BootSector.readLBA) * 512)
    let device = BlockDevice(backing: backing)

    var pair = try UnixSocket.pair()
    guard let ours = pair.takeFirst(), let theirs = pair.takeSecond() else {
      Issue.record("a fresh pair has two ends")
      return
    }
    var options = VhostUserOptions()
    if !withStatus { options.protocolFeatures.remove(.status) }
    let backend = try VhostUserBackend(device: device, socket: ours, options: options)
    try backend.start()
    defer { backend.stop() }

    var request = ProcessRequest(
      path: qemuPath,
      arguments: [
        "-nodefaults", "-no-user-config", "-display", "none", "-vga", "none",
        "-accel", "tcg", "-m", "256",
        "-object", "memory-backend-memfd,id=mem,size=256M,share=on",
        "-machine", "pc,memory-backend=mem",
        "-chardev", "socket,id=c0,fd=3",
        "-device", "vhost-user-blk-pci,chardev=c0,num-queues=1,bootindex=1",
        "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04",
      ])
    request.descriptors = [.init(theirs.raw, to: 3), .init(2, to: 2)]
    var child = try ChildProcess(spawning: request)
    _ = consume theirs
    let deadline = MonotonicTime.now().advanced(byNanoseconds: 30_000_000_000)
    let status = try child.wait(until: deadline)
    #expect(status == .exited(BootSector.successStatus))

    let written = try readAll(payload.count, from: raw, at: Int(BootSector.writeLBA) * 512)
    #expect(written == payload)
    let counters = device.counters()
    #expect(counters.reads >= 2)
    #expect(counters.bytesRead >= 9 * 512)
    #expect(counters.writes >= 1)
    #expect(counters.bytesWritten == 8 * 512)
    #expect(counters.ioErrors == 0)
    #expect(counters.queueErrors == 0)
    #expect(counters.notifications > 0)
    // The boot sector as the firmware put it into the guest's memory.
    let memory = try #require(backend.guestMemory)
    #expect(try memory.bytes(at: GuestAddress(0x7c00), count: 512) == BootSector.assemble())

    _ = try Poll.wait(readable: backend.finishedDescriptor, timeoutNanoseconds: 2_000_000_000)
    #expect(backend.end == .peerClosed)
    print("seabios, status feature \(withStatus): \(counters)")
  }
}

private func writeAll(_ bytes: [UInt8], to raw: CInt, at offset: Int) throws {
  let put = bytes.withUnsafeBytes { pwrite(raw, $0.baseAddress, $0.count, off_t(offset)) }
  try #require(put == bytes.count)
}

private func readAll(_ count: Int, from raw: CInt, at offset: Int) throws -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: count)
  let got = bytes.withUnsafeMutableBytes { pread(raw, $0.baseAddress, count, off_t(offset)) }
  try #require(got == count)
  return bytes
}

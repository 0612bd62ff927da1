import Glibc
import HostOS
import KVM
import Machine
import Testing
import Topology

/// A machine of the native engine that runs a kernel of a test, and what came out of it.
final class NativeGuest {
  /// How long a guest of a few hundred instructions may take: software runs half a million a second.
  static let patience: UInt64 = 30_000_000_000

  let machine: KVMMachine
  private let directory: TemporaryFiles

  /// Starts a kernel.
  init(
    _ kernel: GuestKernel, cpus: Int = 1, disk: DiskRequest? = nil, initramfs: [UInt8]? = nil,
    tail: [UInt8] = []
  ) throws {
    directory = try TemporaryFiles()
    var request = MachineRequest.native(kernel: try directory.write(kernel.file(), to: "kernel"))
    request.topology = .flat(cpus: cpus)
    request.disk = disk
    if let initramfs { request.initramfs = [try directory.write(initramfs, to: "initramfs")] }
    machine = try KVMMachine(request, initramfsTail: tail, telemetryPort: "ktstr")
  }

  /// Waits for the end; nil when there is none in time.
  func end() throws -> MachineEnd? {
    let ready = try Poll.wait(readable: [machine.ended], timeoutNanoseconds: Self.patience)
    guard !ready[0].isEmpty else { return nil }
    return try machine.end()
  }

  /// Reads the console until the end; how it ended, and all that it said.
  ///
  /// A guest that says much needs it: a socket takes some hundred single bytes before somebody must
  /// read them.
  func run() throws -> (end: MachineEnd?, said: [UInt8]) {
    var said: [UInt8] = []
    while true {
      let ready = try Poll.wait(
        readable: [machine.ended, machine.console], timeoutNanoseconds: Self.patience)
      if !ready[1].isEmpty {
        said += try DescriptorIO.readSome(machine.console, subject: "the console")
      } else {
        let end = ready[0].isEmpty ? nil : try machine.end()
        machine.stop()
        return (end, said + (try rest(of: machine.console)))
      }
    }
  }

  /// All that comes out of a descriptor until its end; call it when the machine was stopped.
  func rest(of descriptor: CInt) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      let ready = try Poll.wait(readable: [descriptor], timeoutNanoseconds: Self.patience)
      guard !ready[0].isEmpty else { throw Late(what: "the end of a stream") }
      let more = try DescriptorIO.readSome(descriptor, subject: "a stream")
      if more.isEmpty { return bytes }
      bytes += more
    }
  }

  /// Waits until the console has said something, and returns all that it has said.
  func console(until text: String) throws -> String {
    var said = ""
    while !said.contains(text) {
      let ready = try Poll.wait(readable: [machine.console], timeoutNanoseconds: Self.patience)
      guard !ready[0].isEmpty else { throw Late(what: "\(text), after \(said)") }
      let more = try DescriptorIO.readSome(machine.console, subject: "the console")
      guard !more.isEmpty else { throw Late(what: "\(text), before the end, after \(said)") }
      said += String(decoding: more, as: UTF8.self)
    }
    return said
  }

  /// Stops the machine, and returns what the console had to say.
  func stopped() throws -> String {
    machine.stop()
    return String(decoding: try rest(of: machine.console), as: UTF8.self)
  }

  /// Something that did not happen in time.
  struct Late: Error { let what: String }
}

extension MachineRequest {
  /// A guest of 64 MiB with one CPU, no disk and no initramfs.
  static func native(kernel path: String) -> MachineRequest {
    MachineRequest(
      engine: .kvm, enginePath: nil, threading: .multi, kernelImage: path, initramfs: [],
      commandLine: [KernelArgument("quiet", because: "a test")], topology: .flat(cpus: 1),
      memoryBytes: 64 << 20, disk: nil)
  }
}

extension ExitCounts.Access {
  /// Count, direction and address in words, for comparisons.
  var words: String { "\(count) times \(direction.rawValue) \(String(address, radix: 16))" }
}

/// A directory that goes with its owner.
final class TemporaryFiles {
  let path: String

  init() throws {
    var template = Array("/tmp/ktstr-test-XXXXXX".utf8CString)
    path = try #require(mkdtemp(&template).map { String(cString: $0) })
  }

  deinit { try? Files.removeTree(path) }

  /// Writes a file, over an older one if there is one; its path.
  func write(_ bytes: [UInt8], to name: String) throws -> String {
    let file = try Files.open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC)
    try DescriptorIO.write(bytes, to: file.raw, subject: name)
    return "\(path)/\(name)"
  }
}

import ArgumentParser
import Harness
import HostOS
import Kernels
import Machine
import Programs
import Scenario

/// The options of `ktstr exec`, found good.
struct ExecOptions {
  private let command: ExecCommand
  private let words: [String]
  private let memoryBytes: UInt64?
  private let timeoutNanoseconds: UInt64?
  private let includes: [ExecOrder.Include]
  private let workingDirectory: String

  /// Reads the options.
  ///
  /// - Throws: ``CommandFailure``, or ``SystemCallError`` from `getcwd`.
  init(_ command: ExecCommand) throws {
    self.command = command
    var words = command.command
    if words.first == "--" { words.removeFirst() }
    guard let program = words.first, !program.isEmpty else {
      throw Self.wrong("expected a command to run: ktstr exec [options] -- COMMAND ARGUMENTS")
    }
    self.words = words
    guard (1...QEMUCommand.maximumCPUs).contains(command.cpus) else {
      throw Self.wrong("--cpus: from 1 to \(QEMUCommand.maximumCPUs), found \(command.cpus)")
    }
    memoryBytes = try command.memory.map(Self.memory)
    timeoutNanoseconds = try command.timeout.map(Self.time)
    let directory = try Files.workingDirectory()
    workingDirectory = directory
    includes = try command.include.map { try Self.include($0, from: directory) }
    try Self.check(command)
  }

  /// The order.
  func order(kernel: Kernel, engine: EngineChoice) throws -> ExecOrder {
    ExecOrder(
      command: words, kernel: kernel, engine: engine, cpus: command.cpus,
      memoryBytes: memoryBytes, includes: includes, modules: command.module,
      cpuFeatures: command.cpuFeature, environment: command.env, directory: command.workdir,
      timeoutNanoseconds: timeoutNanoseconds, workingDirectory: workingDirectory,
      output: command.output, keep: command.keep)
  }

  private static func check(_ command: ExecCommand) throws {
    for text in command.env {
      guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
        throw wrong("--env: expected NAME=VALUE, found '\(text)'")
      }
    }
    for name in command.cpuFeature {
      let isName = name.utf8.allSatisfy {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0
          || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".")
      }
      guard isName, let first = name.first, first.isLetter else {
        throw wrong("--cpu-feature: '\(name)' cannot be the name of a CPU's feature")
      }
    }
    for name in command.module where name.isEmpty || name.contains("/") {
      throw wrong("--module: expected a module's name, found '\(name)'")
    }
    guard command.workdir.hasPrefix("/") else {
      throw wrong("--workdir: expected an absolute path, found '\(command.workdir)'")
    }
    guard !command.output.isEmpty else { throw wrong("--output: expected a directory") }
  }

  private static func memory(_ text: String) throws -> UInt64 {
    let parsed = SizeText.parse(text.allSatisfy(\.isNumber) && !text.isEmpty ? text + "MiB" : text)
    switch parsed {
    case .success(let bytes) where (128 << 20)...(1 << 40) ~= bytes: return (bytes >> 20) << 20
    case .success: throw wrong("--memory: from 128MiB to 1024GiB, found \(text)")
    case .failure(let error): throw wrong("--memory: \(error.message)")
    }
  }

  private static func time(_ text: String) throws -> UInt64 {
    switch TimeText.parse(text) {
    case .success(0): throw wrong("--timeout: must be longer than nothing")
    case .success(let limit): return limit
    case .failure(let error): throw wrong("--timeout: \(error.message)")
    }
  }

  /// `PATH`, or `HOST:GUEST`; a host's path that has a colon itself is named with its guest's.
  private static func include(
    _ text: String, from directory: String
  ) throws -> ExecOrder.Include {
    let colon = text.lastIndex(of: ":")
    let host = colon.map { String(text[..<$0]) } ?? text
    guard !host.isEmpty else { throw wrong("--include: expected a path, found '\(text)'") }
    let path = GuestPath.join(directory, host)
    guard let colon else { return .init(host: path, guest: path) }
    let guest = String(text[text.index(after: colon)...])
    guard guest.hasPrefix("/"), !GuestPath.parts(of: guest).isEmpty else {
      throw wrong("--include: expected an absolute path in the guest, found '\(guest)'")
    }
    return .init(host: path, guest: guest)
  }

  private static func wrong(_ text: String) -> CommandFailure { CommandFailure(text, .usage) }
}

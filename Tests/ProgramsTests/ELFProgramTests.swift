import HostOS
import Programs
import Testing

@Suite struct ELFProgramTests {
  private let scratch: TemporaryDirectory

  init() throws {
    scratch = try TemporaryDirectory()
  }

  private func read(_ bytes: [UInt8]) throws -> ELFProgram.Reading {
    try ELFProgram.read(try scratch.write("file", bytes))
  }

  @Test func `loader, libraries and paths are those of the dynamic section`() throws {
    let elf = SyntheticELF(
      isExecutable: true, interpreter: "/lib64/ld.so", needed: ["libb.so.2", "liba.so.1"],
      rpath: "/r:$ORIGIN/x", runpath: "/one:/two")
    guard case .program(let program) = try read(elf.bytes) else {
      Issue.record("no program")
      return
    }
    #expect(program.interpreter == "/lib64/ld.so")
    #expect(program.needed == ["libb.so.2", "liba.so.1"])
    #expect(program.rpath == ["/r", "$ORIGIN/x"])
    #expect(program.runpath == ["/one", "/two"])
    #expect(program.isForGuests)
  }

  @Test func `a program of another machine is none for guests`() throws {
    guard case .program(let program) = try read(SyntheticELF(machine: 183).bytes) else {
      Issue.record("no program")
      return
    }
    #expect(program.machine == 183)
    #expect(!program.isForGuests)
  }

  @Test(arguments: [[], Array("#!/bin/sh\n".utf8), [0x7f, 0x45], [UInt8](repeating: 7, count: 99)])
  func `what is no ELF file is none`(bytes: [UInt8]) throws {
    #expect(try read(bytes) == ELFProgram.Reading.none)
  }

  @Test func `strings outside of the file are damage`() throws {
    let elf = SyntheticELF(needed: ["liba.so"], stringsAddress: 1 << 40)
    guard case .damaged(let reason) = try read(elf.bytes) else {
      Issue.record("not damaged")
      return
    }
    #expect(reason.contains("0x10000000000"), "\(reason)")
  }

  @Test func `a file cut anywhere is read without a trap`() throws {
    let whole = SyntheticELF(
      isExecutable: true, interpreter: "/lib64/ld.so", needed: ["liba.so.1"], runpath: "/one"
    ).bytes
    var programs = 0
    for length in whole.indices {
      if case .program(let program) = try read(Array(whole[..<length])), !program.needed.isEmpty {
        programs += 1
        // A text that is there in part must not pass for the whole one.
        #expect(program.needed == ["liba.so.1"], "cut at \(length)")
      }
    }
    #expect(programs < 64)
  }

  @Test func `a file with any byte changed is read without a trap`() throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix64(seed: seed)
    let whole = SyntheticELF(
      isExecutable: true, interpreter: "/lib64/ld.so", needed: ["liba.so.1"], runpath: "/one"
    ).bytes
    for _ in 0..<2000 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(
          in: .min ... .max, using: &random)
      }
      if case .program(let program) = try read(bytes) {
        #expect(program.needed.count <= 64, "seed \(seed)")
      }
    }
  }

  @Test func `the host's own ls names its loader and the C library`() throws {
    guard case .program(let program) = try ELFProgram.read("/bin/ls") else {
      Issue.record("no program")
      return
    }
    #expect(program.interpreter == "/lib64/ld-linux-x86-64.so.2")
    #expect(program.needed.contains("libc.so.6"))
  }
}

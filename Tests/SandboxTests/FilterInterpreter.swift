import Sandbox

/// One system call as a filter sees it (linux/seccomp.h: `struct seccomp_data`).
struct ObservedCall: CustomStringConvertible {
  static let x8664: UInt32 = 0xc000_003e

  var number: UInt32
  var arguments: [UInt64]
  var architecture = x8664

  init(_ number: UInt32, _ arguments: [UInt64] = [], architecture: UInt32 = x8664) {
    self.number = number
    self.arguments = arguments + Array(repeating: 0, count: 6 - arguments.count)
    self.architecture = architecture
  }

  init(_ call: SystemCallNumber, _ arguments: [UInt64] = []) {
    self.init(call.rawValue, arguments)
  }

  var description: String {
    let arguments = arguments.map { "0x" + String($0, radix: 16) }.joined(separator: " ")
    return "\(SystemCallNumber(rawValue: number).name) \(arguments)"
  }

  /// The word at an offset; nil outside of the structure or between words.
  func word(at offset: UInt32) -> UInt32? {
    switch offset {
    case 0: return number
    case 4: return architecture
    case 16..<64 where offset % 4 == 0:
      let argument = arguments[Int(offset - 16) / 8]
      return UInt32(truncatingIfNeeded: offset % 8 == 0 ? argument : argument >> 32)
    default: return nil
    }
  }
}

/// What is wrong with a program.
enum InterpreterError: Error, Equatable {
  case badLoad(offset: UInt32)
  case ranOut(at: Int)
  case unknownCode(UInt16)
}

extension SeccompProgram {
  /// What the program says of a call, by the kernel's rules for classic BPF
  /// (Documentation/networking/filter.rst).
  func verdict(on call: ObservedCall) throws(InterpreterError) -> UInt32 {
    var place = 0
    var accumulator: UInt32 = 0
    // Jumps lead forward only, so that the end of the program bounds this.
    while instructions.indices.contains(place) {
      let instruction = instructions[place]
      let operand = instruction.operand
      place += 1
      func skip(_ condition: Bool) -> Int {
        Int(condition ? instruction.jumpTrue : instruction.jumpFalse)
      }
      switch instruction.code {
      case 0x20:  // BPF_LD | BPF_W | BPF_ABS
        guard let word = call.word(at: operand) else { throw .badLoad(offset: operand) }
        accumulator = word
      case 0x54: accumulator &= operand  // BPF_ALU | BPF_AND | BPF_K
      case 0x05: place += Int(operand)  // BPF_JMP | BPF_JA
      case 0x15: place += skip(accumulator == operand)  // BPF_JMP | BPF_JEQ | BPF_K
      case 0x35: place += skip(accumulator >= operand)  // BPF_JMP | BPF_JGE | BPF_K
      case 0x06: return operand  // BPF_RET | BPF_K
      default: throw .unknownCode(instruction.code)
      }
    }
    throw .ranOut(at: place)
  }
}

extension SeccompFilter {
  /// What the rules say of a call, read as they are written.
  func verdict(on call: ObservedCall) -> UInt32 {
    guard call.architecture == ObservedCall.x8664, call.number < 0x4000_0000 else {
      return SeccompAction.trap.verdict()
    }
    let known = rules.filter { $0.call.rawValue == call.number }
    for rule in known {
      let holds = rule.conditions.allSatisfy { condition in
        condition.values.contains(call.arguments[condition.argument.rawValue] & condition.mask)
      }
      if holds { return rule.action.verdict() }
    }
    return refusal.verdict(data: known.isEmpty ? 0 : 1)
  }
}

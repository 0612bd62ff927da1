import CLinux

/// Builds a BPF program from its end to its start.
///
/// Jumps lead forward only, so that every target is there, and its distance known, before the jump to
/// it is added. A conditional jump reaches 255 instructions; where its target is further away, it
/// leads to an unconditional one in between, which reaches any.
struct BackwardAssembler {
  /// An instruction that can be jumped to.
  struct Label: Hashable {
    /// Its place, counted from the program's end, from one.
    fileprivate let place: Int
  }

  private var reversed: [SeccompInstruction] = []
  /// For each target that was too far away, the last unconditional jump that leads to it.
  private var stops: [Label: Label] = [:]

  /// The instructions in the order of execution.
  var instructions: [SeccompInstruction] { reversed.reversed() }

  /// The instruction that was added last.
  var here: Label { Label(place: reversed.count) }

  /// Adds the end of a program.
  mutating func end(with verdict: UInt32) -> Label {
    add(BPF_RET | BPF_K, verdict)
    return here
  }

  /// Adds a load of a word of `struct seccomp_data` into the accumulator.
  mutating func load(at offset: UInt32) {
    add(BPF_LD | BPF_W | BPF_ABS, offset)
  }

  /// Adds the loss of the accumulator's bits outside of a mask; none for a full one.
  mutating func keep(bits mask: UInt32) {
    if mask != .max { add(BPF_ALU | BPF_AND | BPF_K, mask) }
  }

  /// A test of the accumulator.
  enum Test {
    case equal, atLeast

    fileprivate var code: CInt { self == .equal ? BPF_JEQ : BPF_JGE }
  }

  /// Adds a jump to one of two places, by a test of the accumulator.
  mutating func jump(if test: Test, _ value: UInt32, to yes: Label, else no: Label) {
    // Bringing the second within reach may move the first one instruction further away.
    let yes = within(reach: 254, yes)
    let no = within(reach: 255, no)
    add(
      BPF_JMP | test.code | BPF_K, value,
      UInt8(truncatingIfNeeded: distance(to: yes)), UInt8(truncatingIfNeeded: distance(to: no)))
  }

  private mutating func within(reach: Int, _ label: Label) -> Label {
    if distance(to: label) <= reach { return label }
    if let stop = stops[label], distance(to: stop) <= reach { return stop }
    add(BPF_JMP | BPF_JA, UInt32(distance(to: label)))
    stops[label] = here
    return here
  }

  /// Instructions between the next one to be added and a target.
  private func distance(to label: Label) -> Int {
    reversed.count - label.place
  }

  private mutating func add(
    _ code: CInt, _ operand: UInt32, _ jumpTrue: UInt8 = 0, _ jumpFalse: UInt8 = 0
  ) {
    reversed.append(
      SeccompInstruction(
        code: UInt16(truncatingIfNeeded: code), jumpTrue: jumpTrue, jumpFalse: jumpFalse,
        operand: operand))
  }
}

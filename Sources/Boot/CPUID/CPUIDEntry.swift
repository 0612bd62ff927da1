/// One answer of the CPUID instruction, with the fields of KVM's `struct kvm_cpuid_entry2`.
package struct CPUIDEntry: Hashable, Sendable {
  /// The flag of an answer that depends on ECX (C name: `KVM_CPUID_FLAG_SIGNIFCANT_INDEX`).
  package static let significantIndex: UInt32 = 1

  /// EAX that is asked with: the leaf.
  package var function: UInt32
  /// ECX that is asked with, where it matters: the subleaf.
  package var index: UInt32
  /// KVM's flags.
  package var flags: UInt32
  /// EAX of the answer.
  package var eax: UInt32
  /// EBX of the answer.
  package var ebx: UInt32
  /// ECX of the answer.
  package var ecx: UInt32
  /// EDX of the answer.
  package var edx: UInt32

  /// Makes an answer.
  package init(
    function: UInt32, index: UInt32 = 0, flags: UInt32 = 0, eax: UInt32 = 0, ebx: UInt32 = 0,
    ecx: UInt32 = 0, edx: UInt32 = 0
  ) {
    self.function = function
    self.index = index
    self.flags = flags
    self.eax = eax
    self.ebx = ebx
    self.ecx = ecx
    self.edx = edx
  }
}

/// Why no CPUID can be made for a guest.
package enum CPUIDError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The list of what the host supports lacks this leaf, without which the others mean nothing.
  case missingLeaf(UInt32)
  /// The guest's list has more entries than KVM takes.
  case tooManyEntries(Int, limit: Int)

  package var description: String {
    switch self {
    case .missingLeaf(let leaf):
      "the host supports no CPUID leaf 0x\(String(leaf, radix: 16))"
    case .tooManyEntries(let count, let limit):
      "\(count) CPUID entries are more than the \(limit) that KVM takes"
    }
  }
}

// Edits of a list of answers.
extension [CPUIDEntry] {
  /// The first answer of a leaf.
  subscript(leaf function: UInt32) -> CPUIDEntry? {
    first { $0.function == function }
  }

  /// Changes each answer of a leaf, and does nothing where there is none.
  mutating func edit(_ function: UInt32, _ body: (inout CPUIDEntry) -> Void) {
    for position in indices where self[position].function == function {
      body(&self[position])
    }
  }

  /// Puts answers in place of all that a leaf has.
  mutating func replace(_ function: UInt32, with entries: [CPUIDEntry]) {
    removeAll { $0.function == function }
    append(contentsOf: entries)
  }

  /// Changes the answer of a leaf without subleaves, which is added where it is missing.
  mutating func editOrAdd(_ function: UInt32, _ body: (inout CPUIDEntry) -> Void) {
    if self[leaf: function] == nil { append(CPUIDEntry(function: function)) }
    edit(function, body)
  }
}

extension UInt32 {
  /// Changes one bit.
  mutating func set(bit: Int, to value: Bool) {
    if value { self |= 1 << UInt32(bit) } else { self &= ~(1 << UInt32(bit)) }
  }

  /// Puts a number in place of some bits; one that has no room there becomes all ones.
  mutating func set(bits: ClosedRange<Int>, to value: Int) {
    let mask = UInt32((UInt64(1) << UInt64(bits.count)) - 1)
    let fitting = value > Int(mask) ? mask : UInt32(value)
    self = self & ~(mask << UInt32(bits.lowerBound)) | fitting << UInt32(bits.lowerBound)
  }

  /// The number that some bits hold.
  func bits(_ bits: ClosedRange<Int>) -> UInt32 {
    self >> UInt32(bits.lowerBound) & UInt32((UInt64(1) << UInt64(bits.count)) - 1)
  }
}

/// Sets of CPUs in the kernel's list form: `0-3,8`.
enum CPUListText {
  /// The list of the bits that are set; CPU 0 is bit 0 of the first word.
  static func of(_ words: [UInt64]) -> String {
    var parts: [String] = []
    var first: Int?
    for cpu in 0...words.count * 64 {
      let isIn = cpu < words.count * 64 && words[cpu / 64] >> UInt64(cpu % 64) & 1 == 1
      if isIn, first == nil { first = cpu }
      guard !isIn, let start = first else { continue }
      parts.append(start == cpu - 1 ? "\(start)" : "\(start)-\(cpu - 1)")
      first = nil
    }
    return parts.joined(separator: ",")
  }
}

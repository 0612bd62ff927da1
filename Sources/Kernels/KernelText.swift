import Glibc

/// Finds texts in kernels.
enum KernelText {
  /// The release in the banner `Linux version <release> (...`, which every kernel holds.
  static func release(in kernel: [UInt8]) -> String? {
    let banner = "Linux version "
    var start = 0
    // The text occurs in formats too ("Linux version %s"), so look until a number follows.
    while let found = offset(of: banner, in: kernel[start...]) {
      start = found + banner.utf8.count
      let word = kernel[start...].prefix(128).prefix { $0 > 0x20 && $0 < 0x7f }
      if let first = word.first, first >= UInt8(ascii: "0"), first <= UInt8(ascii: "9") {
        return String(decoding: word, as: UTF8.self)
      }
    }
    return nil
  }

  /// Whether bytes hold a text.
  static func contains(_ text: String, in bytes: ArraySlice<UInt8>) -> Bool {
    offset(of: text, in: bytes) != nil
  }

  /// Whether an option has a value, `y` unless said otherwise, in a kernel configuration.
  static func isSet(
    _ option: String, to value: String = "y", inConfig bytes: [UInt8]
  ) -> Bool {
    contains("\n\(option)=\(value)\n", in: [UInt8(ascii: "\n")] + bytes + [UInt8(ascii: "\n")])
  }

  /// Where a text first is, by `memchr(3)`: kernels are large, and unoptimized Swift is slow.
  private static func offset(of text: String, in bytes: ArraySlice<UInt8>) -> Int? {
    let pattern = Array(text.utf8)
    let offset = unsafe bytes.withUnsafeBytes { haystack -> Int? in
      guard let base = haystack.baseAddress, let first = pattern.first else { return nil }
      var start = 0
      while haystack.count - start >= pattern.count {
        guard
          let hit = unsafe memchr(
            base + start, CInt(first), haystack.count - start - pattern.count + 1)
        else { return nil }
        if unsafe memcmp(hit, pattern, pattern.count) == 0 {
          return unsafe UnsafeRawPointer(hit) - base
        }
        start = unsafe UnsafeRawPointer(hit) - base + 1
      }
      return nil
    }
    return offset.map { bytes.startIndex + $0 }
  }
}

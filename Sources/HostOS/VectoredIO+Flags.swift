import CLinux
import Glibc

// What hides behind _GNU_SOURCE. In a file of its own, because C types that two modules name cannot
// stand in package declarations of a file that sees both.
extension VectoredIO {
  @unsafe static func writeOnce(
    _ descriptor: CInt, _ buffers: UnsafePointer<iovec>, _ count: CInt, _ offset: off_t,
    stable: Bool
  ) -> Int {
    unsafe ktstr_pwritev2(descriptor, buffers, count, offset, writeFlags(stable: stable))
  }

  static func writeFlags(stable: Bool) -> CInt { stable ? ktstr_rwf_dsync : 0 }

  static func allocate(_ descriptor: CInt, _ mode: CInt, _ offset: off_t, _ count: off_t) -> CInt {
    ktstr_fallocate(descriptor, mode, offset, count)
  }
}

extension VectoredIO.Clearing {
  /// The mode of `fallocate`.
  var mode: CInt {
    switch self {
    case .punchHole: ktstr_punch_hole
    case .zeroRange: ktstr_zero_range
    }
  }
}

internal import CGuest

/// Lines for people on the kernel's console, for what cannot or may never reach the host otherwise.
enum Console {
  /// Writes one line, as an error of the kernel's log, which `quiet` lets pass.
  ///
  /// The console may be a slow serial port: few and short lines.
  static func say(_ text: String) {
    let bytes = [UInt8](("<3>ktstr-init: " + text + "\n").utf8)
    unsafe bytes.withUnsafeBufferPointer { buffer in
      if let base = buffer.baseAddress { unsafe guest_console_write(base, buffer.count) }
    }
  }

  /// Names what init does now, for the last words of an init that dies.
  static func enter(_ stage: StaticString) {
    unsafe stage.utf8Start.withMemoryRebound(to: CChar.self, capacity: stage.utf8CodeUnitCount + 1)
    {
      unsafe guest_stage_set($0)
    }
  }
}

internal import CGuest
internal import GuestLogic

/// An interactive shell on the guest's console.
enum Shell {
  private static let busybox = "/bin/busybox"

  /// Runs a shell until it exits, or says why there is none.
  static func run(columns: UInt16, rows: UInt16) {
    Console.enter("shell")
    guard Files.exists(busybox) else {
      Console.say("no " + busybox + " in this guest, so no shell")
      return
    }
    let terminal = consoleDevice()
    _ = unsafe guest_terminal_size(terminal, columns, rows)
    let pid = startShell(terminal)
    guard pid > 0 else {
      Console.say("cannot start a shell: errno \(-pid)")
      return
    }
    awaitEnd(of: pid)
  }

  /// The device behind `/dev/console`, which itself cannot control a session: the last active one.
  private static func consoleDevice() -> String {
    let active = ByteText.word(Files.contents("/sys/class/tty/console/active"))
    let name = active.pieces(between: " ").last ?? ""
    return "/dev/" + (name.isEmpty ? "ttyS0" : name)
  }

  private static func startShell(_ terminal: String) -> pid_t {
    var installed: Int32 = 0
    unsafe withArguments([busybox, "--install", "-s", "/bin"]) {
      installed = unsafe guest_run($0, 10 * Time.second)
    }
    if installed != 0 { Console.say("busybox --install: \(installed)") }
    var pid: pid_t = 0
    unsafe withArguments([busybox, "sh"]) { arguments in
      unsafe withArguments([
        "PATH=/bin:/sbin:/usr/bin:/usr/sbin", "HOME=/tmp", "TERM=linux", "PS1=guest \\w # ",
      ]) { environment in
        pid = unsafe guest_start_on_terminal(terminal, arguments, environment)
      }
    }
    return pid
  }

  /// People take their time: this is the one wait without a bound.
  private static func awaitEnd(of shell: pid_t) {
    while true {
      let pid = guest_ended_child()
      if pid == 0 {
        guest_wait_for_child(Int64(Time.second))
        continue
      }
      var ended = guest_ended()
      _ = unsafe guest_reap(pid, &ended)
      if pid == shell { return }
    }
  }

  /// Passes texts as a C argument vector.
  static func withArguments(
    _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Void
  ) {
    var bytes: [CChar] = []
    var offsets: [Int] = []
    for text in texts {
      offsets.append(bytes.count)
      for byte in text.utf8 { bytes.append(CChar(bitPattern: byte)) }
      bytes.append(0)
    }
    unsafe bytes.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      var pointers = unsafe [UnsafeMutablePointer<CChar>?](repeating: nil, count: texts.count + 1)
      for index in offsets.indices { unsafe pointers[index] = start + offsets[index] }
      unsafe pointers.withUnsafeBufferPointer { vector in
        if let base = vector.baseAddress { unsafe body(base) }
      }
    }
  }
}

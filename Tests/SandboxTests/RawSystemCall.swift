import CLinux
import Glibc
import HostOS
import Sandbox

/// System calls by number with any arguments, which is what a filter is tried with.
struct RawSystemCall: @unchecked Sendable {
  private typealias Function = @convention(c) (Int, Int, Int, Int, Int, Int, Int) -> Int
  private let function: Function

  /// Looks up `syscall(3)`, which Swift does not import because it takes any number of arguments.
  init?() {
    guard let address = dlsym(nil, "syscall") else { return nil }
    function = unsafeBitCast(address, to: Function.self)
  }

  /// Makes the call; what it returned, or minus the errno.
  ///
  /// It allocates nothing: a filter may refuse that, too.
  func make(_ call: ObservedCall) -> Int {
    let result = call.arguments.withUnsafeBufferPointer { arguments in
      arguments.withMemoryRebound(to: Int.self) { word in
        function(Int(call.number), word[0], word[1], word[2], word[3], word[4], word[5])
      }
    }
    return result == -1 ? -Int(errno) : result
  }
}

/// Runs a body on a thread of its own, which may bind itself for good, and waits for its end.
func onThread<Value: Sendable>(
  seconds: UInt64 = 20, _ body: @escaping @Sendable () throws -> Value
) throws -> Value {
  let result = Box<Result<Value, any Error>>()
  var thread = try HostThread(name: "bound") { result.value = Result { try body() } }
  guard thread.join(until: .now().advanced(byNanoseconds: seconds * 1_000_000_000)),
    let value = result.value
  else { throw ThreadOverdue() }
  return try value.get()
}

struct ThreadOverdue: Error {}

/// What a thread leaves behind; read after it was joined.
private final class Box<Value>: @unchecked Sendable {
  var value: Value?
}

/// Gives up new privileges for the calling thread, without which it may not bind itself.
func giveUpPrivileges() throws {
  try systemCall("prctl") { ktstr_prctl(PR_SET_NO_NEW_PRIVS, 1, 0) }
}

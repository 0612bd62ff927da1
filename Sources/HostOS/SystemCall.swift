import Glibc
import SystemPackage

/// What to do when a signal interrupts a call.
package enum InterruptPolicy: Sendable {
  /// Call again: for calls that nothing needs to break out of.
  case retry
  /// Report `EINTR`: for waits that a signal is meant to end.
  case fail
}

/// Runs one system call and turns its -1 into a typed error.
///
/// Never inlined, so that no reference counting can slip between the call and the read of errno.
///
/// - Throws: ``SystemCallError`` with the errno of the call.
@inline(never)
@discardableResult
package func systemCall<Result: FixedWidthInteger & SignedInteger>(
  _ name: StaticString,
  on subject: String? = nil,
  interrupted: InterruptPolicy = .retry,
  _ body: () -> Result
) throws(SystemCallError) -> Result {
  while true {
    let result = body()
    if result != -1 { return result }
    let code = Glibc.errno
    if code == EINTR && interrupted == .retry { continue }
    throw SystemCallError("\(name)", Errno(rawValue: code), subject: subject)
  }
}

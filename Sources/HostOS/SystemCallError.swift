package import SystemPackage

/// A system call that failed: which one, on what, and with which errno.
package struct SystemCallError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The C name of the call, such as `openat`.
  package let call: String
  /// The kernel's answer.
  package let errno: Errno
  /// The path or object that the call was about, where there is one.
  package let subject: String?

  /// Makes the error of one failed call.
  package init(_ call: String, _ errno: Errno, subject: String? = nil) {
    self.call = call
    self.errno = errno
    self.subject = subject
  }

  package var description: String {
    if let subject {
      "\(subject): \(errno) (\(call))"
    } else {
      "\(errno) (\(call))"
    }
  }
}

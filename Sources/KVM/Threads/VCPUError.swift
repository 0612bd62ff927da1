package import HostOS

/// What can go wrong with a vCPU and its thread.
package enum VCPUError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A call to KVM was refused.
  case kvm(KVMError)
  /// A call to the host's kernel was.
  case system(SystemCallError)
  /// A vCPU did not do what it was asked for in time, though it was kicked again and again.
  case unanswered(apicID: UInt32, request: VCPURequest, milliseconds: UInt64)
  /// The vCPU's thread has ended.
  case ended(apicID: UInt32)

  package var description: String {
    switch self {
    case .kvm(let error): error.description
    case .system(let error): error.description
    case .unanswered(let apicID, let request, let milliseconds):
      "vCPU \(apicID) did not \(request.rawValue) within \(milliseconds) ms"
    case .ended(let apicID): "the thread of vCPU \(apicID) has ended"
    }
  }

  /// Runs host calls and wraps their error.
  static func wrapping<Result: ~Copyable>(
    _ body: () throws(SystemCallError) -> Result
  ) throws(VCPUError) -> Result {
    do throws(SystemCallError) {
      return try body()
    } catch {
      throw .system(error)
    }
  }

  /// Runs KVM's calls and wraps their error.
  static func wrapping<Result: ~Copyable>(
    _ body: () throws(KVMError) -> Result
  ) throws(VCPUError) -> Result {
    do throws(KVMError) {
      return try body()
    } catch {
      throw .kvm(error)
    }
  }
}

/// What a vCPU's thread is asked for.
package enum VCPURequest: String, Hashable, Sendable {
  /// To leave the guest and stay out.
  case pause
  /// To make a call on its vCPU.
  case answer
  /// To end.
  case stop
}

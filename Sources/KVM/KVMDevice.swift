import CLinux
import Glibc
import HostOS
import SystemPackage

/// `/dev/kvm`, opened.
package struct KVMDevice: ~Copyable, Sendable {
  /// Path of the device.
  package static let path = "/dev/kvm"
  /// The API version that every kernel since 2.6.22 has (api.rst 4.1).
  package static let apiVersion: CInt = 12

  let descriptor: OwnedDescriptor

  /// Opens the device.
  ///
  /// - Throws: ``KVMError``: `ENOENT` without the module, `EACCES` without permission.
  package init() throws(KVMError) {
    do throws(SystemCallError) {
      descriptor = OwnedDescriptor(
        owning: try systemCall("open") { unsafe open(Self.path, O_RDWR | O_CLOEXEC) })
    } catch {
      throw KVMError("open \(Self.path)", error.errno)
    }
  }

  /// The API version; see ``apiVersion-swift.type.property``.
  ///
  /// - Throws: ``KVMError`` from `KVM_GET_API_VERSION`.
  package func version() throws(KVMError) -> CInt {
    try KVMRequest.getAPIVersion(descriptor.raw)
  }

  /// What the kernel says of a capability: 0 without it, else 1 or a value.
  ///
  /// - Throws: ``KVMError`` from `KVM_CHECK_EXTENSION`.
  package func value(of capability: KVMCapability) throws(KVMError) -> Int {
    try descriptor.value(of: capability)
  }

  /// What this kernel lacks of ``KVMCapability/required``, each as `KVM_CAP_NAME (reason)`.
  ///
  /// - Throws: ``KVMError`` from `KVM_CHECK_EXTENSION`.
  package func missingCapabilities() throws(KVMError) -> [String] {
    var missing: [String] = []
    for (capability, reason) in KVMCapability.required
    where try value(of: capability) == 0 {
      missing.append("KVM_CAP_\(capability.name) (\(reason))")
    }
    return missing
  }

  /// What this kernel offers beyond what is required.
  ///
  /// - Throws: ``KVMError`` from `KVM_CHECK_EXTENSION`.
  package func features() throws(KVMError) -> KVMFeatures {
    // Kernels without MAX_VCPU_ID have as many ids as vCPUs (api.rst 4.7).
    let ids = try value(of: .maximalVCPUID)
    let vcpus = try value(of: .maximalVCPUs)
    return KVMFeatures(
      hasWideAPICIDs: try value(of: .x2APIC) & 3 == 3,
      hasSplitIRQChip: try value(of: .splitIRQChip) != 0,
      apicIDLimit: ids == 0 ? vcpus : ids,
      maximalVCPUs: vcpus,
      memorySlots: try value(of: .memorySlots),
      hasLargeXSAVE: try value(of: .xsave2) != 0,
      hasHaltPoll: try value(of: .haltPoll) != 0,
      hasReadOnlyMemory: try value(of: .readOnlyMemory) != 0,
      hasAnyLengthDoorbell: try value(of: .anyLengthDoorbell) != 0,
      disabledExits: DisabledExits(
        rawValue: UInt32(truncatingIfNeeded: try value(of: .disabledExits))))
  }

  /// Asks that guests may have the processor's tile registers (AMX), whose state is large.
  ///
  /// Goes before ``supportedCPUID()``, which leaves out what guests may not have. False where
  /// processor or kernel have none of it, which harms nothing (arch/x86/kernel/fpu/xstate.c).
  @discardableResult
  package static func requestTileState() -> Bool {
    let tileData: UInt = 18
    return ktstr_request_guest_state(tileData) == 0
  }

  /// Makes a virtual machine without memory and CPUs.
  ///
  /// - Throws: ``KVMError`` from `KVM_CREATE_VM` or `KVM_GET_VCPU_MMAP_SIZE`.
  package func makeVirtualMachine() throws(KVMError) -> KVMVirtualMachine {
    let runSize = Int(try KVMRequest.getRunSize(descriptor.raw))
    guard runSize >= KTSTR_RUN_SIZE else {
      throw KVMRequest.getRunSize.error(EPROTO, nil, .bytes(runSize))
    }
    let machine = OwnedDescriptor(owning: try KVMRequest.createVM(descriptor.raw))
    return KVMVirtualMachine(descriptor: machine, runSize: runSize)
  }
}

extension OwnedDescriptor {
  /// What the kernel says of a capability, asked of `/dev/kvm` or of a VM.
  func value(of capability: KVMCapability) throws(KVMError) -> Int {
    Int(
      try KVMRequest.checkExtension(
        raw, value: UInt(capability.number), about: .capability(capability)))
  }
}

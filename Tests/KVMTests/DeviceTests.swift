import KVM
import SystemPackage
import Testing

@Suite struct DeviceTests {
  @Test func `the device is there, and lacks nothing that is needed`() throws {
    let device = try KVMDevice()
    #expect(try device.version() == KVMDevice.apiVersion)
    #expect(try device.missingCapabilities() == [])
  }

  @Test func `features are told as values`() throws {
    let device = try KVMDevice()
    let features = try device.features()
    #expect(features.maximalVCPUs >= 1)
    #expect(features.apicIDLimit >= features.maximalVCPUs)
    #expect(features.memorySlots >= 32)
    #expect(try device.value(of: .immediateExit) == 1)
    let machine = try device.makeVirtualMachine()
    #expect(try machine.value(of: .xsave2) >= 4096)
    if features.hasHaltPoll { try machine.setHaltPoll(nanoseconds: 200_000) }
    if features.disabledExits.contains(.pause) { try machine.disableExits(.pause) }
    do throws(KVMError) {
      try machine.disableExits(DisabledExits(rawValue: 1 << 20))
      Issue.record("exits that there are not were disabled")
    } catch {
      #expect(error.argument == .capability(.disabledExits))
      #expect(error.description == "KVM_ENABLE_CAP (X86_DISABLE_EXITS): Invalid argument")
    }
  }

  @Test func `asking for tile state harms nothing`() throws {
    let device = try KVMDevice()
    let first = KVMDevice.requestTileState()
    #expect(KVMDevice.requestTileState() == first)
    #expect(try !device.supportedCPUID().isEmpty)
  }

  @Test func `the boot processor is chosen before there are any`() throws {
    let machine = try KVMDevice().makeVirtualMachine()
    try machine.createInterruptControllers()
    try machine.setBootCPU(apicID: 2)
    let other = try machine.makeVCPU(apicID: 0)
    let boot = try machine.makeVCPU(apicID: 2)
    // Bit 8 of the APIC base says so (Intel SDM vol. 3, 11.4.4).
    #expect(try boot.specialRegisters().apicBase & 0x100 != 0)
    #expect(try other.specialRegisters().apicBase & 0x100 == 0)
    do throws(KVMError) {
      try machine.setBootCPU(apicID: 0)
      Issue.record("the boot processor was changed")
    } catch {
      #expect(error == KVMError("KVM_SET_BOOT_CPU_ID", about: .value(0), .resourceBusy))
    }
  }

  @Test func `the addresses of Intel's helpers are taken before there is a vCPU`() throws {
    let machine = try KVMDevice().makeVirtualMachine()
    try machine.setTSSAddress(0xfffb_d000)
    try machine.setIdentityMapAddress(0xfffc_0000)
  }

  @Test func `the clock runs from where it is set`() throws {
    let machine = try KVMDevice().makeVirtualMachine()
    let hour: UInt64 = 3_600_000_000_000
    try machine.setClock(nanoseconds: hour)
    let first = try machine.clock().nanoseconds
    let second = try machine.clock().nanoseconds
    #expect(first >= hour && first < 2 * hour)
    #expect(second >= first)
  }
}

import KVM

/// What is asked of vCPUs while the guest lives; each answer is bounded.
extension KVMMachine {
  package func pause() throws(MachineError) {
    try vcpu { () throws(VCPUError) in
      try vcpus.pause(withinMilliseconds: Self.graceMilliseconds)
    }
  }

  package func resume() throws(MachineError) {
    try vcpu { () throws(VCPUError) in
      try vcpus.resume(withinMilliseconds: Self.graceMilliseconds)
    }
  }

  package func registers(ofVCPU index: Int) throws(MachineError) -> VCPURegisters {
    let thread = try thread(ofVCPU: index)
    return try vcpu { () throws(VCPUError) in
      try thread.perform(withinMilliseconds: Self.graceMilliseconds) { vcpu throws(KVMError) in
        VCPURegisters(
          general: try vcpu.registers(), special: try vcpu.specialRegisters(),
          fpu: try vcpu.fpu())
      }
    }
  }

  package func injectNMI(intoVCPU index: Int) throws(MachineError) {
    let thread = try thread(ofVCPU: index)
    try vcpu { () throws(VCPUError) in
      try thread.perform(withinMilliseconds: Self.graceMilliseconds) { vcpu throws(KVMError) in
        try vcpu.injectNMI()
      }
    }
  }

  private func thread(ofVCPU index: Int) throws(MachineError) -> VCPUThread {
    guard vcpus.threads.indices.contains(index) else {
      throw .noSuchVCPU(index, count: vcpus.threads.count)
    }
    return vcpus.threads[index]
  }

  private func vcpu<Result>(
    _ body: () throws(VCPUError) -> Result
  ) throws(MachineError) -> Result {
    do {
      return try body()
    } catch {
      throw .vcpu(error)
    }
  }
}

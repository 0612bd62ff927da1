import HostOS
import Kernels
import Machine
import Scenario
import SystemPackage

extension RunOrder {
  /// No kernel's configuration is larger.
  private static let configLimit = 16 << 20

  /// The first requirement of the scenario that this order does not meet, in words; nil when all
  /// are met.
  func unmetRequirement() -> String? {
    let requires = document.scenario.allRequirements
    guard requires != Requirements() else { return nil }
    let config = kernel.config.flatMap { try? Files.read($0.string, limit: Self.configLimit) }
    let cpus = try? HostCPUs.allowed().count
    return requires.unmet(
      by: Surroundings(
        release: kernel.release, schedExt: kernel.hasSchedExt, config: config,
        hostCPUs: cpus ?? 0, engine: engine.engine.rawValue))
  }
}

// swift-tools-version: 6.2
import PackageDescription

let common: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]
let library = common + [.enableExperimentalFeature("Lifetimes"), .strictMemorySafety()]

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")
let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")

/// One room of the house; what it may import stands in docs/architecture.md.
func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: library)
}

/// The tests of one room.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: name + "Tests",
    dependencies: dependencies + [.target(name: name)],
    swiftSettings: common)
}

let package = Package(
  name: "ktstr",
  products: [.executable(name: "ktstr", targets: ["ktstr"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: [
    .target(name: "CLinux"),
    // From Debian's package liburing-dev.
    .target(name: "CUring", linkerSettings: [.linkedLibrary("uring")]),
    // From Debian's package libelf-dev.
    .target(name: "CElf", linkerSettings: [.linkedLibrary("elf")]),
    room("HostOS", ["CLinux", "CUring", system]),
    room("Sandbox", ["HostOS", "CLinux", system]),
    room("Wire", []),
    room("GuestMemory", ["HostOS", "CLinux", system]),
    room("Virtio", ["GuestMemory", "HostOS", "CLinux", histogram, system]),
    room("VhostUser", ["Virtio", "GuestMemory", "HostOS", "CLinux", system]),
    // The guest's side of rings, requests and vhost-user: for tests, fuzzing and benchmarks.
    room("DriverMock", ["VhostUser", "Virtio", "GuestMemory", "HostOS", system]),
    room("KVM", ["HostOS", "CLinux", system]),
    room("Topology", []),
    room("Boot", ["Topology"]),
    room("Programs", ["CElf", "Boot", "HostOS", system]),
    room("Kernels", ["Boot", "HostOS", system]),
    room("Scenario", ["Topology", "Wire"]),
    room("Evidence", ["Wire", "HostOS", system]),
    room("Verdict", ["Scenario", "Evidence", "Topology", "Wire"]),
    room("Explain", ["Verdict", "Scenario", "Evidence", "Topology", "Wire"]),
    room(
      "Machine",
      [
        "KVM", "Boot", "Topology", "Sandbox", "Virtio", "VhostUser", "GuestMemory", "HostOS",
        "CLinux", system,
      ]),
    room(
      "Harness",
      [
        "Machine", "KVM", "Kernels", "Programs", "Sandbox", "Scenario", "Evidence", "Verdict",
        "Boot",
        "Topology", "Virtio", "Wire", "HostOS",
        system,
      ]),
    room("Report", ["Verdict", "Evidence"]),
    room(
      "Commands",
      [
        "Harness", "Report", "Explain", "Machine", "Kernels", "KVM", "Programs", "Scenario",
        "Evidence", "Topology", "Verdict", "VhostUser", "Virtio", "HostOS", "CLinux",
        argumentParser, system,
      ]),
    .executableTarget(name: "ktstr", dependencies: ["Commands"], swiftSettings: common),
    .executableTarget(
      name: "ktstr-bench",
      dependencies: ["Harness", "Machine", "Topology", "Evidence", "HostOS"], swiftSettings: common),
    .executableTarget(
      name: "ktstr-bootbench", dependencies: ["Boot", "Machine", "KVM", "Topology", "HostOS"],
      swiftSettings: common),
    .executableTarget(
      name: "ktstr-corebench",
      dependencies: ["DriverMock", "VhostUser", "Virtio", "GuestMemory", "HostOS", system],
      swiftSettings: common),

    tests("HostOS", [system]),
    tests("Sandbox", ["HostOS", "CLinux", system]),
    tests("Wire", []),
    tests("GuestMemory", ["HostOS", system]),
    tests("Virtio", ["DriverMock", "GuestMemory", "HostOS", histogram, system]),
    tests("VhostUser", ["DriverMock", "Virtio", "GuestMemory", "HostOS", system]),
    tests("KVM", ["HostOS", system]),
    tests("Topology", ["HostOS"]),
    tests("Boot", ["HostOS", "Topology", system]),
    tests("Programs", ["Boot", "HostOS", system]),
    tests("Kernels", ["Boot", "HostOS", system]),
    tests("Scenario", ["Topology", "Wire"]),
    tests("Evidence", ["Wire", "HostOS", system]),
    tests("Verdict", ["Scenario", "Evidence", "Topology", "Wire"]),
    tests("Explain", ["Scenario", "Verdict", "Topology", "Wire"]),
    tests(
      "Machine",
      [
        "Boot", "DriverMock", "GuestMemory", "HostOS", "KVM", "Topology", "Virtio", system,
      ]),
    tests(
      "Harness",
      [
        "Machine", "KVM", "Kernels", "Evidence", "Scenario", "Verdict", "Topology", "Wire",
        "HostOS", system,
      ]),
    tests("Report", ["Verdict", "Evidence"]),
    tests("Commands", ["Harness", "Report", "Verdict", "Evidence", "HostOS"]),
    // Boots real guests with the built `ktstr`; needs QEMU and a kernel.
    .testTarget(
      name: "GuestTests",
      dependencies: [
        "Boot", "DriverMock", "Virtio", "GuestMemory", "HostOS", "Topology", system,
      ],
      swiftSettings: common),
  ]
)

// With KTSTR_ROOMS="A,B" only these targets are here, and what they need: for work on a few rooms.
// "core" stands for the device core and its tests, which sanitizers, `make parity` and the core's
// benchmarks build in a folder of their own, in a third of the time.
if let wanted = Context.environment["KTSTR_ROOMS"] {
  let core = [
    "HostOSTests", "GuestMemoryTests", "VirtioTests", "VhostUserTests", "ktstr-corebench",
  ]
  var open = wanted.split(separator: ",").flatMap { $0 == "core" ? core : [String($0)] }
  var kept: Set<String> = []
  while let name = open.popLast() {
    guard kept.insert(name).inserted,
      let target = package.targets.first(where: { $0.name == name })
    else { continue }
    for dependency in target.dependencies {
      switch dependency {
      case .byNameItem(let name, _), .targetItem(let name, _): open.append(name)
      default: break
      }
    }
  }
  package.targets.removeAll { !kept.contains($0.name) }
  package.products.removeAll()
  // A package that nothing uses would be fetched and warned of.
  package.dependencies.removeAll { dependency in
    guard case .sourceControl(_, let location, _) = dependency.kind else { return false }
    return location.hasSuffix("swift-argument-parser") && !kept.contains("Commands")
  }
}

// swift-tools-version: 6.2
import PackageDescription

// Coverage-guided fuzzing of the device core, with the address sanitizer. A package of its own,
// because the instrumentation fits no other build; the rooms are links to the sources of the main
// package. `make fuzz` builds and runs it; docs/fuzzing.md says how to reproduce what it finds.
//
// It is built in debug configuration with optimisation: a release build compiles a module as a
// whole on several threads, and then the coverage hooks are refused.
let instrumented = ["-sanitize=fuzzer,address", "-O"]
// The mock driver and the models are not what is to be explored.
let sanitized = ["-sanitize=address", "-O"]

let common: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]
let library =
  common + [
    .enableExperimentalFeature("Lifetimes"), .strictMemorySafety(),
  ]

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")

/// A room of the main package.
func room(
  _ name: String, _ dependencies: [Target.Dependency], flags: [String] = instrumented
) -> Target {
  .target(
    name: name, dependencies: dependencies, swiftSettings: library + [.unsafeFlags(flags)])
}

let package = Package(
  name: "fuzz",
  dependencies: [
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: [
    .target(name: "CFuzzer"),
    .target(name: "CLinux", cSettings: [.unsafeFlags(["-fsanitize=address,fuzzer-no-link"])]),
    .target(
      name: "CUring", cSettings: [.unsafeFlags(["-fsanitize=address,fuzzer-no-link"])],
      linkerSettings: [.linkedLibrary("uring")]),
    room("HostOS", ["CLinux", "CUring", system]),
    room("GuestMemory", ["HostOS", "CLinux", system]),
    room("Virtio", ["GuestMemory", "HostOS", "CLinux", histogram, system]),
    room("VhostUser", ["Virtio", "GuestMemory", "HostOS", "CLinux", system]),
    room(
      "DriverMock", ["VhostUser", "Virtio", "GuestMemory", "HostOS", system], flags: sanitized),
    .executableTarget(
      name: "ktstr-fuzz",
      dependencies: [
        "CFuzzer", "CLinux", "DriverMock", "VhostUser", "Virtio", "GuestMemory", "HostOS", system,
      ],
      swiftSettings: common + [.unsafeFlags(sanitized)],
      // The fuzzer's own `main` is left out; ours calls it. Where it lies depends on the toolchain,
      // so `.ci/fuzz` passes the folder.
      linkerSettings: [
        .unsafeFlags(["-sanitize=address", "-use-ld=lld"]),
        .linkedLibrary("clang_rt.fuzzer_no_main-x86_64"),
        .linkedLibrary("stdc++"),
      ]),
  ]
)

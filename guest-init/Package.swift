// swift-tools-version: 6.2
import PackageDescription

// The guest's PID 1: Embedded Swift, static, no Foundation. It is a package of its own because its
// flags (whole module, no dynamic loader) would take sanitizers and coverage away from the host's.
//
// With KTSTR_GUEST_TESTS set, the parts that need no guest are built as ordinary Swift with their
// tests, and the init itself is left out: Swift Testing cannot load Embedded modules.
//
// With KTSTR_GUEST_BENCH set, init's own sources are built with another beginning, which runs them
// on the machine at hand.
let testing = Context.environment["KTSTR_GUEST_TESTS"] != nil
let benching = Context.environment["KTSTR_GUEST_BENCH"] != nil

let common: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]
// Every byte is unpacked by every guest, so there is nothing for unwinding, which nobody does here,
// and functions of the same code are one.
let embedded: [SwiftSetting] =
  testing
  ? []
  : [
    .enableExperimentalFeature("Embedded"),
    .unsafeFlags([
      "-wmo", "-Osize", "-Xfrontend", "-function-sections", "-Xcc",
      "-fno-asynchronous-unwind-tables", "-Xcc", "-fno-unwind-tables",
    ]),
  ]
let library =
  common + embedded + [.enableExperimentalFeature("Lifetimes"), .strictMemorySafety()]

var targets: [Target] = [
  .target(name: "Wire", swiftSettings: library),
  .target(name: "GuestLogic", dependencies: ["Wire"], swiftSettings: library),
]
if testing {
  targets.append(
    .testTarget(
      name: "GuestLogicTests", dependencies: ["GuestLogic", "Wire"], swiftSettings: common))
} else {
  targets += [
    .target(
      name: "CGuest",
      cSettings: [
        .unsafeFlags([
          "-Os", "-ffunction-sections", "-fno-asynchronous-unwind-tables", "-Wall", "-Wextra",
          "-Werror",
        ])
      ]),
    .executableTarget(
      name: benching ? "guest-bench" : "guest-init",
      dependencies: ["CGuest", "GuestLogic", "Wire"],
      exclude: benching ? ["init/Main.swift"] : [],
      swiftSettings: library,
      linkerSettings: [
        .unsafeFlags(
          [
            "-static-executable", "-Xlinker", "--gc-sections", "-Xlinker", "--icf=all", "-Xlinker",
            "--no-eh-frame-hdr",
          ]
            // Profilers want names.
            + (benching ? [] : ["-Xlinker", "-s"]))
      ]),
  ]
}

let package = Package(name: "guest-init", targets: targets)

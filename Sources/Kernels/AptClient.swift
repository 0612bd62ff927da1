import Glibc
import HostOS
import SystemPackage

/// apt with a state of its own for one suite; the system's lists and caches are never touched.
///
/// apt does what it is good at: fetching, and checking signatures and hashes.
struct AptClient {
  private static let updateLimit: UInt64 = 300_000_000_000
  private static let downloadLimit: UInt64 = 1_800_000_000_000

  /// Holds lists, caches and configuration.
  let directory: FilePath
  /// The archive.
  let source: AptSource
  /// The suite in it.
  let suite: String

  /// Makes the directories and writes the source's line.
  func prepare() throws {
    for name in ["state/lists/partial", "cache/archives/partial"] {
      try Files.makeDirectories(directory.appending(name).string)
    }
    // The host's hooks clean and refresh the system's own caches; this update is none of theirs.
    let hooks = ["Pre-Invoke", "Post-Invoke", "Post-Invoke-Success"]
    let clear = hooks.map { "#clear APT::Update::\($0);\n" }.joined()
    try Files.write(Array(clear.utf8), to: directory.appending("apt.conf").string)
    // An empty one: what the host has installed is no matter here.
    try Files.write([], to: directory.appending("state/status").string)
    var options = ["arch=amd64"]
    if let key = source.embeddedKey {
      let path = directory.appending("archive.asc").string
      try Files.write(Array(key.utf8), to: path)
      options.append("signed-by=\(path)")
    } else if let signedBy = source.signedBy {
      options.append("signed-by=\(signedBy)")
    }
    if let value = source.checkValidUntil { options.append("check-valid-until=\(value)") }
    let words = options + [source.uri, suite]
    guard !words.contains(where: { $0.contains(where: { $0.isWhitespace || $0 == "]" }) }) else {
      throw KernelError.step("apt source", reason: "white space in '\(source.uri)'")
    }
    let line = "deb [\(options.joined(separator: " "))] \(source.uri) \(suite) main\n"
    try Files.write(Array(line.utf8), to: directory.appending("sources.list").string)
  }

  /// Brings the suite's index up to date.
  func update() throws {
    var request = request("apt-get", ["--quiet=2", "update"])
    request.timeLimitNanoseconds = Self.updateLimit
    _ = try KernelError.step("the package index of \(suite)") { try ToolRunner.run(request) }
  }

  /// The cloud-flavour kernel packages of the suite.
  func kernelPackages() throws -> [AptPackage] {
    let names = try ToolRunner.run(request("apt-cache", ["pkgnames", "linux-"])).text
      .split(whereSeparator: \.isNewline).map { String($0) }.filter(AptPackage.isKernelPart)
    guard !names.isEmpty else { return [] }
    let shown = try ToolRunner.run(
      request("apt-cache", ["show", "--no-all-versions", "--"] + names.sorted()))
    return ControlStanza.parse(shown.text).compactMap(AptPackage.init)
  }

  /// Downloads packages into a directory.
  func download(_ packages: [AptPackage], into target: FilePath) throws {
    var request = request(
      "apt-get", ["--quiet=2", "download", "--"] + packages.map { "\($0.name)=\($0.version)" })
    request.workingDirectory = target.string
    request.timeLimitNanoseconds = Self.downloadLimit
    _ = try KernelError.step("downloading from \(suite)") { try ToolRunner.run(request) }
  }

  private func request(_ tool: String, _ arguments: [String]) -> ToolRequest {
    var settings = [
      "Dir::State=\(directory.appending("state"))",
      "Dir::State::status=\(directory.appending("state/status"))",
      "Dir::Cache=\(directory.appending("cache"))",
      // Some hosts turn these off, and then every command reads all indexes again.
      "Dir::Cache::pkgcache=pkgcache.bin", "Dir::Cache::srcpkgcache=srcpkgcache.bin",
      "Dir::Etc::SourceList=\(directory.appending("sources.list"))",
      "Dir::Etc::SourceParts=/dev/null",
      // The host's pins are about what it installs.
      "Dir::Etc::Preferences=/dev/null", "Dir::Etc::PreferencesParts=/dev/null",
      "Acquire::Languages=none", "Acquire::Retries=2", "Acquire::http::Timeout=30",
      "APT::Color=0", "APT::Update::Error-Mode=any",
    ]
    // As root apt would download as another user, who cannot enter a private cache.
    if geteuid() == 0 { settings.append("APT::Sandbox::User=root") }
    var request = ToolRequest(
      tool,
      ["-c", directory.appending("apt.conf").string] + settings.flatMap { ["-o", $0] } + arguments)
    request.environment["DEBIAN_FRONTEND"] = "noninteractive"
    return request
  }
}

import Kernels
import SystemPackage
import Testing

@Suite struct AptSourceTests {
  @Test func `a deb822 file gives its enabled binary sources`() throws {
    let text = """
      # the main one
      Types: deb deb-src
      # a comment inside
      URIs: http://mirror.test/debian
      Suites: bookworm bookworm-updates
      Components: main contrib
      Signed-By: /usr/share/keyrings/a.gpg

      Types: deb
      URIs: http://mirror.test/off
      Suites: bookworm
      Components: main
      Enabled: no

      Types: deb-src
      URIs: http://mirror.test/src
      Suites: bookworm
      Components: main
      """
    #expect(
      AptSource.parse(deb822Style: text) == [
        AptSource(
          uri: "http://mirror.test/debian", suites: ["bookworm", "bookworm-updates"],
          components: ["main", "contrib"], signedBy: "/usr/share/keyrings/a.gpg")
      ])
  }

  @Test func `a key inside a source is unfolded`() throws {
    let text = """
      Types: deb
      URIs: http://mirror.test/debian
      Suites: sid
      Components: main
      Check-Valid-Until: no
      Signed-By:
       -----BEGIN PGP PUBLIC KEY BLOCK-----
       .
       abc=
       -----END PGP PUBLIC KEY BLOCK-----
      """
    let source = try #require(AptSource.parse(deb822Style: text).first)
    #expect(source.signedBy == nil)
    #expect(source.checkValidUntil == "no")
    #expect(
      source.embeddedKey
        == "\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc=\n-----END PGP PUBLIC KEY BLOCK-----")
  }

  @Test func `one-line sources are read with and without options`() {
    let text = """
      # deb http://mirror.test/commented bookworm main
      deb http://mirror.test/debian bookworm main contrib # trailing
      deb [arch=amd64 signed-by=/k.gpg] http://mirror.test/two trixie main
      deb-src http://mirror.test/debian bookworm main
      nonsense
      """
    #expect(
      AptSource.parse(oneLineStyle: text) == [
        AptSource(
          uri: "http://mirror.test/debian", suites: ["bookworm"], components: ["main", "contrib"]),
        AptSource(
          uri: "http://mirror.test/two", suites: ["trixie"], components: ["main"],
          signedBy: "/k.gpg"),
      ])
  }

  @Test func `the main archive goes before updates, and security never counts`() {
    func source(_ uri: String, _ suites: [String], _ components: [String] = ["main"]) -> AptSource {
      AptSource(uri: uri, suites: suites, components: components)
    }
    let updates = source("updates", ["bookworm-updates"])
    let security = source("security", ["bookworm-security"])
    let other = source("vendor", ["bookworm"], ["stable"])
    let main = source("main", ["bookworm"])
    let alias = source("alias", ["stable"])
    func choose(_ sources: AptSource...) -> String? {
      AptSource.mainArchive(in: sources, codename: "bookworm")?.uri
    }
    #expect(choose(security, other, updates, main) == "main")
    #expect(choose(alias, updates) == "updates")
    #expect(choose(security, alias) == "alias")
    #expect(choose(security, other) == nil)
  }

  @Test func `the host's configuration is read from both places`() throws {
    let directory = try TemporaryDirectory()
    let host = HostDistribution(root: directory.path)
    #expect(try host.codename() == nil)
    try directory.write("etc/os-release", "ID=debian\nVERSION_CODENAME=\"bookworm\"\n")
    #expect(try host.codename() == "bookworm")
    #expect(
      throws: KernelError.noAptSource(
        codename: "bookworm",
        searched: ["etc/apt/sources.list", "etc/apt/sources.list.d"]
          .map { directory.path.appending($0).string })
    ) { try host.mainArchive(codename: "bookworm") }
    try directory.write("etc/apt/sources.list", "deb http://mirror.test/list bookworm main\n")
    #expect(try host.mainArchive(codename: "bookworm").uri == "http://mirror.test/list")
    try directory.write("etc/apt/sources.list", "")
    try directory.write(
      "etc/apt/sources.list.d/off.sources.disabled", "deb http://mirror.test/off bookworm main\n")
    try directory.write(
      "etc/apt/sources.list.d/d.sources",
      "Types: deb\nURIs: http://mirror.test/sources\nSuites: bookworm\nComponents: main\n")
    #expect(try host.mainArchive(codename: "bookworm").uri == "http://mirror.test/sources")
  }

  @Test(arguments: ["trixie", "trixie-backports", "bookworm-backports"])
  func `a suite is taken as it is named`(suite: String) throws {
    #expect(try FetchRequest(suite).suite == suite)
    #expect(try FetchRequest(suite + "/6.18").version == "6.18")
    #expect(try FetchRequest(suite).version == nil)
  }

  @Test(arguments: ["", "/", "a/", "-o", "..", "../x", "a b", "a/b/c", "a/-x", "a;b", "a/$(x)"])
  func `names that no suite has are refused`(name: String) {
    #expect(throws: KernelError.self) { try FetchRequest(name) }
  }
}

@Suite struct KernelCatalogueTests {
  /// An index with one kernel of each way that Debian has packaged them.
  static func catalogue() -> KernelCatalogue {
    func stanza(_ name: String, _ version: String, _ depends: String = "") -> String {
      "Package: \(name)\nVersion: \(version)\nDepends: \(depends)\nSize: 10\n\n"
    }
    let split = "7.2.12+deb13-cloud-amd64"
    let unsigned = "7.3.4+deb13-cloud-amd64"
    let remains = "6.19.14+deb13-cloud-amd64"
    let text =
      stanza("linux-image-cloud-amd64", "7.2.12-1", "linux-base, linux-image-\(split) (= 7.2.12-1)")
      + stanza(
        "linux-image-\(split)", "7.2.12-1",
        "dracut | initramfs-tools (>= 1), linux-base-\(split) (= 7.2.12-1),"
          + " linux-binary-\(split) | linux-binary-unsigned-\(split), linux-modules-\(split)")
      + stanza("linux-base-\(split)", "7.2.12-1")
      + stanza("linux-binary-\(split)", "7.2.12-1", "linux-base-\(split)")
      + stanza("linux-binary-unsigned-\(split)", "7.2.12-1", "linux-base-\(split)")
      + stanza("linux-modules-\(split)", "7.2.12-1", "kmod, linux-base-\(split)")
      + stanza("linux-binary-unsigned-\(unsigned)", "7.3.4-1", "linux-base-\(unsigned)")
      + stanza("linux-modules-\(unsigned)", "7.3.4-1")
      + stanza("linux-base-\(unsigned)", "7.3.4-1")
      + stanza(
        "linux-image-\(remains)", "6.19.14-1",
        "linux-base-\(remains), linux-binary-\(remains) (= 6.19.14-1), linux-modules-\(remains)")
      + stanza("linux-binary-\(remains)", "6.19.14-1")
      + stanza("linux-image-6.18.9+deb13-cloud-amd64", "6.18.9-1", "kmod")
      + stanza("linux-image-6.18.15+deb13-cloud-amd64", "6.18.15-1", "linux-base-6.18.15+deb13")
      + stanza("linux-image-6.1.0-50-cloud-amd64", "6.1.176-1")
    return KernelCatalogue(ControlStanza.parse(text).compactMap(AptPackage.init))
  }

  static let wanted: [(String?, String?)] = [
    (nil, "7.2.12+deb13-cloud-amd64"), ("6.18", "6.18.15+deb13-cloud-amd64"),
    ("6.18.9", "6.18.9+deb13-cloud-amd64"), ("6.1", "6.1.0-50-cloud-amd64"),
    ("6.1.176", "6.1.0-50-cloud-amd64"), ("7", "7.3.4+deb13-cloud-amd64"), ("6.2", nil),
    ("6.19", nil), ("6", "6.18.15+deb13-cloud-amd64"),
  ]

  @Test func `a kernel whose modules the suite has dropped is named with what it lacks`() {
    let catalogue = Self.catalogue()
    #expect(!catalogue.releases.contains { $0.hasPrefix("6.19") })
    #expect(catalogue.remains(of: "6.19")?.missing == ["linux-modules-6.19.14+deb13-cloud-amd64"])
    #expect(catalogue.remains(of: "6.2") == nil)
  }

  @Test(arguments: wanted)
  func `a version takes the newest that begins with it`(version: String?, release: String?) {
    #expect(Self.catalogue().release(matching: version) == release)
  }

  @Test func `image, modules and base are followed where they are split`() {
    let parts = Self.catalogue().parts(of: "7.2.12+deb13-cloud-amd64").map(\.name)
    #expect(parts.first == "linux-image-7.2.12+deb13-cloud-amd64")
    #expect(
      Set(parts)
        == Set(
          ["image", "modules", "base", "binary"].map { "linux-\($0)-7.2.12+deb13-cloud-amd64" }))
    #expect(parts.count == 4)
  }

  @Test func `an image that is not signed yet comes with its modules`() {
    let parts = Self.catalogue().parts(of: "7.3.4+deb13-cloud-amd64").map(\.name)
    #expect(
      Set(parts)
        == Set(
          ["binary-unsigned", "modules", "base"].map { "linux-\($0)-7.3.4+deb13-cloud-amd64" }))
  }

  @Test func `a kernel in one package is one package`() {
    let catalogue = Self.catalogue()
    for release in ["6.18.15+deb13-cloud-amd64", "6.1.0-50-cloud-amd64"] {
      #expect(catalogue.parts(of: release).map(\.name) == ["linux-image-" + release])
    }
    #expect(catalogue.parts(of: "9").isEmpty)
  }
}

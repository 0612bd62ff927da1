/// One archive that the host's apt is configured with.
package struct AptSource: Hashable, Sendable {
  /// The archive's address, as configured.
  package var uri: String
  /// The suites taken from it.
  package var suites: [String]
  /// The components taken, such as `main`.
  package var components: [String]
  /// `Signed-By`: keyring files or fingerprints, separated by commas; nil where apt's own trusted
  /// keys count.
  package var signedBy: String?
  /// A key that is written into the source itself, instead of ``signedBy``.
  package var embeddedKey: String?
  /// `Check-Valid-Until`, which archives of the past need off; nil where not said.
  package var checkValidUntil: String?

  /// Makes a source of what the configuration says of it.
  package init(
    uri: String, suites: [String], components: [String], signedBy: String? = nil,
    embeddedKey: String? = nil, checkValidUntil: String? = nil
  ) {
    self.uri = uri
    self.suites = suites
    self.components = components
    self.signedBy = signedBy
    self.embeddedKey = embeddedKey
    self.checkValidUntil = checkValidUntil
  }

  /// The binary sources in a file of the one-line style, sources.list(5).
  package static func parse(oneLineStyle text: String) -> [AptSource] {
    text.split(whereSeparator: \.isNewline).compactMap { line in
      let code = line.prefix { $0 != "#" }
      var rest = code.drop { $0.isWhitespace }
      guard let type = rest.split(whereSeparator: \.isWhitespace).first, type == "deb" else {
        return nil
      }
      rest = rest.dropFirst(type.count).drop { $0.isWhitespace }
      var options: [String: String] = [:]
      if rest.first == "[", let end = rest.firstIndex(of: "]") {
        for option in rest[..<end].dropFirst().split(whereSeparator: \.isWhitespace) {
          let parts = option.split(separator: "=", maxSplits: 1)
          if parts.count == 2 { options[parts[0].lowercased()] = String(parts[1]) }
        }
        rest = rest[rest.index(after: end)...]
      }
      let words = rest.split(whereSeparator: \.isWhitespace).map { String($0) }
      guard words.count >= 2 else { return nil }
      return AptSource(
        uri: words[0], suites: [words[1]], components: Array(words.dropFirst(2)),
        signedBy: options["signed-by"], checkValidUntil: options["check-valid-until"])
    }
  }

  /// The enabled binary sources in a file of the deb822 style, sources.list(5).
  package static func parse(deb822Style text: String) -> [AptSource] {
    ControlStanza.parse(text).flatMap { stanza -> [AptSource] in
      func words(_ field: String) -> [String] {
        (stanza[field] ?? "").split(whereSeparator: \.isWhitespace).map { String($0) }
      }
      let isOff = ["no", "false", "0", "off", "without", "disable"]
        .contains((stanza["Enabled"] ?? "yes").lowercased())
      guard !isOff, words("Types").contains("deb") else { return [] }
      let key = stanza["Signed-By"]
      let isEmbedded = key?.contains("BEGIN PGP") ?? false
      return words("URIs").map { uri in
        AptSource(
          uri: uri, suites: words("Suites"), components: words("Components"),
          signedBy: isEmbedded ? nil : key.map { _ in words("Signed-By").joined(separator: ",") },
          embeddedKey: isEmbedded ? key.map(Self.unfolded) : nil,
          checkValidUntil: stanza["Check-Valid-Until"])
      }
    }
  }

  /// The source of a distribution's main archive among all that are configured.
  ///
  /// The one that carries the host's own suite itself goes before one that carries only its updates
  /// or backports. Security archives lie elsewhere and hold no other suites' kernels.
  package static func mainArchive(in sources: [AptSource], codename: String) -> AptSource? {
    let aliases: Set = ["stable", "oldstable", "testing", "unstable", "sid"]
    func rank(_ source: AptSource) -> Int? {
      guard source.components.contains("main") else { return nil }
      if source.suites.contains(codename) { return 0 }
      let related = ["-updates", "-backports", "-proposed-updates"].map { codename + $0 }
      if source.suites.contains(where: related.contains) { return 1 }
      return source.suites.contains(where: aliases.contains) ? 2 : nil
    }
    return sources.compactMap { source in rank(source).map { (rank: $0, source: source) } }
      .min { $0.rank < $1.rank }?.source
  }

  /// A multi-line field's text without its folding: one space less, and a dot for an empty line.
  private static func unfolded(_ text: String) -> String {
    text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .map { $0.hasPrefix(" ") ? String($0.dropFirst()) : String($0) }
      .map { $0 == "." ? "" : $0 }.joined(separator: "\n")
  }
}

/// One paragraph of Debian's control format, deb822(5).
package struct ControlStanza: Hashable, Sendable {
  private var fields: [String: String] = [:]

  /// A field's value by its name, of which case does not count.
  ///
  /// Lines of a long value keep their leading space.
  package subscript(name: String) -> String? { fields[name.lowercased()] }

  /// The paragraphs of a text; lines that are none of the format are passed over.
  package static func parse(_ text: String) -> [ControlStanza] {
    var stanzas: [ControlStanza] = []
    var current = ControlStanza()
    var open: String?
    for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
      if line.allSatisfy(\.isWhitespace) {
        if !current.fields.isEmpty { stanzas.append(current) }
        current = ControlStanza()
        open = nil
      } else if line.hasPrefix("#") {
        continue
      } else if line.hasPrefix(" ") || line.hasPrefix("\t") {
        if let open { current.fields[open, default: ""] += "\n" + line }
      } else if let colon = line.firstIndex(of: ":") {
        let name = line[..<colon].lowercased()
        let value = line[line.index(after: colon)...].drop { $0.isWhitespace }
        current.fields[name] = String(value)
        open = name
      }
    }
    if !current.fields.isEmpty { stanzas.append(current) }
    return stanzas
  }
}

/// Small kernel images, made byte by byte from the specifications.
enum ImageFixtures {
  /// One section of a made ELF.
  struct Section {
    var name: String
    var type: UInt32 = 1
    var bytes: [UInt8]
  }

  /// One program header of a made ELF.
  struct Segment {
    var type: UInt32
    var bytes: [UInt8]
    var address: UInt64 = 0x100_0000
    var memorySize: UInt64?
  }

  static func little(_ value: some FixedWidthInteger & UnsignedInteger) -> [UInt8] {
    (0..<(type(of: value).bitWidth / 8)).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  /// A 64-bit ELF with these sections and segments; the section names come last.
  static func elf(
    machine: UInt16 = 62, entry: UInt64 = 0x100_0000, sections: [Section] = [],
    segments: [Segment] = []
  ) -> [UInt8] {
    var names: [UInt8] = [0]
    var body: [UInt8] = []
    let bodyStart = 64 + segments.count * 56
    var programHeaders: [UInt8] = []
    for segment in segments {
      let offset = UInt64(bodyStart + body.count)
      let size = UInt64(segment.bytes.count)
      programHeaders += little(segment.type) + little(5 as UInt32) + little(offset)
      programHeaders += little(segment.address | 0xffff_ffff_8000_0000) + little(segment.address)
      programHeaders += little(size) + little(segment.memorySize ?? size)
      programHeaders += little(4 as UInt64)
      body += segment.bytes
    }
    var headers: [[UInt8]] = [[UInt8](repeating: 0, count: 64)]
    func header(_ name: Int, _ type: UInt32, _ offset: Int, _ size: Int) -> [UInt8] {
      little(UInt32(name)) + little(type) + little(0 as UInt64) + little(0x1234 as UInt64)
        + little(UInt64(offset)) + little(UInt64(size)) + [UInt8](repeating: 0, count: 24)
    }
    for section in sections {
      headers.append(
        header(names.count, section.type, bodyStart + body.count, section.bytes.count))
      names += Array(section.name.utf8) + [0]
      body += section.bytes
    }
    let nameOfNames = names.count
    names += Array(".shstrtab".utf8) + [0]
    headers.append(header(nameOfNames, 3, bodyStart + body.count, names.count))
    body += names
    var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
    file += little(2 as UInt16) + little(machine) + little(1 as UInt32) + little(entry)
    file += little(segments.isEmpty ? 0 : 64 as UInt64) + little(UInt64(bodyStart + body.count))
    file += little(0 as UInt32) + little(64 as UInt16) + little(56 as UInt16)
    file += little(UInt16(segments.count)) + little(64 as UInt16)
    file += little(UInt16(headers.count)) + little(UInt16(headers.count - 1))
    return file + programHeaders + body + headers.joined()
  }

  /// An ELF note: name, type, descriptor, padded to four bytes each.
  static func note(name: String, type: UInt32, descriptor: [UInt8]) -> [UInt8] {
    func padded(_ bytes: [UInt8]) -> [UInt8] {
      bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
    }
    let text = Array(name.utf8) + [0]
    return little(UInt32(text.count)) + little(UInt32(descriptor.count)) + little(type)
      + padded(text) + padded(descriptor)
  }

  /// An ELF that passes for a kernel: banner, BTF and a PVH entry.
  static func kernel(
    release: String, btf: [UInt8]? = Array("BTF of a kernel".utf8), machine: UInt16 = 62
  ) -> [UInt8] {
    let banner = Array("Linux version %s\0Linux version \(release) (builder@host)\0".utf8)
    return elf(
      machine: machine,
      sections: [Section(name: ".rodata", bytes: banner)]
        + (btf.map { [Section(name: ".BTF", bytes: $0)] } ?? []),
      segments: [
        Segment(type: 1, bytes: [0xf4, 0xeb, 0xfd], memorySize: 4096),
        Segment(
          type: 4, bytes: note(name: "Xen", type: 18, descriptor: little(0x100_0020 as UInt32))),
      ])
  }

  /// A kernel module that names what it depends on.
  static func module(_ name: String, dependsOn: [String] = []) -> [UInt8] {
    let info = ["license=GPL", "depends=\(dependsOn.joined(separator: ","))", "name=\(name)"]
      .joined(separator: "\0")
    return elf(sections: [Section(name: ".modinfo", bytes: Array(info.utf8) + [0])])
  }

  /// A bzImage around a payload that is compressed already.
  ///
  /// - Parameters:
  ///   - payload: The compressed stream, without the size that the build appends.
  ///   - unpackedSize: What to append; nil for gzip, whose own trailer is the size.
  static func bzImage(
    payload: [UInt8], unpackedSize: UInt32?, version: String? = "6.1.0-test (b@h) #1 SMP",
    setupSectors: UInt8 = 3, protocolVersion: UInt16 = 0x20f
  ) -> [UInt8] {
    let setupSize = (Int(setupSectors == 0 ? 4 : setupSectors) + 1) * 512
    var image = [UInt8](repeating: 0, count: setupSize)
    func put(_ bytes: [UInt8], at offset: Int) {
      image.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
    }
    let stream = payload + (unpackedSize.map { little($0) } ?? [])
    let code = [UInt8](repeating: 0x90, count: 48)
    put([setupSectors], at: 0x1f1)
    put([0x55, 0xaa], at: 0x1fe)
    put(Array("HdrS".utf8), at: 0x202)
    put(little(protocolVersion), at: 0x206)
    put(little(0x7f as UInt16), at: 0x236)
    put(little(UInt32(code.count)), at: 0x248)
    put(little(UInt32(stream.count)), at: 0x24c)
    put(little(0x300_0000 as UInt32), at: 0x260)
    if let version {
      put(little(0x200 as UInt16), at: 0x20e)
      put(Array(version.utf8) + [0], at: 0x400)
    }
    return image + code + stream + [UInt8](repeating: 0xcc, count: 16)
  }
}

/// A small seeded generator (SplitMix64), so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}

/// Changes bytes the way damaged and hostile files do.
enum Mutation {
  /// One to eight bytes changed, often to the values at the borders; sometimes cut short.
  static func mutate(_ bytes: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
    var result = bytes
    for _ in 0..<Int.random(in: 1...8, using: &generator) {
      let index = Int.random(in: 0..<result.count, using: &generator)
      let special: [UInt8] = [0, 1, 0x7f, 0x80, 0xff]
      result[index] =
        Bool.random(using: &generator)
        ? special.randomElement(using: &generator) ?? 0
        : UInt8.random(in: .min ... .max, using: &generator)
    }
    if Int.random(in: 0..<8, using: &generator) == 0 {
      result.removeLast(Int.random(in: 0..<result.count, using: &generator))
    }
    return result
  }
}

internal import CGuest
internal import GuestLogic
internal import Wire

extension Worker {
  private static let pageWords = 512
  /// Words of a cache line.
  private static let lineWords = 8
  private static let linesPerCheckpoint = 1024

  /// Touches each page of its memory and gives all back: each touch is a page fault.
  mutating func pageFaultChurn(bytes: UInt64) -> Never {
    guard let field = Field(bytes: bytes) else { leave(.memory, 12) }
    let pages = field.count / Self.pageWords
    awaitStart()
    while !shallStop {
      var touched = 0
      while touched < pages && !shallStop {
        let end = min(touched + 64, pages)
        for page in touched..<end { field.write(UInt64(page), at: page * Self.pageWords) }
        count(UInt64(end - touched))
        checkpoint(0)
        touched = end
      }
      let result = field.discard()
      if result < 0 { leave(.memory, -result) }
      checkpoint(touched == pages ? 1 : 0)
    }
    leave()
  }

  /// Changes lines of its memory at random, so that those of others have to leave the caches.
  mutating func cachePressure(bytes: UInt64) -> Never {
    guard let field = Field(bytes: bytes) else { leave(.memory, 12) }
    let lines = UInt64(field.count / Self.lineWords)
    field.populate()
    awaitStart()
    var sum: UInt64 = 1
    while !shallStop {
      for _ in 0..<Self.linesPerCheckpoint {
        sum |= field.touch(Int(random.next(below: lines)) * Self.lineWords)
      }
      count(UInt64(Self.linesPerCheckpoint))
      checkpoint(1)
    }
    keep(sum)
    leave()
  }

  /// Goes from node to node; reads its memory from there while it is at another one, and has it
  /// follow after half of the stay.
  mutating func numaSweep(bytes: UInt64, dwell: UInt64) -> Never {
    let nodes = Self.nodes(allowed: allowedCPUs)
    guard let field = Field(bytes: bytes), nodes.count > 1 else { leave(.moveMemory, 12) }
    let lines = field.count / Self.lineWords
    field.populate()
    awaitStart()
    var place = number
    while !shallStop {
      let node = nodes[place % nodes.count]
      setAffinity(node.cpus)
      readAll(field, lines: lines, for: dwell / 2)
      let asked = Time.now
      let result = field.bind(to: node.number)
      if result < 0 { leave(.moveMemory, -result) }
      recordRequest(Time.now - asked)
      readAll(field, lines: lines, for: dwell / 2)
      checkpoint(1)
      place += 1
    }
    leave()
  }

  private mutating func readAll(_ field: Field, lines: Int, for time: UInt64) {
    let end = Time.after(time, from: lastCheckpoint)
    var sum: UInt64 = 1
    var line = 0
    repeat {
      let upTo = min(line + Self.linesPerCheckpoint, lines)
      for index in line..<upTo { sum |= field.read(index * Self.lineWords) }
      count(UInt64(upTo - line))
      line = upTo == lines ? 0 : upTo
      checkpoint(0)
    } while lastCheckpoint < end && !shallStop
    keep(sum)
  }

  private static func nodes(allowed: [Int]) -> [(number: UInt32, cpus: [UInt64])] {
    let system = "/sys/devices/system/node/"
    var nodes: [(number: UInt32, cpus: [UInt64])] = []
    for node in ByteText.members(Files.contents(system + "online"), limit: 1 << 8) {
      var cpus: [Int] = []
      let list = Files.contents(system + "node\(node)/cpulist")
      for cpu in ByteText.members(list, limit: 1 << 13) where allowed.contains(Int(cpu)) {
        cpus.append(Int(cpu))
      }
      if !cpus.isEmpty { nodes.append((node, CPUSet(cpus).words)) }
    }
    return nodes
  }
}

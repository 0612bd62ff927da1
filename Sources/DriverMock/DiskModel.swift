import HostOS
import Synchronization

/// What may stand on a disk, sector by sector, while requests overlap in time.
///
/// Each write has a stamp, and its bytes follow from stamp and sector; stamp 0 is all zeroes. A
/// sector may hold any value that no later request has certainly replaced: a write replaces what was
/// complete before it began, once it has succeeded itself; one that failed may or may not have
/// happened. Times are logical, and taken before a request is offered and after its answer is seen,
/// so an interval is never too short.
final class DiskModel: Sendable {
  /// When something happened, in steps of the model.
  typealias Time = UInt64

  /// A value that a sector may have, or had.
  private struct Candidate {
    var stamp: UInt64
    var completed: Time
    var replaced: Time
  }

  private struct State {
    var clock: Time = 1
    var stamps: UInt64 = 0
    var sectors: [[Candidate]]
    /// When the requests under way began, by stamp or by an own number for reads.
    var underway: [Time: Int] = [:]

    mutating func tick() -> Time {
      clock += 1
      return clock
    }

    func oldest() -> Time { underway.keys.min() ?? .max }
  }

  /// A request under way.
  struct Ticket {
    let began: Time
    let sectors: [Range<Int>]
    /// What it writes; nil for a read.
    let stamp: UInt64?
  }

  private let state: Mutex<State>

  /// Makes the model of a disk full of zeroes.
  init(sectors: Int) {
    let zero = Candidate(stamp: 0, completed: 0, replaced: .max)
    state = Mutex(State(sectors: Array(repeating: [zero], count: sectors)))
  }

  /// Begins a write of fresh bytes, or of zeroes.
  func beginWrite(_ sectors: [Range<Int>], zeroes: Bool) -> Ticket {
    state.withLock { state in
      let now = state.tick()
      if !zeroes { state.stamps += 1 }
      let stamp = zeroes ? 0 : state.stamps
      let candidate = Candidate(stamp: stamp, completed: .max, replaced: .max)
      for range in sectors {
        for sector in range { state.sectors[sector].append(candidate) }
      }
      state.underway[now, default: 0] += 1
      return Ticket(began: now, sectors: sectors, stamp: stamp)
    }
  }

  /// Begins a read.
  func beginRead(_ sectors: Range<Int>) -> Ticket {
    state.withLock { state in
      let now = state.tick()
      state.underway[now, default: 0] += 1
      return Ticket(began: now, sectors: [sectors], stamp: nil)
    }
  }

  /// Ends a write.
  func endWrite(_ ticket: Ticket, succeeded: Bool) {
    state.withLock { state in
      let now = state.tick()
      state.underway[ticket.began] = nil
      let oldest = state.oldest()
      for range in ticket.sectors {
        for sector in range {
          var own = false
          for index in state.sectors[sector].indices {
            let candidate = state.sectors[sector][index]
            if !own && candidate.completed == .max && candidate.stamp == ticket.stamp {
              // Of equal zeroes it does not matter which one ends.
              own = true
              state.sectors[sector][index].completed = now
            } else if succeeded && candidate.completed < ticket.began
              && candidate.replaced == .max
            {
              state.sectors[sector][index].replaced = now
            }
          }
          state.sectors[sector].removeAll { $0.replaced < oldest }
        }
      }
    }
  }

  /// Ends a read; the first sector that differs from all it may have been, or nil.
  ///
  /// - Parameter words: what was read, as 64-bit words; nil when the read failed.
  func endRead(_ ticket: Ticket, words: [UInt64]?) -> String? {
    state.withLock { state in
      state.underway[ticket.began] = nil
      guard let words, let range = ticket.sectors.first else { return nil }
      for (offset, sector) in range.enumerated() {
        let found = words[offset * 64..<(offset + 1) * 64]
        let stamps = state.sectors[sector].filter { $0.replaced > ticket.began }.map(\.stamp)
        if !DiskModel.matches(found, stamps, sector) {
          return "sector \(sector) is none of \(stamps.count) values that it may have"
        }
      }
      return nil
    }
  }

  /// The bytes of a write in one sector.
  static func fill(_ words: inout [UInt64], stamp: UInt64, sector: Int) {
    var generator = SplitMix64(seed: stamp &* 0x1_0001 &+ UInt64(sector))
    for _ in 0..<64 { words.append(stamp == 0 ? 0 : generator.next()) }
  }

  private static func matches(
    _ found: ArraySlice<UInt64>, _ stamps: [UInt64], _ sector: Int
  ) -> Bool {
    var values: [[UInt64]] = []
    for stamp in Set(stamps) {
      var words: [UInt64] = []
      fill(&words, stamp: stamp, sector: sector)
      if found.elementsEqual(words) { return true }
      values.append(words)
    }
    // Requests at the same time may leave a mixture; each byte is somebody's.
    for (index, word) in found.enumerated() {
      for shift in stride(from: 0, to: 64, by: 8) {
        let byte = UInt8(truncatingIfNeeded: word >> UInt64(shift))
        guard
          values.contains(where: { UInt8(truncatingIfNeeded: $0[index] >> UInt64(shift)) == byte })
        else { return false }
      }
    }
    return values.count > 1
  }
}

internal import CGuest
internal import GuestLogic
internal import Synchronization
internal import Wire

/// The way of groups that are ready to their common start; asked until it says when that is.
struct StartLine {
  /// What becomes of it.
  enum Progress {
    /// To be asked again then.
    case look(at: UInt64)
    /// They begin at this moment.
    case begins(at: UInt64)
  }

  private let groups: [Int]
  private var meeting = StartMeeting()

  /// Takes groups whose workers wait for their start.
  init(_ groups: [Int]) {
    self.groups = groups
  }

  /// Goes on as far as it can without waiting.
  mutating func advance(_ crew: inout Crew) -> Progress {
    let now = Time.now
    let awaited = count(crew)
    guard awaited > 0 else { return begin(crew) }
    if meeting.calls == 0 { return call(awaited, crew) }
    let (isWhole, spread) = arrivals(crew)
    switch meeting.verdict(at: now, isWhole: isWhole, spread: spread) {
    case .look(let moment): return .look(at: moment)
    case .callAgain: return call(awaited, crew)
    case .begin:
      if spread >= crew.meetings.spread {
        (crew.meetings.spread, crew.meetings.calls) = (spread, meeting.calls)
      }
      crew.meetings.isWhole = crew.meetings.isWhole && isWhole
      return begin(crew)
    }
  }

  private mutating func call(_ count: Int, _ crew: borrowing Crew) -> Progress {
    let moment = meeting.call(at: Time.now, workers: count)
    for group in groups where crew.frozenSince[group] == nil {
      crew.table.setMeetingTime(of: group, moment)
    }
    for group in groups where crew.frozenSince[group] == nil {
      crew.table.start(of: group).set(meeting.calls)
    }
    return .look(at: Time.after(StartMeeting.tolerance, from: moment))
  }

  /// Lets them go at one moment, a little ahead.
  ///
  /// Waking them one after the other takes as long as it takes; then each sleeps until the moment,
  /// and the timers of all CPUs wake them at once.
  private func begin(_ crew: borrowing Crew) -> Progress {
    var count = 0
    for group in groups { count += crew.ranges[group].count }
    let lead = 5 * Time.millisecond + UInt64(min(count, 1000)) * Time.millisecond / 4
    let start = Time.after(lead)
    for group in groups { crew.table.setStartTime(of: group, start) }
    for group in groups { crew.table.start(of: group).set(WorkerTable.go) }
    return .begins(at: start)
  }

  /// Workers that can come: a frozen one cannot.
  private func count(_ crew: borrowing Crew) -> Int {
    var count = 0
    for group in groups where crew.frozenSince[group] == nil {
      for index in crew.ranges[group] where Self.canCome(index, crew) { count += 1 }
    }
    return count
  }

  private static func canCome(_ index: Int, _ crew: borrowing Crew) -> Bool {
    crew.members[index].isAlive
      && crew.table.slot(index).fields.ended.load(ordering: .acquiring) == 0
  }

  private func arrivals(_ crew: borrowing Crew) -> (isWhole: Bool, spread: UInt64) {
    var spread = StartSpread()
    var isWhole = true
    for group in groups where crew.frozenSince[group] == nil {
      spread.beginGroup()
      for index in crew.ranges[group] where Self.canCome(index, crew) {
        let slot = crew.table.slot(index)
        if slot.fields.meeting.load(ordering: .acquiring) == meeting.calls {
          spread.add(slot.fields.met.load(ordering: .relaxed))
        } else {
          isWhole = false
        }
      }
    }
    return (isWhole, spread.widest)
  }
}

extension Crew {
  /// How the workers came to their starts, for people; nil when fewer than all that were started
  /// have begun.
  var startText: String? {
    var last: UInt64 = 0
    var spread = StartSpread()
    for index in members.indices {
      if members[index].spec.number == 0 { spread.beginGroup() }
      let start = table.startTime(of: Int(members[index].spec.id.work))
      guard start > 0 else { continue }
      let began = table.slot(index).fields.began.load(ordering: .relaxed)
      guard began > 0 else { return nil }
      spread.add(began)
      last = max(last, began - min(began, start))
    }
    return "workers of one group met for their start up to \(meetings.spread) ns apart"
      + (meetings.isWhole ? "" : ", not all of them") + ", call \(meetings.calls) of "
      + "\(StartMeeting.mostCalls); the last worker ran \(last) ns after the start, those of one "
      + "group up to \(spread.widest) ns apart"
  }
}

internal import CGuest
internal import GuestLogic
internal import Synchronization
internal import Wire

/// The process of a group whose workers are threads.
enum ThreadTeam {
  /// What a thread begins with.
  private struct Birth {
    var worker: Worker
    var pipes: PipePair?
  }

  /// Starts the threads and waits until all have left.
  ///
  /// This process's first thread is no worker: it sleeps, and ends the process at last.
  static func run(_ specs: [WorkerSpec], of group: Group, table: WorkerTable, first: Int) -> Never {
    let departed = group.arena.word(Group.departedLine)
    var pipes: PipePair?
    for (offset, spec) in specs.enumerated() {
      var errno: Int32 = 0
      if case .pingpong(medium: .pipe) = spec.kind, offset % 2 == 0 {
        do throws(Failure) { pipes = try PipePair() } catch { errno = error.errno }
      }
      let worker = Worker(spec, of: group, table: table, index: first + offset)
      let birth = UnsafeMutablePointer<Birth>.allocate(capacity: 1)
      unsafe birth.initialize(to: Birth(worker: worker, pipes: pipes))
      if errno == 0 {
        errno = unsafe -guest_start_thread(
          { context in
            let birth = unsafe context.assumingMemoryBound(to: Birth.self)
            unsafe birth.pointee.worker.perform(birth.pointee.pipes)
          }, birth)
      }
      guard errno != 0 else { continue }
      let slot = table.slot(first + offset)
      slot.fields.failedStep.store(WorkerStep.thread.rawValue, ordering: .relaxed)
      slot.fields.failure.store(errno, ordering: .relaxed)
      slot.fields.ended.store(Time.now, ordering: .releasing)
      departed.increment()
    }
    while departed.value < UInt32(specs.count) {
      departed.wait(while: departed.value, until: Time.after(Time.second))
    }
    guest_exit(0)
  }
}

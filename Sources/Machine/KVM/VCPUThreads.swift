import Glibc
import HostOS
import KVM
import Synchronization

/// A thread for each vCPU.
final class VCPUThreads {
  private var threads: [Thread] = []
  private let isOver: Flag

  final class Flag: Sendable { let value = Atomic(false) }

  final class Thread {
    var thread: HostThread
    let kicker: VCPUKicker
    init(_ thread: consuming HostThread, _ kicker: VCPUKicker) {
      self.thread = thread; self.kicker = kicker
    }
  }

  final class Box: Sendable {
    let vcpu: Mutex<KVMVirtualCPU>
    init(_ vcpu: consuming sending KVMVirtualCPU) { self.vcpu = Mutex(vcpu) }
  }

  init(_ boxes: [Box], board: Board, ending: Ending) throws(SystemCallError) {
    isOver = Flag()
    for (index, box) in boxes.enumerated() {
      let over = isOver
      let kicker = box.vcpu.withLock { $0.kicker }
      let thread = try HostThread(name: "vcpu\(index)") {
        box.vcpu.withLock { vcpu in
          while !over.value.load(ordering: .acquiring) {
            do throws(KVMError) {
              let exit = try vcpu.run()
              if exit == .interrupted { vcpu.clearKick(); continue }
              switch board.handle(exit, of: &vcpu) {
              case .goOn: break
              case .end(let how): ending.tell(how); return
              case .fail(let text):
                let regs = try vcpu.registers()
                ending.tell(.engineFailed("\(text): rip \(hex(regs.rip))")); return
              }
            } catch {
              ending.tell(.engineFailed("\(error)")); return
            }
          }
        }
      }
      threads.append(Thread(thread, kicker))
    }
  }

  func stop(until deadline: MonotonicTime) -> Bool {
    isOver.value.store(true, ordering: .releasing)
    var ok = true
    for thread in threads { thread.kicker.kick() }
    for thread in threads { ok = thread.thread.join(until: deadline) && ok }
    return ok
  }
}

internal import CGuest
internal import Wire

extension Guest {
  /// Runs a program of the host to its end; what makes that impossible is told as a fatal problem.
  static func run(_ program: ProgramPlan, of plan: Plan, _ telemetry: inout Telemetry) {
    do throws(Failure) {
      Console.enter("check the plan")
      let cpus = Facts.onlineCPUs
      guard cpus == plan.cpus else {
        throw Failure("\(cpus) CPUs are online, the plan wants \(plan.cpus)")
      }
      Mounts.mountForPrograms()
      Console.enter("load modules")
      if let failure = Modules.load(program.modules).first { throw failure }
      telemetry.reached(.planAccepted)
      telemetry.flush()
      Console.enter("run the program")
      try ProgramRun.run(program, &telemetry)
    } catch {
      Console.say(error.line)
      telemetry.post(error.problem(isFatal: true))
    }
    telemetry.flush()
  }
}

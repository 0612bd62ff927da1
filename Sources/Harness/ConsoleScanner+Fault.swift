import Evidence
import Machine

extension ConsoleScanner {
  /// The line that tells of the engine's own fault, in the report of the panic or, where another one
  /// stands between the fault and it, before; nil where the guest is to blame.
  func faultLine(of engine: EngineKind) -> String? {
    EngineFault.line(in: panicText, trouble: trouble.lines, engine: engine)
  }
}

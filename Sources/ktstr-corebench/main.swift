import Glibc

let benchArguments = Array(CommandLine.arguments.dropFirst())
let rest = Array(benchArguments.dropFirst())
switch benchArguments.first {
case "backend": exit(runBackendBench(arguments: rest))
case "block": exit(runBlockSpeed(arguments: rest))
case "integrity": exit(runIntegrity(arguments: rest))
case "rings": exit(runRingBenches(arguments: rest))
default:
  print("usage: ktstr-corebench backend | block | integrity | rings")
  exit(64)
}

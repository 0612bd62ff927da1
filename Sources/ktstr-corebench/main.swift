import Glibc

let benchArguments = Array(CommandLine.arguments.dropFirst())
switch benchArguments.first {
case "backend": exit(runBackendBench(arguments: Array(benchArguments.dropFirst())))
case "block": exit(runBlockSpeed(arguments: Array(benchArguments.dropFirst())))
case "rings": exit(runRingBenches(arguments: Array(benchArguments.dropFirst())))
default:
  print("usage: ktstr-corebench backend | block | rings")
  exit(64)
}

import Glibc

let benchArguments = Array(CommandLine.arguments.dropFirst())
switch benchArguments.first {
case "rings": exit(runRingBenches(arguments: Array(benchArguments.dropFirst())))
default:
  print("usage: ktstr-corebench rings [--once NAME [ROUNDS]]")
  exit(64)
}

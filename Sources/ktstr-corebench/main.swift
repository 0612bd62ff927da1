import Glibc

let benchArguments = Array(CommandLine.arguments.dropFirst())
switch benchArguments.first {
case "backend": exit(runBackendBench(arguments: Array(benchArguments.dropFirst())))
default:
  print("usage: ktstr-corebench backend")
  exit(64)
}

import DriverMock
import Glibc

let benchArguments = Array(CommandLine.arguments.dropFirst())
switch benchArguments.first {
case "block": exit(runBlockSpeed(arguments: Array(benchArguments.dropFirst())))
case "integrity": exit(runIntegrity(arguments: Array(benchArguments.dropFirst())))
default: print("no benchmarks yet")
}

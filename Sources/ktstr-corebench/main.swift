import DriverMock

print("no benchmarks yet")

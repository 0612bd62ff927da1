extension SchemaSamples {
  /// Schedulers and payloads.
  static let companions: [String] = [
    document(
      """
      "scheduler": { "object": "a.bpf.o", "settings": { "slice": 5, "ops.name": "x", "on": true } },
      "payload": [
        { "name": "p", "program": "fio", "arguments": ["--version", ""], "files": ["a", "b:/c"],
          "limit": "1s", "cgroup": "a",
          "metrics": [
            { "name": "m", "pointer": "/jobs/0/iops", "from": "file:/tmp/x" },
            { "name": "n", "pointer": "", "from": "stdout" }
          ] }
      ],
      "expect": { "payload": [
        { "name": "p", "status": 0 }, { "name": "p", "metric": "m", "min": 0.5, "max": 1e3 }
      ] }
      """),
    document(
      "\"scheduler\": { \"program\": \"scx_x\", \"arguments\": [\"-v\"], \"files\": [\"/a\"] }"),
    document("\"scheduler\": \"none\""),
    """
    {
      "ktstr": 1, "name": "changes", "machine": { "cpus": 2 }, "timeout": "60s",
      "work": [ { "name": "w", "type": "spin" } ],
      "scheduler": { "name": "first", "object": "a.bpf.o", "settings": {} },
      "schedulers": [
        { "name": "fifo", "object": "fifo.bpf.o", "settings": { "slice_ns": 5 } },
        { "name": "own", "program": "scx_x", "arguments": ["-v"], "files": ["/a"] }
      ],
      "payload": [
        { "name": "p", "program": "true", "limit": "1s" }, { "name": "q", "program": "true" }
      ],
      "phases": [
        { "name": "p", "hold": "1s", "actions": [
          { "replaceScheduler": "first", "with": "fifo" }, { "stopScheduler": "fifo" },
          { "startScheduler": "own" }, { "runPayload": "p" },
          { "runPayload": "q", "wait": false } ] }
      ]
    }
    """,
    document(
      "\"scheduler\": { \"name\": \"a\", \"program\": \"b\" }"),
  ]
}

extension DecoderRule {
  static let companions = [
    DecoderRule(
      "settings are whole numbers without fraction", ["expected a whole number, a string"],
      "\"duration\"",
      "\"scheduler\": { \"object\": \"a\", \"settings\": { \"a\": 1.0 } }, \"duration\""),
    DecoderRule(
      "files say where they lie", ["expected a path, or \"HOST:GUEST\"", "expected a string of 1"],
      "\"duration\"",
      "\"scheduler\": { \"program\": \"a\", \"files\": [\"a:b\"] }, \"duration\""),
    DecoderRule(
      "payloads and metrics have names of their own",
      ["the payload ~occurs twice", "the metric ~occurs twice"], "\"duration\"",
      "\"payload\": [{\"name\": \"p\", \"program\": \"a\"}, {\"name\": \"p\", \"program\": \"a\"}],"
        + " \"duration\""),
    DecoderRule(
      "payloads live in leaves", ["programs belong in a cgroup without children"],
      "{ \"name\": \"b\" } ],",
      "{ \"name\": \"b/c\" } ], \"payload\": [{\"name\": \"p\", \"program\": \"a\", "
        + "\"cgroup\": \"b\"}],"),
    DecoderRule(
      "payloads and metrics that checks name exist", ["unknown payload", "unknown metric"],
      "\"maxGap\": \"1s\"", "\"payload\": [{\"name\": \"p\", \"status\": 1}]"),
    DecoderRule(
      "schedulers have names of their own, and each is started",
      ["the scheduler ~occurs twice", "no phase starts the scheduler"], "\"duration\"",
      "\"schedulers\": [{\"name\": \"p\", \"program\": \"a\"}], \"duration\""),
    DecoderRule(
      "actions name schedulers and payloads that there are, and wait for what ends",
      ["unknown scheduler", "unknown payload", "the phase waits for", "runs once"],
      "\"duration\": \"5s\"",
      "\"phases\": [{\"name\": \"p\", \"hold\": \"1s\", \"actions\": "
        + "[{\"startScheduler\": \"x\"}]}]"),
    DecoderRule(
      "limits of metrics are in order", ["is below \"min\""],
      "\"duration\": \"5s\",\n  \"expect\": {",
      "\"payload\": [{\"name\": \"p\", \"program\": \"a\", "
        + "\"metrics\": [{\"name\": \"m\", \"pointer\": \"\"}]}], \"duration\": \"5s\", \"expect\": {"
        + "\"payload\": [{\"name\": \"p\", \"metric\": \"m\", \"min\": 2, \"max\": 1}],"),
  ]
}

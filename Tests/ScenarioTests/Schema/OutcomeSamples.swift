extension SchemaSamples {
  /// The later keys of `expect`, and what is said of the run as a whole.
  static let outcomes: [String] = [
    """
    {
      "ktstr": 1, "name": "judged",
      "machine": { "topology": "1n2l2c1t", "disk": { "size": "8MiB" } },
      "cgroups": [ { "name": "a" }, { "name": "b" } ],
      "work": [
        { "name": "one", "type": "idleChurn", "workers": 2, "cgroup": "a", "affinity": "llc:0" },
        { "name": "two", "type": "mutexContention", "workers": 2, "cgroup": "b" }
      ],
      "duration": "5s",
      "requires": {
        "kernel": ">=6.12 <7", "features": ["sched_ext", "CONFIG_PSI"], "cpus": 2, "numa": true,
        "engine": "kvm"
      },
      "expectFailure": { "check": "worker.gap", "matching": "one/0" },
      "expect": {
        "maxHostNoise": "30%", "device": { "maxThrottleShare": "10%" },
        "maxRate": [ { "work": "one", "perSecond": 5 } ],
        "latency": [ { "work": "one", "kind": "wake", "percentile": 99.9, "limit": "1ms" } ],
        "maxRunDelay": [ { "work": "one", "limit": "10%" }, { "work": "two", "limit": "1s" } ],
        "maxMigrations": [
          { "work": "one", "perSecond": 0.5 }, { "work": "two", "perIteration": 0 }
        ],
        "isolation": [ { "work": "one" }, { "cgroup": "b", "cpus": "0-3" } ],
        "variation": [
          { "work": "one", "betweenWorkers": 1.5, "overTime": "150%", "window": "1s" }
        ],
        "maxStall": [ { "work": "one", "limit": "1s" } ],
        "rateWithin": [ { "work": "one", "min": 0, "max": 1000, "window": "1s" } ],
        "converges": [
          { "work": "one", "value": "cpu", "after": "1s", "within": 0.1, "window": "1s" }
        ],
        "utilisation": [
          { "cpus": "all", "max": 1 }, { "cpus": "0,2-3", "min": "1%" },
          { "each": "llc", "min": 0, "max": "99.5%" }
        ],
        "pressure": [
          { "resource": "cpu", "max": "90%" },
          { "resource": "memory", "kind": "full", "cgroup": "a", "min": 0, "max": 0.5 }
        ],
        "monotonic": [
          { "work": "one", "value": "cpu", "maxFall": "20%", "maxRise": "150%", "after": "1s",
            "window": "1s"
          }
        ],
        "latencyConverges": [
          {
            "work": "two", "kind": "request", "percentile": 99, "limit": "5ms", "after": "1s",
            "window": "1s"
          }
        ],
        "weights": [ { "cgroups": ["a", "b"], "tolerance": "20%" } ]
      }
    }
    """,
    """
    {
      "ktstr": 1, "name": "events",
      "machine": { "topology": "2n2l1c1t" },
      "scheduler": { "object": "fifo.bpf.o" },
      "work": [ { "name": "one", "type": "cachePressure", "workers": 2 } ],
      "duration": "5s",
      "expect": {
        "numaLocality": [ { "work": "one", "min": "80%" } ],
        "schedulerEvents": [
          { "event": "SCX_EV_SELECT_CPU_FALLBACK", "max": "any" },
          { "event": "SCX_EV_DISPATCH_KEEP_LAST", "max": 1000 },
          { "event": "nr_rejected", "max": 0 }
        ]
      }
    }
    """,
  ]
}

extension DecoderRule {
  static let outcomes = [
    DecoderRule(
      "weights hold between different siblings with work and without a quota",
      [
        "occurs twice in this list", "weights hold between", "no work is in the cgroup",
        "limits it beside its weight",
      ], "\"maxGap\": \"1s\"", "\"weights\": [{\"cgroups\": [\"a\", \"b\"], \"tolerance\": 1}]"),
    DecoderRule(
      "work measures the latency that is judged", ["measures no"], "\"maxGap\": \"1s\"",
      "\"latency\": [{\"work\": \"spin\", \"kind\": \"wake\", \"percentile\": 5, \"limit\": \"1s\"}]"
    ),
    DecoderRule(
      "windows lie in the duration", ["must follow within the duration"], "\"maxGap\": \"1s\"",
      "\"converges\": [{\"work\": \"spin\", \"after\": \"5s\", \"within\": 1}]"),
    DecoderRule(
      "shares have room", ["expected a share that is not below"], "\"maxGap\": \"1s\"",
      "\"utilisation\": [{\"cpus\": \"all\", \"min\": 0.5, \"max\": 0.1}]"),
    DecoderRule(
      "pressure of CPUs is never full for the whole system", ["the kernel defines no"],
      "\"maxGap\": \"1s\"",
      "\"pressure\": [{\"resource\": \"cpu\", \"kind\": \"full\", \"max\": 1}]"),
    DecoderRule(
      "memory can be near where there are nodes", ["locality needs two NUMA nodes"],
      "\"maxGap\": \"1s\"", "\"numaLocality\": [{\"work\": \"spin\", \"min\": 1}]"),
    DecoderRule(
      "events are those of a scheduler", ["without a \"scheduler\""], "\"maxGap\": \"1s\"",
      "\"schedulerEvents\": true"),
    DecoderRule(
      "bands have room", ["expected a rate that is not below"], "\"maxGap\": \"1s\"",
      "\"rateWithin\": [{\"work\": \"spin\", \"min\": 5, \"max\": 1}]"),
    DecoderRule(
      "variation is between two workers or more", ["there are no two workers"],
      "\"maxGap\": \"1s\"",
      "\"variation\": [{\"work\": \"disk\", \"betweenWorkers\": 1}]"),
    DecoderRule(
      "isolated work has CPUs to keep to",
      ["no work has an affinity", "without an affinity of its"],
      "\"maxGap\": \"1s\"", "\"isolation\": true"),
  ]
}

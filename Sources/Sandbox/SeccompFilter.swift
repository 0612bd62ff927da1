/// What a thread may ask of the kernel: a list of rules, and what happens to everything else.
///
/// Of several rules for a call the first whose conditions hold counts. A call by another
/// architecture's table (32-bit, x32) is never looked up, but always trapped: its numbers mean others.
package struct SeccompFilter: Hashable, Sendable {
  /// What may be called.
  package var rules: [SeccompRule]
  /// What is done with every other call of x86-64's own table.
  package var refusal: SeccompAction

  /// Makes a filter.
  package init(_ rules: [SeccompRule], otherwise refusal: SeccompAction = .trap) {
    self.rules = rules
    self.refusal = refusal
  }

  /// The same filter with more rules, which count after the ones that are there.
  package func adding(_ rules: [SeccompRule]) -> SeccompFilter {
    SeccompFilter(self.rules + rules, otherwise: refusal)
  }
}

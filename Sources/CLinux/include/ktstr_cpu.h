#pragma once

/// Tells the CPU that the caller spins; an instruction, so out of Swift's reach.
static inline void ktstr_cpu_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

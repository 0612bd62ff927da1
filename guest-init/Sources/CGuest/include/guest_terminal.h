#pragma once

#include <stdint.h>
#include <sys/types.h>

/// Sets a terminal's window size. Returns 0 or a negative errno.
int guest_terminal_size(const char *_Nonnull path, uint16_t columns, uint16_t rows);

/// Starts a program as the leader of a session of its own, with `terminal` as its controlling
/// terminal. In C for what must happen between fork and exec. Returns the pid or a negative errno.
pid_t guest_start_on_terminal(
    const char *_Nonnull terminal, char *_Nullable const *_Nonnull arguments,
    char *_Nullable const *_Nonnull environment);

/// Runs a program and waits for it, at most the given time. Returns its exit code, or a negative
/// errno (-ETIMEDOUT when it was killed for being late).
int guest_run(char *_Nullable const *_Nonnull arguments, uint64_t limit_ns);

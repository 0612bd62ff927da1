#pragma once

#include <stdint.h>

/// Sleeps while `*word` is `expected`, for at most so many nanoseconds: `FUTEX_WAIT_PRIVATE`, which
/// libc does not wrap. Returns early whenever it likes; the caller looks at the word again.
void ktstr_futex_wait(
    const uint32_t *_Nonnull word, uint32_t expected, uint64_t timeout_nanoseconds);

/// Wakes all who sleep on `word`: `FUTEX_WAKE_PRIVATE`.
void ktstr_futex_wake(const uint32_t *_Nonnull word);

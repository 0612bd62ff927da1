#pragma once

#include <stddef.h>
#include <stdint.h>

/// Opens `/dev/kmsg` and `/dev/console` for messages and, blocking, as the three standard descriptors; without a
/// console the standard descriptors become `/dev/null` and messages go nowhere. Returns 0 or the
/// negative errno of opening the console.
int guest_console_open(void);

/// Writes one line, begun by a kernel log level such as `<3>`, through the kernel's log to the
/// console, or straight to the console where there is no log. Gives up after a second in which the
/// console took nothing.
void guest_console_write(const void *_Nonnull bytes, size_t count);

/// Names what init is doing, for the last line of a dying init. The text must live for ever.
void guest_stage_set(const char *_Nonnull stage);

/// Makes fatal signals write one line to the console (stage, signal, address) before they kill. In
/// C because a signal handler may run only async-signal-safe code.
void guest_fatal_handlers_install(void);

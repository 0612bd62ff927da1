#pragma once

/// Whether this process ignores a signal; the union inside `struct sigaction` has no Swift form.
int ktstr_signal_is_ignored(int signal);

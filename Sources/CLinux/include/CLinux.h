// Linux facts that Swift cannot import by itself: macros with casts, variadic calls, and code that
// must run between fork and exec. No logic lives here.
#pragma once

#include "ktstr_cpu.h"
#include "ktstr_faults.h"
#include "ktstr_block.h"
#include "ktstr_futex.h"
#include "ktstr_io.h"
#include "ktstr_kvm.h"
#include "ktstr_process.h"
#include "ktstr_sandbox.h"
#include "ktstr_signal.h"
#include "ktstr_socket.h"
#include "ktstr_thread.h"
#include "ktstr_unix.h"

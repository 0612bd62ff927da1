// The Linux calls that guest-init makes. Embedded Swift has no Glibc module, so each call gets a
// shim here. Every shim that can fail returns a negative errno, so that nothing can come between
// a call and its error.
#pragma once

#include "guest_console.h"
#include "guest_events.h"
#include "guest_files.h"
#include "guest_launch.h"
#include "guest_process.h"
#include "guest_program.h"
#include "guest_sched.h"
#include "guest_sync.h"
#include "guest_terminal.h"

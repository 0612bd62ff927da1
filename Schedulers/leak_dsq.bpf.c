// SPDX-License-Identifier: GPL-2.0
/*
 * leak_dsq: fifo, but a queue is filled that nobody empties.
 *
 * Fault: one in `every` tasks goes to the queue LEAK instead of the shared one,
 * and stays there. The kernel's watchdog finds the first after `timeout_ms`; its
 * dump shows them with dsq_id=0x1.
 */
#include "ktstr_scx.h"

#define SHARED	0
#define LEAK	1

const volatile u64 slice_ns = 5 * MSEC;
const volatile u32 every = 64;
const volatile char victim[TASK_COMM_LEN] = "";

u32 enqueued;

s32 SCX_OP(leak_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	/* Past ops.enqueue there is nothing to leak. */
	return is_victim(p, victim) ? prev_cpu : select_idle(p, prev_cpu, wake_flags, slice_ns);
}

void SCX_OP(leak_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 dsq_id = SHARED;

	if (every && is_victim(p, victim) &&
	    __sync_fetch_and_add(&enqueued, 1) % every == every - 1)
		dsq_id = LEAK;
	insert(p, dsq_id, slice_ns, enq_flags);
}

void SCX_OP(leak_dispatch, s32 cpu, struct task_struct *prev)
{
	move_to_local(SHARED);
}

s32 SCX_OP_SLEEPABLE(leak_init)
{
	return scx_bpf_create_dsq(SHARED, -1) ?: scx_bpf_create_dsq(LEAK, -1);
}

SCHEDULER(leak_dsq,
	.select_cpu = (void *)leak_select_cpu,
	.enqueue = (void *)leak_enqueue,
	.dispatch = (void *)leak_dispatch,
	.init = (void *)leak_init,
	.timeout_ms = 5000,
);

// SPDX-License-Identifier: GPL-2.0
/*
 * fifo: one queue for all CPUs, first come, first served. It has no fault.
 */
#include "ktstr_scx.h"

#define SHARED	0

const volatile u64 slice_ns = 5 * MSEC;

s32 SCX_OP(fifo_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle(p, prev_cpu, wake_flags, slice_ns);
}

void SCX_OP(fifo_enqueue, struct task_struct *p, u64 enq_flags)
{
	insert(p, SHARED, slice_ns, enq_flags);
}

void SCX_OP(fifo_dispatch, s32 cpu, struct task_struct *prev)
{
	move_to_local(SHARED);
}

s32 SCX_OP_SLEEPABLE(fifo_init)
{
	return scx_bpf_create_dsq(SHARED, -1);
}

SCHEDULER(fifo,
	.select_cpu = (void *)fifo_select_cpu,
	.enqueue = (void *)fifo_enqueue,
	.dispatch = (void *)fifo_dispatch,
	.init = (void *)fifo_init,
);

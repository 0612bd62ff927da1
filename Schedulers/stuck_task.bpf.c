// SPDX-License-Identifier: GPL-2.0
/*
 * stuck_task: fifo, but one task is never run again.
 *
 * Fault: the first task whose comm begins with `victim` is taken from the kernel
 * and put into no queue. The kernel's watchdog finds it after `timeout_ms`.
 */
#include "ktstr_scx.h"

#define SHARED	0

const volatile u64 slice_ns = 5 * MSEC;
const volatile char victim[TASK_COMM_LEN] = "";

s32 stuck_pid;

static bool is_stuck(const struct task_struct *p)
{
	if (stuck_pid)
		return p->pid == stuck_pid;
	return is_victim(p, victim) &&
	       !__sync_val_compare_and_swap(&stuck_pid, 0, p->pid);
}

s32 SCX_OP(stuck_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return is_stuck(p) ? prev_cpu : select_idle(p, prev_cpu, wake_flags, slice_ns);
}

void SCX_OP(stuck_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (!is_stuck(p))
		insert(p, SHARED, slice_ns, enq_flags);
}

void SCX_OP(stuck_dispatch, s32 cpu, struct task_struct *prev)
{
	move_to_local(SHARED);
}

s32 SCX_OP_SLEEPABLE(stuck_init)
{
	return scx_bpf_create_dsq(SHARED, -1);
}

SCHEDULER(stuck_task,
	.select_cpu = (void *)stuck_select_cpu,
	.enqueue = (void *)stuck_enqueue,
	.dispatch = (void *)stuck_dispatch,
	.init = (void *)stuck_init,
	.timeout_ms = 5000,
);

// SPDX-License-Identifier: GPL-2.0
/*
 * crash_exit: fifo, but the end of a task is the end of the scheduler.
 *
 * Fault: when a task ends whose comm begins with `victim`, after `spared` others,
 * ops.exit_task reports an error of the scheduler's own (scx_bpf_error), which
 * names the task.
 */
#include "ktstr_scx.h"

#define SHARED	0

const volatile u64 slice_ns = 5 * MSEC;
const volatile u32 spared = 0;
const volatile char victim[TASK_COMM_LEN] = "";

u32 ended;

s32 SCX_OP(crash_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle(p, prev_cpu, wake_flags, slice_ns);
}

void SCX_OP(crash_enqueue, struct task_struct *p, u64 enq_flags)
{
	insert(p, SHARED, slice_ns, enq_flags);
}

void SCX_OP(crash_dispatch, s32 cpu, struct task_struct *prev)
{
	move_to_local(SHARED);
}

void SCX_OP(crash_exit_task, struct task_struct *p, struct scx_exit_task_args *args)
{
	char comm[TASK_COMM_LEN] = {};

	/* Called for each task, too, when the scheduler is stopped. */
	if (args->cancelled || (p->flags & (PF_EXITING | PF_KTHREAD)) != PF_EXITING)
		return;
	bpf_probe_read_kernel_str(comm, sizeof(comm), p->comm);
	if (begins_with(comm, victim, sizeof(comm)) &&
	    __sync_fetch_and_add(&ended, 1) == spared)
		scx_error("task %s[%d] ended", (u64)comm, p->pid);
}

s32 SCX_OP_SLEEPABLE(crash_init)
{
	return scx_bpf_create_dsq(SHARED, -1);
}

SCHEDULER(crash_exit,
	.select_cpu = (void *)crash_select_cpu,
	.enqueue = (void *)crash_enqueue,
	.dispatch = (void *)crash_dispatch,
	.exit_task = (void *)crash_exit_task,
	.init = (void *)crash_init,
);

// SPDX-License-Identifier: GPL-2.0
/*
 * ignore_cpusets: fifo, but tasks that may not run everywhere are sent to a CPU
 * where they may not run.
 *
 * Fault: a task whose comm begins with `victim`, and whom a cpuset or an affinity
 * keeps from some CPU, is put into that CPU's own queue. The kernel lets no task
 * run there, and throws the scheduler out.
 */
#include "ktstr_scx.h"

#define SHARED	0

const volatile u64 slice_ns = 5 * MSEC;
const volatile char victim[TASK_COMM_LEN] = "";

/* The first CPU that is forbidden to the task, or -1. */
static s32 forbidden_cpu(const struct task_struct *p)
{
	s32 count = scx_bpf_nr_cpu_ids();
	s32 cpu;

	if (p->nr_cpus_allowed >= count || !is_victim(p, victim))
		return -1;
	bpf_for(cpu, 0, count)
		if (!bpf_cpumask_test_cpu(cpu, p->cpus_ptr))
			return cpu;
	return -1;
}

s32 SCX_OP(ignore_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return forbidden_cpu(p) >= 0 ? prev_cpu : select_idle(p, prev_cpu, wake_flags, slice_ns);
}

void SCX_OP(ignore_enqueue, struct task_struct *p, u64 enq_flags)
{
	s32 cpu = forbidden_cpu(p);

	insert(p, cpu >= 0 ? SCX_DSQ_LOCAL_ON | cpu : SHARED, slice_ns, enq_flags);
}

void SCX_OP(ignore_dispatch, s32 cpu, struct task_struct *prev)
{
	move_to_local(SHARED);
}

s32 SCX_OP_SLEEPABLE(ignore_init)
{
	return scx_bpf_create_dsq(SHARED, -1);
}

SCHEDULER(ignore_cpusets,
	.select_cpu = (void *)ignore_select_cpu,
	.enqueue = (void *)ignore_enqueue,
	.dispatch = (void *)ignore_dispatch,
	.init = (void *)ignore_init,
);

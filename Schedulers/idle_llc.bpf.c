// SPDX-License-Identifier: GPL-2.0
/*
 * idle_llc: fifo, but the CPUs of one LLC get no work.
 *
 * Fault: CPUs of the LLC with the number `llc`, counted by their first CPUs from
 * 0, or -1 for the last, take nothing from the shared queue. Tasks that may run
 * nowhere else still run there. With one LLC there is no fault.
 */
#include "ktstr_scx.h"

#define SHARED	0

const volatile u64 slice_ns = 5 * MSEC;
const volatile s32 llc = -1;

extern const int sd_llc_id __ksym;

/* The kernel's id of the LLC. */
s32 idle_id = -1;

static s32 llc_of(s32 cpu)
{
	const int *id = bpf_per_cpu_ptr(&sd_llc_id, cpu);

	return id ? *id : -1;
}

/* May the task run on this CPU, and shall it? */
static bool suits(const struct task_struct *p, s32 cpu)
{
	return llc_of(cpu) != idle_id && bpf_cpumask_test_cpu(cpu, p->cpus_ptr);
}

/*
 * The best CPU for the task: an idle one, which is then taken for this task, else
 * the one it was on, else any; -1 where none is left.
 */
static s32 find_cpu(const struct task_struct *p, s32 prev_cpu, bool *idle)
{
	s32 count = scx_bpf_nr_cpu_ids();
	s32 found = -1;
	s32 cpu;

	bpf_for(cpu, 0, count) {
		if (!suits(p, cpu))
			continue;
		if (scx_bpf_test_and_clear_cpu_idle(cpu)) {
			*idle = true;
			return cpu;
		}
		if (found < 0 || cpu == prev_cpu)
			found = cpu;
	}
	return found;
}

s32 SCX_OP(llc_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	bool idle = false;
	s32 cpu = find_cpu(p, prev_cpu, &idle);

	if (idle)
		insert(p, SCX_DSQ_LOCAL, slice_ns, 0);
	return cpu < 0 ? prev_cpu : cpu;
}

void SCX_OP(llc_enqueue, struct task_struct *p, u64 enq_flags)
{
	s32 here = scx_bpf_task_cpu(p);
	bool idle = false;
	s32 cpu;

	if ((enq_flags & SCX_ENQ_LAST) && suits(p, here)) {
		insert(p, SCX_DSQ_LOCAL, slice_ns, enq_flags);
		return;
	}
	cpu = find_cpu(p, here, &idle);
	insert(p, cpu < 0 ? SCX_DSQ_LOCAL : SHARED, slice_ns, enq_flags);
	if (idle)
		scx_bpf_kick_cpu(cpu, 0);
}

void SCX_OP(llc_dispatch, s32 cpu, struct task_struct *prev)
{
	if (llc_of(cpu) != idle_id)
		move_to_local(SHARED);
}

s32 SCX_OP_SLEEPABLE(llc_init)
{
	s32 count = scx_bpf_nr_cpu_ids();
	s32 first = llc_of(0);
	s32 last = first;
	s32 number = 0;
	s32 cpu;

	if (llc == 0)
		idle_id = first;
	bpf_for(cpu, 1, count) {
		s32 id = llc_of(cpu);

		/* An LLC's CPUs have numbers in a row, but for threads. */
		if (id <= last)
			continue;
		last = id;
		if (llc < 0 || ++number == llc)
			idle_id = id;
	}
	if (last == first)
		idle_id = -1;
	return scx_bpf_create_dsq(SHARED, -1);
}

SCHEDULER(idle_llc,
	.select_cpu = (void *)llc_select_cpu,
	.enqueue = (void *)llc_enqueue,
	.dispatch = (void *)llc_dispatch,
	.init = (void *)llc_init,
	/* Else a task runs on in the LLC where it was before. */
	.flags = SCX_OPS_ENQ_LAST,
);

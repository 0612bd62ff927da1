// SPDX-License-Identifier: GPL-2.0
/*
 * slow_wakeup: fifo, but who wakes up waits although CPUs are idle.
 *
 * Fault: tasks that were woken are held in a queue that opens `hold_ms` after its
 * first task came, for all that are in it. A wake-up takes up to that long, and
 * longer where no CPU is idle. An idle CPU that shall run a held task asks again
 * and again meanwhile, as if it were busy: a timer would do better, but needs an
 * allocator that kernels do not have on CPUs without CMPXCHG16B.
 */
#include "ktstr_scx.h"

#define SHARED	0
#define HELD	1

const volatile u64 slice_ns = 5 * MSEC;
const volatile u64 hold_ms = 20;
const volatile char victim[TASK_COMM_LEN] = "";

u64 opens_at;
/* How many of the held tasks may go. */
s64 released;

/* Opens the queue when it is time; says whether a task may be taken from it. */
static bool is_open(void)
{
	u64 now = bpf_ktime_get_ns();
	u64 before = opens_at;
	s32 cpu, count;

	if (released > 0)
		return true;
	if (now < before ||
	    __sync_val_compare_and_swap(&opens_at, before, now + hold_ms * MSEC) != before)
		return false;
	released = scx_bpf_dsq_nr_queued(HELD);
	count = scx_bpf_nr_cpu_ids();
	bpf_for(cpu, 0, count)
		scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
	return released > 0;
}

s32 SCX_OP(slow_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return is_victim(p, victim) ? prev_cpu : select_idle(p, prev_cpu, wake_flags, slice_ns);
}

void SCX_OP(slow_enqueue, struct task_struct *p, u64 enq_flags)
{
	if (!(enq_flags & SCX_ENQ_WAKEUP) || !is_victim(p, victim)) {
		insert(p, SHARED, slice_ns, enq_flags);
		return;
	}
	if (!scx_bpf_dsq_nr_queued(HELD)) {
		opens_at = bpf_ktime_get_ns() + hold_ms * MSEC;
		released = 0;
	}
	insert(p, HELD, slice_ns, enq_flags);
}

void SCX_OP(slow_dispatch, s32 cpu, struct task_struct *prev)
{
	if (scx_bpf_dsq_nr_queued(HELD) && is_open() && move_to_local(HELD)) {
		__sync_fetch_and_sub(&released, 1);
		return;
	}
	if (move_to_local(SHARED) || (prev && (prev->scx.flags & SCX_TASK_QUEUED)))
		return;
	if (scx_bpf_dsq_nr_queued(HELD))
		scx_bpf_kick_cpu(cpu, 0);
}

s32 SCX_OP_SLEEPABLE(slow_init)
{
	return scx_bpf_create_dsq(SHARED, -1) ?: scx_bpf_create_dsq(HELD, -1);
}

SCHEDULER(slow_wakeup,
	.select_cpu = (void *)slow_select_cpu,
	.enqueue = (void *)slow_enqueue,
	.dispatch = (void *)slow_dispatch,
	.init = (void *)slow_init,
);

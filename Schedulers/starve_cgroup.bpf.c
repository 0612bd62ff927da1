// SPDX-License-Identifier: GPL-2.0
/*
 * starve_cgroup: fifo, but the tasks of one cgroup hardly ever run.
 *
 * Fault: tasks of the cgroup wait in a queue of their own, of which one slice is
 * served every `period_ms`, too seldom for any share and often enough for the
 * watchdog; 0 means never. The cgroup is the one with the id `cgroup_id`, else
 * the first whose name begins with `cgroup`, else the second that the kernel
 * shows, the root not counted. It must have the cpu controller.
 */
#include "ktstr_scx.h"

#define SHARED	0
#define STARVED	1

const volatile u64 slice_ns = 5 * MSEC;
const volatile u64 period_ms = 2000;
const volatile u64 cgroup_id;
const volatile char cgroup[32] = "";

u64 starved_id;
u64 served_at;
u32 cgroups_seen;

static bool is_starved(struct task_struct *p)
{
	struct cgroup *cgrp = scx_bpf_task_cgroup(p);
	bool starved = starved_id && cgrp->kn->id == starved_id;

	bpf_cgroup_release(cgrp);
	return starved;
}

s32 SCX_OP(starve_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return is_starved(p) ? prev_cpu : select_idle(p, prev_cpu, wake_flags, slice_ns);
}

void SCX_OP(starve_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 dsq_id = SHARED;

	if (is_starved(p))
		dsq_id = STARVED;
	else if (enq_flags & SCX_ENQ_LAST)
		dsq_id = SCX_DSQ_LOCAL;
	insert(p, dsq_id, slice_ns, enq_flags);
}

void SCX_OP(starve_dispatch, s32 cpu, struct task_struct *prev)
{
	u64 now = bpf_ktime_get_ns();
	u64 before = served_at;

	if (period_ms && now - before >= period_ms * MSEC &&
	    __sync_val_compare_and_swap(&served_at, before, now) == before &&
	    move_to_local(STARVED))
		return;
	move_to_local(SHARED);
}

s32 SCX_OP_SLEEPABLE(starve_cgroup_init, struct cgroup *cgrp,
		     struct scx_cgroup_init_args *args)
{
	char name[sizeof(cgroup)] = {};
	bool found;

	if (cgrp->level == 0 || starved_id)
		return 0;
	if (cgroup_id) {
		found = cgrp->kn->id == cgroup_id;
	} else if (cgroup[0]) {
		bpf_probe_read_kernel_str(name, sizeof(name), cgrp->kn->name);
		found = begins_with(name, cgroup, sizeof(name));
	} else {
		found = ++cgroups_seen == 2;
	}
	if (found)
		starved_id = cgrp->kn->id;
	return 0;
}

s32 SCX_OP_SLEEPABLE(starve_init)
{
	return scx_bpf_create_dsq(SHARED, -1) ?: scx_bpf_create_dsq(STARVED, -1);
}

SCHEDULER(starve_cgroup,
	.select_cpu = (void *)starve_select_cpu,
	.enqueue = (void *)starve_enqueue,
	.dispatch = (void *)starve_dispatch,
	.cgroup_init = (void *)starve_cgroup_init,
	.init = (void *)starve_init,
	/* Else a starved task runs on where nobody else wants the CPU. */
	.flags = SCX_OPS_ENQ_LAST,
);

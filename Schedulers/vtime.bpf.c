// SPDX-License-Identifier: GPL-2.0
/*
 * vtime: shares the CPUs by weight, of tasks and of cgroups. It has no fault.
 *
 * All runnable tasks wait in one queue, ordered by virtual time. A task that has
 * run is charged its time divided by its share, which is a product: its weight
 * among what is runnable in its cgroup, that cgroup's weight among what is
 * runnable in the parent, and so on up to the root. So equal virtual time means
 * time in proportion to shares. A share above one CPU cannot be used up; what is
 * not used is not saved, as nobody may fall behind by more than one slice.
 *
 * What is known of tasks and cgroups is in preallocated maps: local storage needs
 * an allocator that kernels do not have on CPUs without CMPXCHG16B.
 */
#include "ktstr_scx.h"

#define SHARED		0
#define ONE		(1ULL << 20)	/* a share of all there is */
/* The least share: with less a task could wait longer than the watchdog does. */
#define MIN_SHARE	(ONE / 2048)
#define MAX_LEVELS	16

const volatile u64 slice_ns = 5 * MSEC;

/* Weights in a cgroup: what is runnable in it, and its own in its parent. */
struct group {
	struct bpf_spin_lock lock;
	u32 weight;
	s64 load;
	u64 parent;		/* id, 0 in the root */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);	/* the cgroup's id */
	__type(value, struct group);
} groups SEC(".maps");

struct task {
	u64 cgroup;		/* id, as it was when the task became runnable */
	u64 began;		/* when it last got a CPU */
	u64 share;
	u32 load;		/* its part of its cgroup's load while runnable */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, u64);	/* the task's address: pids come back too early */
	__type(value, struct task);
} tasks SEC(".maps");

/* The latest virtual time at which a task got a CPU. */
u64 vtime_now;

static struct task *task_of(struct task_struct *p)
{
	u64 key = (u64)p;

	return bpf_map_lookup_elem(&tasks, &key);
}

/*
 * Changes the load of a cgroup, and of its ancestors where it becomes runnable or
 * ceases to be. Each change of state is seen once, under the cgroup's lock, and
 * sums do not ask for order, so that ancestors need no lock over all of it.
 */
static void add_load(u64 cgroup, s64 change)
{
	s32 level;

	bpf_for(level, 0, MAX_LEVELS) {
		struct group *group = bpf_map_lookup_elem(&groups, &cgroup);
		s64 before, after, weight;

		if (!group)
			return;
		bpf_spin_lock(&group->lock);
		before = group->load;
		after = before + change;
		group->load = after;
		weight = group->weight;
		bpf_spin_unlock(&group->lock);

		if (before <= 0 && after > 0)
			change = weight;
		else if (before > 0 && after <= 0)
			change = -weight;
		else
			return;
		cgroup = group->parent;
	}
}

/* The task's share of all CPUs together. */
static u64 share_of(const struct task_struct *p, const struct task *task)
{
	u64 cgroup = task->cgroup;
	s64 weight = p->scx.weight;
	u64 share = ONE;
	s32 level;

	bpf_for(level, 0, MAX_LEVELS) {
		struct group *group = bpf_map_lookup_elem(&groups, &cgroup);
		s64 load;

		if (!group)
			break;
		load = group->load;
		if (load > weight)
			share = share * weight / load;
		weight = group->weight;
		cgroup = group->parent;
	}
	return share > MIN_SHARE ? share : MIN_SHARE;
}

/* The task's virtual time, of which no more than a slice may be left to make up. */
static u64 caught_up(const struct task_struct *p, const struct task *task)
{
	u64 vtime = p->scx.dsq_vtime;
	u64 least = vtime_now - slice_ns * ONE / (task ? task->share : ONE);

	return (s64)(vtime - least) < 0 ? least : vtime;
}

s32 SCX_OP(vtime_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return select_idle(p, prev_cpu, wake_flags, slice_ns);
}

void SCX_OP(vtime_enqueue, struct task_struct *p, u64 enq_flags)
{
	insert_vtime(p, SHARED, slice_ns, caught_up(p, task_of(p)), enq_flags);
}

/* Charges a running task for its time up to now. */
static void charge(struct task_struct *p, struct task *task)
{
	u64 now = bpf_ktime_get_ns();

	task->share = share_of(p, task);
	set_vtime(p, p->scx.dsq_vtime + (now - task->began) * ONE / task->share);
	task->began = now;
}

/*
 * The kernel asks before it puts the task that has used up its slice into the
 * queue. It must not lose its place by that to one that has had more.
 */
static bool stays(struct task_struct *prev)
{
	struct task_struct *first;
	struct task *task;
	bool stay = true;

	if (!prev || !(prev->scx.flags & SCX_TASK_QUEUED))
		return false;
	task = task_of(prev);
	if (!task)
		return false;
	charge(prev, task);
	bpf_for_each(scx_dsq, first, SHARED, 0) {
		stay = (s64)(first->scx.dsq_vtime - prev->scx.dsq_vtime) > 0;
		break;
	}
	return stay;
}

void SCX_OP(vtime_dispatch, s32 cpu, struct task_struct *prev)
{
	if (stays(prev))
		set_slice(prev, slice_ns);
	else
		move_to_local(SHARED);
}

void SCX_OP(vtime_runnable, struct task_struct *p, u64 enq_flags)
{
	struct task *task = task_of(p);
	struct cgroup *cgrp;

	if (!task || task->load)
		return;
	cgrp = scx_bpf_task_cgroup(p);
	task->cgroup = cgrp->kn->id;
	bpf_cgroup_release(cgrp);
	task->load = p->scx.weight;
	add_load(task->cgroup, task->load);
}

/* A task that changes its cgroup ceases to be runnable for a moment. */
void SCX_OP(vtime_quiescent, struct task_struct *p, u64 deq_flags)
{
	struct task *task = task_of(p);

	if (!task || !task->load)
		return;
	add_load(task->cgroup, -(s64)task->load);
	task->load = 0;
}

void SCX_OP(vtime_running, struct task_struct *p)
{
	struct task *task = task_of(p);

	/* Who found an idle CPU was in no queue. */
	u64 vtime = caught_up(p, task);

	set_vtime(p, vtime);
	if ((s64)(vtime - vtime_now) > 0)
		vtime_now = vtime;
	if (task)
		task->began = bpf_ktime_get_ns();
}

void SCX_OP(vtime_stopping, struct task_struct *p, bool runnable)
{
	struct task *task = task_of(p);

	if (task)
		charge(p, task);
}

void SCX_OP(vtime_set_weight, struct task_struct *p, u32 weight)
{
	struct task *task = task_of(p);

	if (!task || !task->load)
		return;
	add_load(task->cgroup, (s64)weight - task->load);
	task->load = weight;
}

void SCX_OP(vtime_enable, struct task_struct *p)
{
	set_vtime(p, vtime_now);
}

s32 SCX_OP_SLEEPABLE(vtime_init_task, struct task_struct *p,
		     struct scx_init_task_args *args)
{
	struct task task = { .share = MIN_SHARE };
	u64 key = (u64)p;

	return bpf_map_update_elem(&tasks, &key, &task, BPF_ANY);
}

void SCX_OP(vtime_exit_task, struct task_struct *p, struct scx_exit_task_args *args)
{
	u64 key = (u64)p;

	bpf_map_delete_elem(&tasks, &key);
}

s32 SCX_OP_SLEEPABLE(vtime_cgroup_init, struct cgroup *cgrp,
		     struct scx_cgroup_init_args *args)
{
	struct group group = { .weight = args->weight };
	u64 id = cgrp->kn->id;

	if (cgrp->level) {
		struct cgroup *parent = bpf_cgroup_ancestor(cgrp, cgrp->level - 1);

		if (!parent)
			return -EINVAL;
		group.parent = parent->kn->id;
		bpf_cgroup_release(parent);
	}
	return bpf_map_update_elem(&groups, &id, &group, BPF_ANY);
}

void SCX_OP_SLEEPABLE(vtime_cgroup_exit, struct cgroup *cgrp)
{
	u64 id = cgrp->kn->id;

	bpf_map_delete_elem(&groups, &id);
}

void SCX_OP(vtime_cgroup_set_weight, struct cgroup *cgrp, u32 weight)
{
	u64 id = cgrp->kn->id;
	struct group *group = bpf_map_lookup_elem(&groups, &id);
	s64 change;

	if (!group)
		return;
	bpf_spin_lock(&group->lock);
	change = group->load > 0 ? (s64)weight - group->weight : 0;
	group->weight = weight;
	bpf_spin_unlock(&group->lock);
	if (change)
		add_load(group->parent, change);
}

s32 SCX_OP_SLEEPABLE(vtime_init)
{
	return scx_bpf_create_dsq(SHARED, -1);
}

SCHEDULER(vtime,
	.select_cpu = (void *)vtime_select_cpu,
	.enqueue = (void *)vtime_enqueue,
	.dispatch = (void *)vtime_dispatch,
	.runnable = (void *)vtime_runnable,
	.quiescent = (void *)vtime_quiescent,
	.running = (void *)vtime_running,
	.stopping = (void *)vtime_stopping,
	.set_weight = (void *)vtime_set_weight,
	.enable = (void *)vtime_enable,
	.init_task = (void *)vtime_init_task,
	.exit_task = (void *)vtime_exit_task,
	.cgroup_init = (void *)vtime_cgroup_init,
	.cgroup_exit = (void *)vtime_cgroup_exit,
	.cgroup_set_weight = (void *)vtime_cgroup_set_weight,
	.init = (void *)vtime_init,
);

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all schedulers here share: the kernel's functions under the names of the
 * newest kernel, whichever it is loaded on, and the record of the exit.
 *
 * libbpf looks a weak kernel function up without its last ___suffix, and drops
 * the branch of one that the kernel does not have, or has with other arguments.
 */
#ifndef KTSTR_SCX_H
#define KTSTR_SCX_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "exit_record.h"

#define KFUNC		__ksym __weak
#define MSEC		1000000ULL
#define NULL		((void *)0)
#define EINVAL		22
#define TASK_COMM_LEN	16
#define PF_EXITING	0x00000004
#define PF_KTHREAD	0x00200000

char _license[] SEC("license") = "GPL";

/* Programs of struct sched_ext_ops. */
#define SCX_OP(name, args...) \
	SEC("struct_ops/" #name) BPF_PROG(name, ##args)
#define SCX_OP_SLEEPABLE(name, args...) \
	SEC("struct_ops.s/" #name) BPF_PROG(name, ##args)

/* The kernel's functions, oldest names last. */

struct insert_vtime_args {
	u64 dsq_id;
	u64 slice;
	u64 vtime;
	u64 enq_flags;
};

s32 scx_bpf_create_dsq(u64 dsq_id, s32 node) KFUNC;
s32 scx_bpf_dsq_nr_queued(u64 dsq_id) KFUNC;
s32 scx_bpf_task_cpu(const struct task_struct *p) KFUNC;
bool scx_bpf_test_and_clear_cpu_idle(s32 cpu) KFUNC;
void scx_bpf_kick_cpu(s32 cpu, u64 flags) KFUNC;
void scx_bpf_error_bstr(char *format, unsigned long long *data, u32 size) KFUNC;
s32 scx_bpf_select_cpu_dfl(struct task_struct *p, s32 prev_cpu, u64 wake_flags,
			   bool *is_idle) KFUNC;
u32 scx_bpf_nr_cpu_ids(void) KFUNC;
int bpf_iter_scx_dsq_new(struct bpf_iter_scx_dsq *iter, u64 dsq_id, u64 flags) KFUNC;
struct task_struct *bpf_iter_scx_dsq_next(struct bpf_iter_scx_dsq *iter) KFUNC;
void bpf_iter_scx_dsq_destroy(struct bpf_iter_scx_dsq *iter) KFUNC;
struct cgroup *scx_bpf_task_cgroup(struct task_struct *p) KFUNC;
struct cgroup *bpf_cgroup_ancestor(struct cgroup *cgrp, int level) KFUNC;
void bpf_cgroup_release(struct cgroup *cgrp) KFUNC;
bool bpf_cpumask_test_cpu(u32 cpu, const struct cpumask *mask) KFUNC;

/* 6.19: returns bool; 6.13: renamed. */
bool scx_bpf_dsq_insert___v2___new(struct task_struct *p, u64 dsq_id, u64 slice,
				   u64 enq_flags) KFUNC;
void scx_bpf_dsq_insert___plain(struct task_struct *p, u64 dsq_id, u64 slice,
				u64 enq_flags) KFUNC;
void scx_bpf_dispatch___old(struct task_struct *p, u64 dsq_id, u64 slice,
			    u64 enq_flags) KFUNC;

static __always_inline void insert(struct task_struct *p, u64 dsq_id, u64 slice,
				   u64 enq_flags)
{
	if (bpf_ksym_exists(scx_bpf_dsq_insert___v2___new))
		scx_bpf_dsq_insert___v2___new(p, dsq_id, slice, enq_flags);
	else if (bpf_ksym_exists(scx_bpf_dsq_insert___plain))
		scx_bpf_dsq_insert___plain(p, dsq_id, slice, enq_flags);
	else
		scx_bpf_dispatch___old(p, dsq_id, slice, enq_flags);
}

/* 6.19: arguments in a struct; 6.13: renamed. */
bool __scx_bpf_dsq_insert_vtime(struct task_struct *p,
				struct insert_vtime_args *args) KFUNC;
void scx_bpf_dsq_insert_vtime___plain(struct task_struct *p, u64 dsq_id, u64 slice,
				      u64 vtime, u64 enq_flags) KFUNC;
void scx_bpf_dispatch_vtime___old(struct task_struct *p, u64 dsq_id, u64 slice,
				  u64 vtime, u64 enq_flags) KFUNC;

static __always_inline void insert_vtime(struct task_struct *p, u64 dsq_id, u64 slice,
					 u64 vtime, u64 enq_flags)
{
	if (bpf_ksym_exists(__scx_bpf_dsq_insert_vtime)) {
		struct insert_vtime_args args = { dsq_id, slice, vtime, enq_flags };

		__scx_bpf_dsq_insert_vtime(p, &args);
	} else if (bpf_ksym_exists(scx_bpf_dsq_insert_vtime___plain)) {
		scx_bpf_dsq_insert_vtime___plain(p, dsq_id, slice, vtime, enq_flags);
	} else {
		scx_bpf_dispatch_vtime___old(p, dsq_id, slice, vtime, enq_flags);
	}
}

/* 7.1: takes flags; 6.13: renamed. */
bool scx_bpf_dsq_move_to_local___v2___new(u64 dsq_id, u64 enq_flags) KFUNC;
bool scx_bpf_dsq_move_to_local___plain(u64 dsq_id) KFUNC;
bool scx_bpf_consume___old(u64 dsq_id) KFUNC;

/* Takes the first task of a DSQ that may run here; false where there is none. */
static __always_inline bool move_to_local(u64 dsq_id)
{
	if (bpf_ksym_exists(scx_bpf_dsq_move_to_local___v2___new))
		return scx_bpf_dsq_move_to_local___v2___new(dsq_id, 0);
	if (bpf_ksym_exists(scx_bpf_dsq_move_to_local___plain))
		return scx_bpf_dsq_move_to_local___plain(dsq_id);
	return scx_bpf_consume___old(dsq_id);
}

/* 6.19: slice and vtime are no longer written directly. */
bool scx_bpf_task_set_slice(struct task_struct *p, u64 slice) KFUNC;
bool scx_bpf_task_set_dsq_vtime(struct task_struct *p, u64 vtime) KFUNC;

static __always_inline void set_vtime(struct task_struct *p, u64 vtime)
{
	if (bpf_ksym_exists(scx_bpf_task_set_dsq_vtime))
		scx_bpf_task_set_dsq_vtime(p, vtime);
	else
		p->scx.dsq_vtime = vtime;
}

static __always_inline void set_slice(struct task_struct *p, u64 slice)
{
	if (bpf_ksym_exists(scx_bpf_task_set_slice))
		scx_bpf_task_set_slice(p, slice);
	else
		p->scx.slice = slice;
}

/* Ends the scheduler with a message; at most twelve arguments, all integers. */
#define scx_error(format, args...)						\
({										\
	static char text[] = format;						\
	unsigned long long data[___bpf_narg(args) ?: 1] = {};			\
										\
	___bpf_fill(data, args);						\
	scx_bpf_error_bstr(text, data, ___bpf_narg(args) * sizeof(u64));	\
})

/*
 * The usual ops.select_cpu: an idle CPU gets the task at once, past
 * ops.enqueue.
 */
static __always_inline s32 select_idle(struct task_struct *p, s32 prev_cpu,
				       u64 wake_flags, u64 slice)
{
	bool idle = false;
	s32 cpu = scx_bpf_select_cpu_dfl(p, prev_cpu, wake_flags, &idle);

	if (idle)
		insert(p, SCX_DSQ_LOCAL, slice, 0);
	return cpu;
}

/* Kernel threads and those that are about to exit have no memory of their own. */
static __always_inline bool is_user(const struct task_struct *p)
{
	return p->mm != NULL;
}

static __always_inline bool begins_with(const char *text, const volatile char *prefix,
					u32 size)
{
	u32 i;

	for (i = 0; i < size && prefix[i]; i++)
		if (text[i] != prefix[i])
			return false;
	return true;
}

/* Is it a user's task whose comm begins so? An empty prefix means each but init. */
static __always_inline bool is_victim(const struct task_struct *p,
				      const volatile char *prefix)
{
	char comm[TASK_COMM_LEN] = {};

	if (!is_user(p) || p->tgid == 1)
		return false;
	bpf_probe_read_kernel_str(comm, sizeof(comm), p->comm);
	return begins_with(comm, prefix, sizeof(comm));
}

/* What ktstr-scx prints when the scheduler is gone. */
struct ktstr_exit ktstr_exit SEC(KTSTR_EXIT_SECTION);

void SCX_OP(record_exit, struct scx_exit_info *info)
{
	bpf_probe_read_kernel_str(ktstr_exit.reason, sizeof(ktstr_exit.reason),
				  info->reason);
	bpf_probe_read_kernel_str(ktstr_exit.message, sizeof(ktstr_exit.message),
				  info->msg);
	bpf_probe_read_kernel_str(ktstr_exit.dump, sizeof(ktstr_exit.dump), info->dump);
	ktstr_exit.code = info->exit_code;
	ktstr_exit.kind = info->kind;
}

/*
 * Without these the kernel ends a scheduler whenever a CPU comes or goes. There is
 * nothing to do: tasks that are queued for all CPUs do not mind, and the kernel
 * moves those of a CPU's own queue.
 */
void SCX_OP(cpu_came, s32 cpu)
{
}

void SCX_OP(cpu_went, s32 cpu)
{
}

/* The scheduler's table; its name is also the kernel's name for it. */
#define SCHEDULER(ops_name, members...)						\
	SEC(".struct_ops.link")							\
	struct sched_ext_ops ops_name = {					\
		.exit = (void *)record_exit,					\
		.cpu_online = (void *)cpu_came,					\
		.cpu_offline = (void *)cpu_went,				\
		.name = #ops_name,						\
		members								\
	}

#endif

// SPDX-License-Identifier: GPL-2.0
/*
 * ktstr-scx: loads a sched_ext scheduler and stays until it ends.
 *
 *   ktstr-scx run FILE.bpf.o [NAME=VALUE]...
 *	NAME is a variable in .rodata, or ops.MEMBER for a number in the
 *	struct sched_ext_ops.
 *   ktstr-scx header BTF
 *	writes the kernel's types as a C header, for building schedulers.
 *
 * Every line of its own begins with "ktstr-scx: " and goes to standard output;
 * libbpf and the verifier speak on standard error. README.md has the lines.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "../include/exit_record.h"

/* How often the kernel's word on our scheduler is read, in milliseconds. */
#define POLL_MS		20
/* The least exit kind that means an error; enum scx_exit_kind. */
#define EXIT_ERROR	1024

enum status {
	STOPPED = 0,		/* by a signal, as asked */
	FAILED = 1,		/* could not be loaded or attached */
	ENDED_BY_ERROR = 2,	/* the kernel threw the scheduler out */
	ENDED = 3,		/* ended by itself, or by SysRq-S */
	USAGE = 64,
};

static void say(const char *format, ...)
{
	va_list args;

	fputs("ktstr-scx: ", stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static int print_libbpf(enum libbpf_print_level level, const char *format,
			va_list args)
{
	return level != LIBBPF_WARN ? 0 : vfprintf(stderr, format, args);
}

/* Stores VALUE as TYPE says: an integer, a bool, an enum or a char array. */
static int store(const struct btf *btf, __u32 type_id, void *at, const char *value)
{
	int id = btf__resolve_type(btf, type_id);
	const struct btf_type *type = btf__type_by_id(btf, id);
	long long number;
	char *end;
	__s64 size;

	if (!type)
		return -EINVAL;
	size = btf__resolve_size(btf, id);
	if (btf_is_array(type)) {
		const struct btf_array *array = btf_array(type);

		if (btf__resolve_size(btf, array->type) != 1)
			return -EINVAL;
		if (strlen(value) >= array->nelems)
			return -E2BIG;
		strncpy(at, value, size);
		return 0;
	}
	if (!btf_is_int(type) && !btf_is_any_enum(type))
		return -EINVAL;

	errno = 0;
	if (value[0] == '-')
		number = strtoll(value, &end, 0);
	else
		number = (long long)strtoull(value, &end, 0);
	if (errno || end == value || *end)
		return errno ? -errno : -EINVAL;
	if (size < 8) {
		long long limit = 1LL << (size * 8);

		if (number >= limit || number < -limit / 2)
			return -ERANGE;
	}
	if (btf_is_int(type) && btf_int_encoding(type) == BTF_INT_BOOL && (number & ~1LL))
		return -ERANGE;
	memcpy(at, &number, size);
	return 0;
}

/* The content of a section of variables, before and after the load. */
static void *find_data(struct bpf_object *obj, const char *section)
{
	struct bpf_map *map;
	size_t size;

	bpf_object__for_each_map(map, obj) {
		const char *end = strstr(bpf_map__name(map), section);

		if (end && !strcmp(end, section))
			return bpf_map__initial_value(map, &size);
	}
	return NULL;
}

static int set_rodata(struct bpf_object *obj, const char *name, const char *value)
{
	const struct btf *btf = bpf_object__btf(obj);
	int id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	const struct btf_type *section = btf__type_by_id(btf, id);
	const struct btf_var_secinfo *var;
	char *data = find_data(obj, ".rodata");

	if (id < 0 || !data)
		return -ENOENT;

	var = btf_var_secinfos(section);
	for (int i = 0; i < btf_vlen(section); i++, var++) {
		const struct btf_type *type = btf__type_by_id(btf, var->type);

		if (!strcmp(btf__name_by_offset(btf, type->name_off), name))
			return store(btf, type->type, data + var->offset, value);
	}
	return -ENOENT;
}

static void set_enumerator(struct bpf_object *obj, const char *name, const char *format,
			   unsigned long long value)
{
	char variable[64], text[32];

	if (strncmp(name, "SCX_", 4))
		return;
	snprintf(variable, sizeof(variable), "__%s", name);
	snprintf(text, sizeof(text), format, value);
	set_rodata(obj, variable, text);
}

/*
 * Many schedulers take the kernel's constants from variables such as
 * __SCX_DSQ_LOCAL, which their loaders fill in: SCX_DSQ_LOCAL as this kernel has it.
 */
static void set_enumerators(struct bpf_object *obj)
{
	struct btf *btf = btf__load_vmlinux_btf();
	__u32 count = btf ? btf__type_cnt(btf) : 0;

	for (__u32 id = 1; id < count; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		for (int i = 0; btf_is_enum(type) && i < btf_vlen(type); i++) {
			const struct btf_enum *e = btf_enum(type) + i;

			set_enumerator(obj, btf__name_by_offset(btf, e->name_off), "%lld",
				       (long long)e->val);
		}
		for (int i = 0; btf_is_enum64(type) && i < btf_vlen(type); i++) {
			const struct btf_enum64 *e = btf_enum64(type) + i;

			set_enumerator(obj, btf__name_by_offset(btf, e->name_off), "%llu",
				       btf_enum64_value(e));
		}
	}
	btf__free(btf);
}

static int set_member(struct bpf_object *obj, struct bpf_map *ops,
		      const char *name, const char *value)
{
	const struct btf *btf = bpf_object__btf(obj);
	int id = btf__find_by_name_kind(btf, "sched_ext_ops", BTF_KIND_STRUCT);
	const struct btf_type *type = btf__type_by_id(btf, id);
	const struct btf_member *member;
	size_t size;
	char *data = bpf_map__initial_value(ops, &size);

	if (id < 0 || !data)
		return -ENOENT;
	member = btf_members(type);
	for (int i = 0; i < btf_vlen(type); i++, member++) {
		if (!strcmp(btf__name_by_offset(btf, member->name_off), name))
			return store(btf, member->type,
				     data + btf_member_bit_offset(type, i) / 8, value);
	}
	return -ENOENT;
}

static int set(struct bpf_object *obj, struct bpf_map *ops, char *setting)
{
	char *value = strchr(setting, '=');
	int err;

	if (!value)
		err = -EINVAL;
	else {
		*value = 0;
		if (!strncmp(setting, "ops.", 4))
			err = set_member(obj, ops, setting + 4, value + 1);
		else
			err = set_rodata(obj, setting, value + 1);
		*value = '=';
	}
	if (err)
		say("cannot set %s: %s", setting, strerror(-err));
	return err;
}

static struct bpf_map *find_ops(struct bpf_object *obj)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj)
		if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS)
			return map;
	return NULL;
}

/* A text on one line: what would break it or its quotes becomes a space. */
static const char *one_line(char *to, size_t size, const char *from)
{
	size_t i;

	for (i = 0; i + 1 < size && from[i]; i++)
		to[i] = (unsigned char)from[i] < ' ' || from[i] == '"' ? ' ' : from[i];
	to[i] = 0;
	return to;
}

static void print_record(const struct ktstr_exit *record)
{
	char reason[sizeof(record->reason)], message[sizeof(record->message)];

	if (!record || !record->kind)
		return;
	say("exit kind=%d code=%#llx reason=\"%s\" message=\"%s\"", record->kind,
	    (unsigned long long)record->code,
	    one_line(reason, sizeof(reason), record->reason),
	    one_line(message, sizeof(message), record->message));
	if (record->dump[0]) {
		say("dump");
		printf("%.*s\n", (int)sizeof(record->dump), record->dump);
		say("end of dump");
	}
}

/* Reads a line of /sys/kernel/sched_ext/; it is empty where there is none. */
static const char *read_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "re");

	line[0] = 0;
	if (!file)
		return line;
	if (!fgets(line, size, file))
		line[0] = 0;
	fclose(file);
	line[strcspn(line, "\n")] = 0;
	return line;
}

/* The kernel says "disabled" when ops.exit has returned, and not before. */
static bool is_state(const char *wanted)
{
	char state[32];

	return !strcmp(read_line("/sys/kernel/sched_ext/state", state, sizeof(state)), wanted);
}

/*
 * Kernels since 7.0 that were built with a pahole before 1.31 show the argument
 * of some functions which the verifier is to fill in, and no _impl beside them.
 * Nothing can call these.
 */
static void explain_load_failure(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	__u32 count = btf ? btf__type_cnt(btf) : 0;

	if (!btf || btf__find_by_name_kind(btf, "sched_ext_ops", BTF_KIND_STRUCT) < 0)
		say("this kernel has no sched_ext");
	for (__u32 id = 1; id < count; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id), *last;
		const char *name = btf__name_by_offset(btf, type->name_off);
		const struct btf_type *proto;
		char impl[128];

		if (!btf_is_func(type) || strncmp(name, "scx_bpf_", 8))
			continue;
		proto = btf__type_by_id(btf, type->type);
		if (!btf_vlen(proto) || strstr(name, "_impl"))
			continue;
		last = btf__type_by_id(btf, btf_params(proto)[btf_vlen(proto) - 1].type);
		while (last && (btf_is_ptr(last) || btf_is_mod(last)))
			last = btf__type_by_id(btf, last->type);
		if (!last || strcmp(btf__name_by_offset(btf, last->name_off), "bpf_prog_aux"))
			continue;
		snprintf(impl, sizeof(impl), "%s_impl", name);
		if (btf__find_by_name_kind(btf, impl, BTF_KIND_FUNC) < 0) {
			say("this kernel was built with a pahole before 1.31, and no scheduler "
			    "can call some of its functions, %s among them", name);
			break;
		}
	}
	btf__free(btf);
}

static enum status run(const char *path, char **settings)
{
	/* The scheduler that is loaded here may run nothing any more. */
	const struct sched_param priority = { .sched_priority = 1 };
	const struct ktstr_exit *record;
	struct bpf_object *obj;
	struct bpf_link *link;
	struct bpf_map *ops;
	struct pollfd wait;
	sigset_t signals;
	char text[256];
	bool stop;
	int err;

	if (sched_setscheduler(0, SCHED_FIFO, &priority))
		say("no real-time priority: %s", strerror(errno));
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	wait = (struct pollfd){ .fd = signalfd(-1, &signals, SFD_CLOEXEC), .events = POLLIN };
	if (wait.fd < 0) {
		say("no signalfd: %s", strerror(errno));
		return FAILED;
	}

	obj = bpf_object__open_file(path, NULL);
	if (!obj) {
		libbpf_strerror(errno, text, sizeof(text));
		say("cannot open %s: %s", path, text);
		return FAILED;
	}
	ops = find_ops(obj);
	if (!ops) {
		say("%s has no scheduler", path);
		return FAILED;
	}
	set_enumerators(obj);
	for (; *settings; settings++)
		if (set(obj, ops, *settings))
			return USAGE;
	err = bpf_object__load(obj);
	if (err) {
		say("cannot load %s: %s", path, strerror(-err));
		explain_load_failure();
		return FAILED;
	}
	/* Where our schedulers' ops.exit writes; a foreign object has none. */
	record = find_data(obj, KTSTR_EXIT_SECTION);
	link = bpf_map__attach_struct_ops(ops);
	err = errno;
	/* Where ops.init fails there is a link all the same, without a scheduler. */
	if (!link || !is_state("enabled")) {
		bpf_link__destroy(link);
		say("cannot attach %s: %s", bpf_map__name(ops),
		    link ? "the kernel disabled it" : strerror(err));
		print_record(record);
		return FAILED;
	}
	say("attached %s",
	    read_line("/sys/kernel/sched_ext/root/ops", text, sizeof(text)));

	do {
		stop = poll(&wait, 1, POLL_MS) > 0;
	} while (!stop && !is_state("disabled"));
	/* Returns when the kernel has finished with the scheduler. */
	bpf_link__destroy(link);
	print_record(record);
	if (!record && !stop)
		say("ended, the kernel's log says why");
	if (record && record->kind >= EXIT_ERROR)
		return ENDED_BY_ERROR;
	return stop ? STOPPED : ENDED;
}

static void print_type(void *context, const char *format, va_list args)
{
	vprintf(format, args);
}

static enum status write_header(const char *path)
{
	struct btf *btf = btf__parse(path, NULL);
	struct btf_dump *dump = btf ? btf_dump__new(btf, print_type, NULL, NULL) : NULL;
	__u32 count;

	if (!dump) {
		fprintf(stderr, "ktstr-scx: %s: %s\n", path, strerror(errno));
		return FAILED;
	}
	puts("#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n"
	     "#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)");
	count = btf__type_cnt(btf);
	for (__u32 id = 1; id < count; id++) {
		int err = btf_dump__dump_type(dump, id);

		if (err) {
			fprintf(stderr, "ktstr-scx: %s: type %u: %s\n", path, id, strerror(-err));
			return FAILED;
		}
	}
	puts("#pragma clang attribute pop\n#endif");
	return fflush(stdout) || ferror(stdout) ? FAILED : STOPPED;
}

int main(int argc, char **argv)
{
	libbpf_set_print(print_libbpf);
	if (argc >= 3 && !strcmp(argv[1], "run"))
		return run(argv[2], argv + 3);
	if (argc == 3 && !strcmp(argv[1], "header"))
		return write_header(argv[2]);
	fputs("usage: ktstr-scx run FILE.bpf.o [NAME=VALUE]... | header BTF\n", stderr);
	return USAGE;
}

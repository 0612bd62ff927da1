/* SPDX-License-Identifier: GPL-2.0 */
/* What a scheduler leaves for ktstr-scx when it ends; see ktstr_scx.h. */
#ifndef KTSTR_EXIT_RECORD_H
#define KTSTR_EXIT_RECORD_H

/* The kernel cuts map names to 15 characters. */
#define KTSTR_EXIT_SECTION	".data.kexit"

struct ktstr_exit {
	int kind;		/* enum scx_exit_kind; 0 until the end */
	long long code;
	char reason[128];
	char message[1024];
	char dump[32768];	/* the kernel's default length of a dump */
};

#endif

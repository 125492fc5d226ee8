#ifndef CUA_AGENT_TOOLS_WORKER_H
#define CUA_AGENT_TOOLS_WORKER_H

/* A process that lives on between calls and runs what it is given: a shell, a Python.
 *
 * It reads from descriptor 3 what to run, ended by a NUL, and writes on 4 what came of it, ended
 * by a NUL: a number is the status, and the end; an object is a question that it wants answered on
 * 3. What it prints goes to one pipe. */

#include <stdbool.h>
#include <sys/types.h>

#include "agent/tools/family.h"
#include "agent/tools/output.h"
#include "agent/tools/tool.h"

struct tool_worker {
	const char *name;
	const char *const *argv; /* NULL-terminated */
	bool takes_interrupts;   /* SIGINT ends what it runs, and not itself */
	/* Answers a question with an object, owned by the caller; NULL: none are taken. */
	cJSON *(*answer)(const cJSON *question, struct tool_call *call);
	/* below: of worker.c */
	pid_t pid; /* 0: not running */
	int code_fd, said_fd, output_fd;
	struct cua_buffer said;
};

#define TOOL_WORKER_OF(NAME, ARGV) \
	{ \
		.name = (NAME), .argv = (ARGV), .code_fd = -1, .said_fd = -1, .output_fd = -1 \
	}

/**
 * tool_worker_run() - run some code and append what it printed to call->text.
 *
 * Starts the process where there is none. At the deadline, or when the caller gives up, what it
 * runs is ended; if that does not help, all of it, which the text says.
 *
 * Return: CUA_OK with *ret_status; CUA_ERR_CANCELLED; CUA_ERR_NOT_FOUND if the program is not
 *         there; CUA_ERR_IO.
 */
CUA_NODISCARD enum cua_status tool_worker_run(struct tool_worker *worker, struct tool_call *call,
		const char *code, int *ret_status, struct cua_error *err);

/* Ends it, what it has started and all orphans, and starts a new one. */
CUA_NODISCARD enum cua_status tool_worker_restart(
		struct tool_worker *worker, struct tool_world *world, struct cua_error *err);

/* Waits for children that have ended: what others left behind, and workers. */
void tool_workers_reap(struct tool_world *world);

/* The family of a child of the runner, a worker or not, which the other workers are none of. */
struct tool_family tool_worker_family(
		const struct tool_world *world, pid_t head, const struct tool_moment *since);

#endif

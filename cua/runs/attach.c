/* cua runs attach, cost */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include "agent/cost.h"
#include "agent/event.h"
#include "agent/follow.h"
#include "agent/journal_read.h"
#include "agent/run_print.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/runs/runs.h"

/* --- attach --- */

struct watcher {
	struct agent_printer printer;
	int exit_status; /* of the run */
};

static void on_event(const cJSON *event, void *user_data)
{
	struct watcher *watcher = user_data;
	if (agent_event_is(event, "run_end")) {
		watcher->exit_status = cua_json_int(event, "exit_status");
	}
	agent_print_event(&watcher->printer, event);
}

/* Readable when the person wants to leave; the run goes on. */
static int catch_leaving(void)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC);
}

static int follow(const char *id, bool as_json)
{
	struct cua_error error = { 0 };
	struct watcher watcher = { .exit_status = CUA_EXIT_FAILED };
	CUA_AUTO_FREE char *path = NULL;
	CUA_AUTO_FD int dir_fd = runs_open(id, &path, &error);
	if (dir_fd < 0) {
		return cua_cmd_fail(&error);
	}
	CUA_AUTO_FD int leave_fd = catch_leaving();
	agent_printer_init(&watcher.printer, stdout, as_json);
	enum cua_status status = agent_follow(path, leave_fd, on_event, &watcher, &error);
	if (watcher.printer.in_line) {
		putchar('\n');
	}
	agent_printer_finish(&watcher.printer);
	if (status == CUA_ERR_CANCELLED) {
		fprintf(stderr, "cua runs: the run goes on; cua runs attach %s comes back to it\n",
				strrchr(path, '/') + 1);
		return CUA_EXIT_OK;
	}
	if (status == CUA_ERR_CLOSED) {
		fprintf(stderr,
				"cua runs: the run's process is gone; cua run --resume %s goes on "
				"with it\n",
				strrchr(path, '/') + 1);
		return CUA_EXIT_FAILED;
	}
	if (status != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	printf("%s\n", path);
	return watcher.exit_status;
}

/* The option --json and one run; NULL if there is anything else. */
static const char *parse(int argc, char **argv, bool *ret_json)
{
	const char *id = NULL;
	for (int i = 1; i < argc; i++) {
		if (ret_json && strcmp(argv[i], "--json") == 0) {
			*ret_json = true;
		} else if (argv[i][0] == '-' || id) {
			return NULL;
		} else {
			id = argv[i];
		}
	}
	return id;
}

int runs_attach(int argc, char **argv)
{
	bool as_json = false;
	const char *id = parse(argc, argv, &as_json);
	return id ? follow(id, as_json) : cua_cmd_usage("runs", "attach takes one run");
}

/* --- cost --- */

int runs_cost(int argc, char **argv)
{
	struct cua_error error = { 0 };
	const char *id = parse(argc, argv, NULL);
	if (!id) {
		return cua_cmd_usage("runs", "cost takes one run");
	}
	CUA_AUTO_FREE char *path = NULL;
	CUA_AUTO_JSON cJSON *events = NULL;
	CUA_AUTO_FD int dir_fd = runs_open(id, &path, &error);
	if (dir_fd < 0 || agent_journal_events(dir_fd, &events, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	agent_cost_explain(stdout, events);
	return CUA_EXIT_OK;
}

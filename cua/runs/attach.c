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
	struct agent_redactor *redactor;
	cJSON *end; /* owned; the last event if it is an end, else NULL */
};

static void on_event(const cJSON *event, void *user_data)
{
	struct watcher *watcher = user_data;
	CUA_AUTO_JSON cJSON *shown = cJSON_Duplicate(event, true);
	agent_redact_json(watcher->redactor, shown);
	agent_print_event(&watcher->printer, shown);
	cJSON_Delete(watcher->end);
	watcher->end = agent_event_is(shown, "run_end") ? CUA_STEAL(shown) : NULL;
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

/* How the watching ended; the exit status. */
static int take_end(struct watcher *watcher, const char *path, enum cua_status status,
		const struct cua_error *error)
{
	const char *name = strrchr(path, '/') + 1;
	if (status == CUA_OK) {
		agent_print_end(&watcher->printer, watcher->end, path, stderr);
		return cua_json_int(watcher->end, "exit_status");
	}
	if (watcher->printer.in_line) {
		putchar('\n');
	}
	if (status == CUA_ERR_CANCELLED) {
		fprintf(stderr, "cua runs: the run goes on; cua runs attach %s comes back to it\n",
				name);
		return CUA_EXIT_OK;
	}
	if (status == CUA_ERR_CLOSED) {
		fprintf(stderr,
				"cua runs: the run's process is gone; cua run --resume %s goes on "
				"with it\n",
				name);
		return CUA_EXIT_FAILED;
	}
	return cua_cmd_fail(error);
}

static int follow(const char *id, bool as_json)
{
	struct cua_error error = { 0 };
	struct watcher watcher = { 0 };
	CUA_AUTO_FREE char *path = NULL;
	RUNS_AUTO_REDACTOR struct agent_redactor *redactor = runs_open_redactor(&error);
	CUA_AUTO_FD int dir_fd = redactor ? runs_open(id, &path, &error) : -1;
	if (dir_fd < 0) {
		return cua_cmd_fail(&error);
	}
	watcher.redactor = redactor;
	CUA_AUTO_FD int leave_fd = catch_leaving();
	agent_printer_init(&watcher.printer, stdout, as_json);
	enum cua_status status = agent_follow(path, leave_fd, on_event, &watcher, &error);
	const int exit_status = take_end(&watcher, path, status, &error);
	agent_printer_finish(&watcher.printer);
	cJSON_Delete(watcher.end);
	return exit_status;
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

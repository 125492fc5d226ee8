/* cua runs status, tell, interrupt, pause, continue, cancel, answer: a run that goes on, by its API
 */

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/journal_read.h"
#include "agent/runs.h"
#include "cua/base/http_unix.h"
#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/contract/text.h"
#include "cua/runs/runs.h"

#define TIMEOUT_MS 5000

/* --- the call --- */

static enum cua_status call(const char *id, const char *method, const char *path, const cJSON *body,
		cJSON **ret_answer, struct cua_error *err)
{
	char socket_path[CUA_PATH_MAX];
	CUA_AUTO_FREE char *run_path = NULL;
	CUA_AUTO_FD int dir_fd = runs_open(id, &run_path, err);
	if (dir_fd < 0) {
		return err->status;
	}
	const char *name = strrchr(run_path, '/') + 1;
	enum cua_status status = agent_runs_socket(name, socket_path, sizeof(socket_path), err);
	if (status == CUA_OK) {
		status = cua_http_unix_json(
				socket_path, method, path, body, TIMEOUT_MS, ret_answer, err);
	}
	if (status == CUA_ERR_CLOSED && !*ret_answer) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "run %s %s", name,
				agent_journal_is_held(dir_fd)
						? "is starting or ending: it cannot be reached now"
						: "does not go on; cua runs show tells what became "
						  "of it");
	}
	return status;
}

/* --- what it says --- */

static void print_field(const char *name, const char *text)
{
	if (text[0]) {
		printf("  %-8s ", name);
		cua_text_line(stdout, text, 0);
		putchar('\n');
	}
}

static void print_question(const char *run, const cJSON *question)
{
	const bool is_approval = strcmp(cua_json_text(question, "kind"), "approval") == 0;
	const char *who = cua_json_text(question, "who");
	printf("It asks%s", who[0] ? ", in the name of " : "");
	cua_text_line(stdout, who, 0);
	puts(":");
	print_field("what", cua_json_text(question, "words"));
	print_field("why", cua_json_text(question, "reason"));
	print_field("class", cua_json_text(question, "class"));
	print_field("rule", cua_json_text(question, "rule"));
	print_field("note", cua_json_text(question, "note"));
	print_field("picture", cua_json_text(question, "picture"));
	printf("To answer: cua runs answer %s %s%s\n", run, cua_json_text(question, "id"),
			is_approval ? " yes|no" : " TEXT");
}

static int print_state(const cJSON *state, bool as_json)
{
	const cJSON *question = cua_json_member(state, "question");
	const int unheard = cua_json_int(state, "unheard");
	const char *run = cua_json_text(state, "run");
	if (as_json) {
		CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(state);
		printf("%s\n", text ? text : "{}");
		return CUA_EXIT_OK;
	}
	printf("%s: %s, step %d", run, cua_json_text(state, "state"), cua_json_int(state, "step"));
	if (unheard > 0) {
		printf(", %d message%s not yet heard", unheard, unheard == 1 ? "" : "s");
	}
	putchar('\n');
	if (cJSON_IsObject(question)) {
		print_question(run, question);
	}
	return CUA_EXIT_OK;
}

/* --- the commands --- */

/* --json, and as many arguments as are wanted; false if not, which has been said. */
static bool parse(int argc, char **argv, int least, int most, const char *usage, bool *ret_json)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	*ret_json = false;
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option != 'j') {
			cua_cmd_usage("runs", "wrong option for %s", argv[0]);
			return false;
		}
		*ret_json = true;
	}
	const bool is_right = argc - optind >= least && argc - optind <= most;
	if (!is_right) {
		cua_cmd_usage("runs", "it is: cua runs %s %s", argv[0], usage);
	}
	return is_right;
}

/* One request about one run, and how it stands afterwards. members: of the body, as they follow the
 * run on the command line; those behind the first so many may be left out. */
static int request_with(int argc, char **argv, const char *method, const char *path,
		const char *const *members, int needed_count, int member_count, const char *usage)
{
	bool as_json = false;
	struct cua_error error = { 0 };
	CUA_AUTO_JSON cJSON *body = member_count > 0 ? cJSON_CreateObject() : NULL;
	CUA_AUTO_JSON cJSON *state = NULL;
	if (!parse(argc, argv, 1 + needed_count, 1 + member_count, usage, &as_json)) {
		return CUA_EXIT_USAGE;
	}
	for (int i = 0; i < member_count && optind + 1 + i < argc; i++) {
		cJSON_AddStringToObject(body, members[i], argv[optind + 1 + i]);
	}
	if (call(argv[optind], method, path, body, &state, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	return print_state(state, as_json);
}

static int request(int argc, char **argv, const char *method, const char *path,
		const char *const *members, int member_count, const char *usage)
{
	return request_with(argc, argv, method, path, members, member_count, member_count, usage);
}

int runs_status(int argc, char **argv)
{
	return request(argc, argv, "GET", "/v1/run", NULL, 0, "RUN");
}

int runs_tell(int argc, char **argv)
{
	static const char *const members[] = { "text" };
	return request(argc, argv, "POST", "/v1/run/messages", members, 1, "RUN \"TEXT\"");
}

/* What it is to do instead may be said at once, or later by tell. */
int runs_interrupt(int argc, char **argv)
{
	static const char *const members[] = { "text" };
	return request_with(
			argc, argv, "POST", "/v1/run/interrupt", members, 0, 1, "RUN [\"TEXT\"]");
}

int runs_pause(int argc, char **argv)
{
	return request(argc, argv, "POST", "/v1/run/pause", NULL, 0, "RUN");
}

int runs_continue(int argc, char **argv)
{
	return request(argc, argv, "POST", "/v1/run/resume", NULL, 0, "RUN");
}

int runs_cancel(int argc, char **argv)
{
	return request(argc, argv, "POST", "/v1/run/cancel", NULL, 0, "RUN");
}

int runs_answer(int argc, char **argv)
{
	static const char *const members[] = { "question", "answer" };
	return request(argc, argv, "POST", "/v1/run/answer", members, 2,
			"RUN QUESTION yes|no|\"TEXT\"");
}

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/mcp_play.h"
#include "tests/processes.h"
#include "tests/waiting.h"

/* Servers that misbehave: each has an error in words, in time, and leaves nothing behind. */

#define LONG ((size_t)1 << 20) /* more than a pipe takes */

/* --- which revision --- */

static void the_revision_is_found_out(void **state)
{
	(void)state;
	static const struct {
		const char *mode, *protocol;
		int starts;
		bool outwaits_probe;
	} rows[] = { { "good", "2025-03-26", 1, false }, { "silent", "2025-03-26", 1, true },
		{ "probe-kills", "2025-03-26", 2, false }, { "modern", "2026-07-28", 1, false },
		{ "retries", "2026-07-28", 1, false }, { "slow-modern", "2026-07-28", 1, true } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct mcp_play play;
		if (rows[i].outwaits_probe) {
			mcp_play_begin_within(&play, rows[i].mode, MCP_PLAY_LATE_MS);
		} else {
			mcp_play_begin(&play, rows[i].mode);
		}
		mcp_play_list(&play);
		mcp_play_expect(&play, "done");
		const struct agent_mcp_facts facts = agent_mcp_server_facts(play.server);
		assert_string_equal(facts.protocol, rows[i].protocol);
		assert_int_equal(facts.starts, rows[i].starts);
		mcp_play_end(&play);
	}
}

/* --- failures before a call --- */

static void what_cannot_start_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *mode;
		enum cua_status status;
		const char *said;
	} rows[] = { { "hang-init", CUA_ERR_TIMEOUT, "no answer in time" },
		{ "hang-list", CUA_ERR_TIMEOUT, "no answer in time" },
		{ "strange", CUA_ERR_UNAVAILABLE, "1999-01-01" },
		{ "endless", CUA_ERR_TOO_LARGE, "does not end" } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct mcp_play play;
		const uint64_t begun_us = cua_now_us();
		if (rows[i].status == CUA_ERR_TIMEOUT) {
			mcp_play_begin_within(&play, rows[i].mode, MCP_PLAY_INIT_MS);
		} else {
			mcp_play_begin(&play, rows[i].mode);
		}
		assert_int_equal(mcp_play_try_list(&play), rows[i].status);
		assert_non_null(strstr(play.why.msg, rows[i].said));
		assert_in_range((cua_now_us() - begun_us) / 1000, 0,
				2 * MCP_PLAY_INIT_MS + MCP_PLAY_LATE_MS);
		mcp_play_end(&play);
	}
}

static void a_program_that_is_not_there_is_told(void **state)
{
	(void)state;
	struct mcp_play play;
	mcp_play_begin(&play, "good");
	play.argv[0] = (char *)(uintptr_t) "/nonexistent/server";
	const enum cua_status status = mcp_play_try_list(&play);
	assert_true(status == CUA_ERR_CLOSED || status == CUA_ERR_UNAVAILABLE);
	assert_non_null(strstr(play.why.msg, "/nonexistent/server"));
	mcp_play_end(&play);
}

static void tools_that_cannot_be_taken_are_dropped(void **state)
{
	(void)state;
	struct mcp_play play;
	mcp_play_begin(&play, "deep");
	mcp_play_list(&play);
	assert_int_equal(play.tools->count, 1);
	assert_int_equal(play.tools->dropped, 2);
	assert_string_equal(play.tools->list[0].name, "good");
	assert_string_equal(cua_json_text(play.tools->list[0].definition, "description"), "seen");
	mcp_play_end(&play);
}

static void pages_are_read_to_their_end(void **state)
{
	(void)state;
	struct mcp_play play;
	mcp_play_begin(&play, "many");
	mcp_play_list(&play);
	assert_int_equal(play.tools->count, 300);
	mcp_play_end(&play);
}

static void a_list_is_bounded_in_all(void **state)
{
	(void)state;
	static const struct {
		const char *mode;
		enum cua_status status;
		const char *said;
		int timeout_ms;
	} rows[] = { { "slow-pages", CUA_ERR_TIMEOUT, "in time", 1000 },
		{ "fat-pages", CUA_ERR_TOO_LARGE, "descriptions of tools", 60000 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct mcp_play play;
		mcp_play_begin_within(&play, rows[i].mode, rows[i].timeout_ms);
		const uint64_t begun_us = cua_now_us();
		const enum cua_status status = mcp_play_try_list(&play);
		if (status != rows[i].status || !strstr(play.why.msg, rows[i].said)) {
			fail_msg("%s: %d, %s", rows[i].mode, (int)status, play.why.msg);
		}
		/* 500 pages of a fifth of a second are 100 s. */
		assert_in_range((cua_now_us() - begun_us) / 1000, 0, rows[i].timeout_ms + 20000);
		mcp_play_end(&play);
	}
}

/* --- failures in a call --- */

static void a_call_that_fails_is_told_and_the_next_goes_well(void **state)
{
	(void)state;
	static const struct {
		const char *mode;
		enum cua_status status;
		const char *said;
		bool may_have_run;
		bool floods; /* a fast one is over the bound of bytes before its time is up */
	} rows[] = { { "hang-call", CUA_ERR_TIMEOUT, "no answer in time", true, false },
		{ "dies", CUA_ERR_CLOSED, "out of luck", true, false },
		{ "long-line", CUA_ERR_TOO_LARGE, "a line of over", true, false },
		{ "mismatch", CUA_ERR_TIMEOUT, "what was not asked", true, false },
		{ "only-garbage", CUA_ERR_APP, "not JSON", true, false },
		{ "notes", CUA_ERR_TIMEOUT, "no answer in time", true, true },
		{ "endless-progress", CUA_ERR_TIMEOUT, "no answer in time", true, true },
		{ "ping-flood", CUA_ERR_TIMEOUT, "no answer in time", true, true },
		{ "odd-result", CUA_ERR_APP, "not known here", false, false } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct mcp_play play;
		char text[200];
		bool is_uncertain = false;
		if (rows[i].status == CUA_ERR_TIMEOUT) {
			mcp_play_begin_impatient(&play, rows[i].mode);
		} else {
			mcp_play_begin(&play, rows[i].mode);
		}
		mcp_play_list(&play);
		const uint64_t begun_us = cua_now_us();
		const enum cua_status status =
				mcp_play_call(&play, NULL, text, sizeof(text), &is_uncertain);
		const bool is_too_much = rows[i].floods && status == CUA_ERR_TOO_LARGE &&
				strstr(play.why.msg, "in answer to one request");
		if (!is_too_much &&
				(status != rows[i].status || !strstr(play.why.msg, rows[i].said))) {
			fail_msg("%s: %d, %s", rows[i].mode, (int)status, play.why.msg);
		}
		assert_int_equal(is_uncertain, rows[i].may_have_run);
		assert_in_range((cua_now_us() - begun_us) / 1000, 0,
				MCP_PLAY_CALL_MAX_MS + MCP_PLAY_LATE_MS);
		if (strcmp(rows[i].mode, "dies") == 0) { /* another one, which knows no call yet */
			assert_int_equal(mcp_play_call(&play, NULL, text, sizeof(text),
							 &is_uncertain),
					CUA_ERR_CLOSED);
			assert_int_equal(agent_mcp_server_facts(play.server).starts, 2);
		}
		mcp_play_end(&play);
	}
}

/* Half of a request is in its stdin, and it goes on about something else. */
static void a_server_that_only_talks_is_given_up(void **state)
{
	(void)state;
	struct mcp_play play;
	CUA_AUTO_FREE char *long_text = calloc(1, LONG + 1);
	CUA_AUTO_JSON cJSON *arguments = cJSON_CreateObject();
	cJSON *result = NULL;
	bool is_uncertain = false;
	assert_non_null(long_text);
	memset(long_text, 'x', LONG);
	cJSON_AddStringToObject(arguments, "text", long_text);
	mcp_play_begin_impatient(&play, "only-talks");
	mcp_play_list(&play);
	const uint64_t begun_us = cua_now_us();
	assert_int_equal(agent_mcp_server_call(play.server, &play.tools->list[0], arguments,
					 &result, &is_uncertain, &play.why),
			CUA_ERR_TIMEOUT);
	assert_int_equal(agent_mcp_server_call(play.server, &play.tools->list[0], arguments,
					 &result, &is_uncertain, &play.why),
			CUA_ERR_TIMEOUT);
	assert_int_equal(agent_mcp_server_facts(play.server).starts, 2);
	assert_in_range((cua_now_us() - begun_us) / 1000, 0,
			2 * MCP_PLAY_CALL_MAX_MS + MCP_PLAY_LATE_MS);
	mcp_play_end(&play);
}

static void what_is_only_bad_manners_is_borne(void **state)
{
	(void)state;
	static const struct {
		const char *mode, *answer;
	} rows[] = { { "garbage", "done" }, { "flood", "done" }, { "progress", "done" },
		{ "pings", "done" }, { "asks", "declined" } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct mcp_play play;
		mcp_play_begin(&play, rows[i].mode);
		mcp_play_list(&play);
		mcp_play_expect(&play, rows[i].answer);
		assert_int_equal(agent_mcp_server_facts(play.server).starts, 1);
		mcp_play_end(&play);
	}
}

struct heard {
	int count;
	double progress, total;
	char message[700];
};

static void hear(const char *server, const struct agent_mcp_progress *progress, void *user_data)
{
	struct heard *heard = user_data;
	assert_string_equal(server, "bad");
	assert_true(progress->progress > heard->progress);
	heard->count++;
	heard->progress = progress->progress;
	heard->total = progress->total;
	snprintf(heard->message, sizeof(heard->message), "%s", progress->message);
}

static void progress_is_told_in_plain_words(void **state)
{
	(void)state;
	static const struct {
		const char *mode, *message;
		int count;
		double total;
	} rows[] = { { "progress", "page 6 of many", 6, 6 }, { "progress-flood", NULL, 5000, 0 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct heard heard = { 0 };
		struct mcp_play play;
		const struct agent_mcp_server_options options = {
			.cancel_fd = -1, .on_progress = hear, .user_data = &heard
		};
		mcp_play_begin_with(&play, rows[i].mode, &options);
		mcp_play_list(&play);
		mcp_play_expect(&play, "done");
		assert_int_equal(heard.count, rows[i].count);
		assert_true(heard.total == rows[i].total);
		if (rows[i].message) {
			assert_string_equal(heard.message, rows[i].message);
		} else { /* cut, with an ellipsis */
			assert_in_range(strlen(heard.message), 1, AGENT_MCP_PROGRESS_CHARS + 3);
		}
		mcp_play_end(&play);
	}
}

static void a_server_that_hangs_twice_is_started_again(void **state)
{
	(void)state;
	struct mcp_play play;
	char text[200];
	bool is_uncertain = false;
	mcp_play_begin_impatient(&play, "hang-call");
	mcp_play_list(&play);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(mcp_play_call(&play, NULL, text, sizeof(text), &is_uncertain),
				CUA_ERR_TIMEOUT);
		assert_int_equal(agent_mcp_server_facts(play.server).starts, i < 3 ? 1 : 2);
	}
	mcp_play_end(&play);
}

static void a_dead_server_is_started_again(void **state)
{
	(void)state;
	struct mcp_play play;
	mcp_play_begin(&play, "good");
	mcp_play_list(&play);
	mcp_play_expect(&play, "done");
	DIR *proc = opendir("/proc");
	assert_non_null(proc);
	for (pid_t pid; (pid = next_process(proc)) > 0;) {
		char path[64], name[64] = "";
		snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
		CUA_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, name, sizeof(name) - 1) > 0 &&
				strncmp(name, "mcp_bad_server", 14) == 0) {
			char line[4096];
			snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
			CUA_AUTO_FD int words = open(path, O_RDONLY | O_CLOEXEC);
			const ssize_t len = words < 0 ? -1 : read(words, line, sizeof(line));
			if (len > 0 && memmem(line, (size_t)len, play.token, strlen(play.token))) {
				kill_and_wait(pid);
			}
		}
	}
	closedir(proc);
	assert_false(agent_mcp_server_has_changed(play.server));
	mcp_play_expect(&play, "done");
	assert_int_equal(agent_mcp_server_facts(play.server).starts, 2);
	assert_true(agent_mcp_server_has_changed(play.server));
	mcp_play_end(&play);
}

static void a_server_that_comes_back_as_another_is_not_called(void **state)
{
	(void)state;
	struct mcp_play play;
	char text[200];
	bool is_uncertain = true;
	mcp_play_begin(&play, "turncoat-quiet");
	mcp_play_list(&play);
	mcp_play_expect(&play, "done"); /* and ends */
	assert_int_equal(mcp_play_call(&play, NULL, text, sizeof(text), &is_uncertain),
			CUA_ERR_INVAL);
	assert_non_null(strstr(play.why.msg, "is another now"));
	assert_false(is_uncertain);
	mcp_play_end(&play);
}

/* --- ends --- */

static void stubborn_servers_end_with_all_they_forked(void **state)
{
	(void)state;
	static const char *const modes[] = { "ignores-term", "forks" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(modes); i++) {
		struct mcp_play play;
		mcp_play_begin(&play, modes[i]);
		mcp_play_list(&play);
		assert_true(mcp_play_count(play.token) > (i == 0 ? 1 : 4));
		mcp_play_end(&play);
	}
}

static void a_call_can_be_cancelled(void **state)
{
	(void)state;
	struct mcp_play play;
	int ends[2];
	char text[200];
	bool is_uncertain = false;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	mcp_play_begin(&play, "hang-call");
	agent_mcp_server_destroy(play.server);
	const struct agent_mcp_server_options options = { .cancel_fd = ends[0] };
	assert_int_equal(agent_mcp_server_create(&play.entry, &options, &play.server, &play.why),
			CUA_OK);
	mcp_play_list(&play);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(mcp_play_call(&play, NULL, text, sizeof(text), &is_uncertain),
			CUA_ERR_CANCELLED);
	mcp_play_end(&play);
	close(ends[0]);
	close(ends[1]);
}

/* --- the sandbox --- */

static void it_sees_what_its_entry_names(void **state)
{
	(void)state;
	char port[16];
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	CUA_AUTO_FD int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	snprintf(port, sizeof(port), "%d", ntohs(address.sin_port));
	for (int i = 0; i < 2; i++) {
		struct mcp_play play;
		mcp_play_begin(&play, "looks");
		play.argv[3] = port;
		play.entry.has_network = i == 1;
		mcp_play_list(&play);
		mcp_play_expect(&play,
				i == 0 ? "network no, system read-only, home own, state hidden"
				       : "network yes, system read-only, home own, state hidden");
		mcp_play_end(&play);
	}
}

static bool are_gone(void *token)
{
	return mcp_play_count(token) == 0;
}

static void it_ends_with_a_caller_that_is_killed(void **state)
{
	(void)state;
	struct mcp_play play;
	int told[2];
	char byte;
	mcp_play_begin(&play, "forks");
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	const pid_t caller = fork();
	assert_true(caller >= 0);
	if (caller == 0) {
		(void)!write(told[1], mcp_play_try_list(&play) == CUA_OK ? "y" : "n", 1);
		for (;;) {
			pause();
		}
	}
	assert_int_equal(read(told[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	assert_true(mcp_play_count(play.token) > 4);
	assert_int_equal(kill(caller, SIGKILL), 0);
	assert_int_equal(waitpid(caller, NULL, 0), caller);
	wait_until(are_gone, play.token, "the end of the server");
	mcp_play_end(&play);
	close(told[0]);
	close(told[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_revision_is_found_out),
		cmocka_unit_test(what_cannot_start_is_told),
		cmocka_unit_test(a_program_that_is_not_there_is_told),
		cmocka_unit_test(tools_that_cannot_be_taken_are_dropped),
		cmocka_unit_test(pages_are_read_to_their_end),
		cmocka_unit_test(a_list_is_bounded_in_all),
		cmocka_unit_test(a_server_that_comes_back_as_another_is_not_called),
		cmocka_unit_test(a_call_that_fails_is_told_and_the_next_goes_well),
		cmocka_unit_test(a_server_that_only_talks_is_given_up),
		cmocka_unit_test(what_is_only_bad_manners_is_borne),
		cmocka_unit_test(progress_is_told_in_plain_words),
		cmocka_unit_test(a_server_that_hangs_twice_is_started_again),
		cmocka_unit_test(a_dead_server_is_started_again),
		cmocka_unit_test(stubborn_servers_end_with_all_they_forked),
		cmocka_unit_test(a_call_can_be_cancelled),
		cmocka_unit_test(it_sees_what_its_entry_names),
		cmocka_unit_test(it_ends_with_a_caller_that_is_killed),
	};
	signal(SIGPIPE, SIG_IGN);
	char state_dir[] = "/tmp/cua-test-mcp-XXXXXX";
	if (sodium_init() < 0 || !mkdtemp(state_dir) || chmod(state_dir, 0711) != 0) {
		return 1;
	}
	setenv("CUA_STATE_DIR", state_dir, 1);
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return cua_remove_tree(state_dir, NULL) == CUA_OK ? failed : 1;
}

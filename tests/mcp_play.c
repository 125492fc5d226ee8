#include "tests/mcp_play.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/processes.h"

#define PROBE_MS 500
#define CALL_MS 700
#define PATIENT_MS 60000

void mcp_play_begin_with(struct mcp_play *play, const char *mode,
		const struct agent_mcp_server_options *options)
{
	static int count;
	*play = (struct mcp_play){ .argv = { (char *)(uintptr_t)CUA_TEST_BAD_SERVER,
						   (char *)(uintptr_t)mode } };
	snprintf(play->token, sizeof(play->token), "token-%d-%d-", (int)getpid(), count++);
	play->argv[2] = play->token;
	play->entry = (struct agent_mcp_entry){ .name = "bad",
		.argv = play->argv,
		.env = play->none,
		.folders = { { (char *)(uintptr_t)CUA_TEST_BAD_SERVER,
				(char *)(uintptr_t)CUA_TEST_BAD_SERVER, false } },
		.folder_count = 1 };
	assert_int_equal(agent_mcp_server_create(&play->entry, options, &play->server, &play->why),
			CUA_OK);
}

void mcp_play_begin_within(struct mcp_play *play, const char *mode, int init_ms)
{
	const struct agent_mcp_server_options options = { .cancel_fd = -1,
		.init_ms = init_ms,
		.probe_ms = PROBE_MS,
		.call_ms = PATIENT_MS,
		.call_max_ms = PATIENT_MS };
	mcp_play_begin_with(play, mode, &options);
}

void mcp_play_begin_impatient(struct mcp_play *play, const char *mode)
{
	const struct agent_mcp_server_options options = { .cancel_fd = -1,
		.init_ms = PATIENT_MS,
		.probe_ms = PATIENT_MS / 2,
		.call_ms = CALL_MS,
		.call_max_ms = MCP_PLAY_CALL_MAX_MS };
	mcp_play_begin_with(play, mode, &options);
}

void mcp_play_begin(struct mcp_play *play, const char *mode)
{
	const struct agent_mcp_server_options options = { .cancel_fd = -1,
		.init_ms = PATIENT_MS,
		.probe_ms = PATIENT_MS / 2,
		.call_ms = PATIENT_MS,
		.call_max_ms = PATIENT_MS };
	mcp_play_begin_with(play, mode, &options);
}

int mcp_play_count(const char *token)
{
	DIR *proc = opendir("/proc");
	int count = 0;
	assert_non_null(proc);
	for (pid_t pid; (pid = next_process(proc)) > 0;) {
		char path[64], line[4096];
		snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
		CUA_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
		const ssize_t len = fd < 0 ? -1 : read(fd, line, sizeof(line));
		count += len > 0 && memmem(line, (size_t)len, token, strlen(token)) != NULL;
	}
	closedir(proc);
	return count;
}

void mcp_play_end(struct mcp_play *play)
{
	const uint64_t begun_us = cua_now_us();
	agent_mcp_server_destroy(play->server);
	assert_in_range((cua_now_us() - begun_us) / 1000, 0, MCP_PLAY_LATE_MS);
	assert_int_equal(mcp_play_count(play->token), 0);
}

enum cua_status mcp_play_try_list(struct mcp_play *play)
{
	return agent_mcp_server_tools(play->server, &play->tools, &play->why);
}

void mcp_play_list(struct mcp_play *play)
{
	if (mcp_play_try_list(play) != CUA_OK) {
		fail_msg("%s", play->why.msg);
	}
}

enum cua_status mcp_play_call(struct mcp_play *play, const char *arguments, char *text, size_t size,
		bool *ret_uncertain)
{
	CUA_AUTO_JSON cJSON *result = NULL;
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(arguments ? arguments : "{}");
	enum cua_status status = agent_mcp_server_call(play->server, &play->tools->list[0], json,
			&result, ret_uncertain, &play->why);
	const cJSON *content = cua_json_member(result, "content");
	snprintf(text, size, "%s", cua_json_text(cJSON_GetArrayItem(content, 0), "text"));
	return status;
}

void mcp_play_expect(struct mcp_play *play, const char *expected)
{
	char text[200];
	bool is_uncertain = false;
	if (mcp_play_call(play, NULL, text, sizeof(text), &is_uncertain) != CUA_OK) {
		fail_msg("%s", play->why.msg);
	}
	assert_string_equal(text, expected);
}

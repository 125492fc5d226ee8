#include "tests/mcp_core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/json_path.h"

/* --- tools --- */

/* Until it is cancelled. */
static enum cua_status wait_for_end(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	struct pollfd cancelled = { .fd = call->cancel_fd, .events = POLLIN };
	(void)result;
	assert_int_equal(poll(&cancelled, 1, 20000), 1);
	return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "cancelled");
}

static enum cua_status repeat(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	(void)err;
	mcp_serve_add_structured(result, cJSON_Duplicate(call->arguments, true));
	return CUA_OK;
}

/* Asks the person, and says what they said. */
static enum cua_status ask(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *said = NULL;
	enum cua_status status = mcp_serve_elicit(call, result, "answer", "How many?",
			cJSON_Parse("{\"type\":\"object\",\"properties\":{\"n\":{\"type\":"
				    "\"integer\"}}}"),
			&said, err);
	if (said) {
		mcp_serve_add_structured(result, cJSON_Duplicate(said, true));
	}
	return status;
}

static cJSON *any_object(void)
{
	return cJSON_Parse("{\"type\":\"object\",\"properties\":{}}");
}

enum cua_status mcp_core_no_desktop(const char *wanted, struct mcp_serve_desktop *ret_desktop,
		void *user_data, struct cua_error *err)
{
	(void)ret_desktop;
	(void)user_data;
	return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "no desktop \"%s\"", wanted ? wanted : "");
}

/* Asks the model, and says what it said. */
static enum cua_status ask_model(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	CUA_AUTO_FREE char *text = NULL;
	enum cua_status status = mcp_serve_sample(
			call, result, "words", cJSON_Parse("{\"maxTokens\":10}"), &text, err);
	if (text) {
		mcp_serve_add_text(result, text);
	}
	return status;
}

/* --- a server --- */

static void begin_with(const struct mcp_serve_options *options)
{
	static const struct mcp_serve_tool tools[] = {
		{ .name = "wait_for_end", .help = "waits", .run = wait_for_end },
		{ .name = "repeat", .help = "repeats", .run = repeat },
		{ .name = "ask", .help = "asks", .run = ask },
		{ .name = "ask_model",
				.help = "asks the model",
				.needs = "sampling",
				.run = ask_model },
	};
	assert_int_equal(mcp_serve_create(options, &mcp_serve, NULL), CUA_OK);
	for (size_t i = 0; i < CUA_ARRAY_LEN(tools); i++) {
		assert_int_equal(
				mcp_serve_add(mcp_serve, &tools[i], any_object(),
						tools[i].run == repeat ? any_object() : NULL, NULL),
				CUA_OK);
	}
	assert_int_equal(mcp_serve_session_create(mcp_serve, NULL, &mcp_session, NULL), CUA_OK);
}

int mcp_core_begin(void **state)
{
	(void)state;
	const struct mcp_serve_options options = { .open_desktop = mcp_core_no_desktop };
	begin_with(&options);
	return 0;
}

int mcp_core_finish(void **state)
{
	(void)state;
	mcp_serve_session_destroy(mcp_session);
	mcp_serve_destroy(mcp_serve);
	mcp_forget();
	return 0;
}

void mcp_core_begin_again(const struct mcp_serve_options *options)
{
	mcp_core_finish(NULL);
	begin_with(options);
}

/* --- a client --- */

const cJSON *mcp_core_list_of(const char *revision)
{
	char hello[300];
	snprintf(hello, sizeof(hello), HELLO("%s"), revision);
	(void)mcp_say(hello);
	return json_at(mcp_say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}"),
			"result.tools");
}

const cJSON *mcp_core_tool_in(const cJSON *tools, const char *name)
{
	const cJSON *tool = NULL;
	cJSON_ArrayForEach (tool, tools) {
		if (strcmp(cua_json_text(tool, "name"), name) == 0) {
			return tool;
		}
	}
	return NULL;
}

static void *run_call(void *call)
{
	(void)mcp_serve_call_run(call);
	return NULL;
}

struct mcp_serve_call *mcp_core_start_call(const char *text, pthread_t *ret_thread)
{
	int code = 0;
	struct mcp_serve_call *call = mcp_say_text(text, strlen(text), &code);
	assert_non_null(call);
	assert_int_equal(pthread_create(ret_thread, NULL, run_call, call), 0);
	return call;
}

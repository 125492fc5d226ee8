#include "tests/mcp_say.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/json_path.h"

#define AWAIT_S 60

struct mcp_serve *mcp_serve;
struct mcp_serve_session *mcp_session;
cJSON *mcp_heard[64]; /* owned */
size_t mcp_heard_count;
char mcp_last_heard[256]; /* its beginning, as it came */
static pthread_mutex_t heard_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t heard_more = PTHREAD_COND_INITIALIZER;

static void hear(const char *text, size_t len, void *user_data)
{
	(void)user_data;
	assert_int_equal(strlen(text), len);
	assert_null(strchr(text, '\n'));
	cJSON *message = cJSON_Parse(text);
	assert_non_null(message);
	pthread_mutex_lock(&heard_mutex);
	assert_true(mcp_heard_count < CUA_ARRAY_LEN(mcp_heard));
	mcp_heard[mcp_heard_count++] = message;
	snprintf(mcp_last_heard, sizeof(mcp_last_heard), "%s", text);
	pthread_cond_broadcast(&heard_more);
	pthread_mutex_unlock(&heard_mutex);
}

size_t mcp_count_heard(void)
{
	pthread_mutex_lock(&heard_mutex);
	const size_t count = mcp_heard_count;
	pthread_mutex_unlock(&heard_mutex);
	return count;
}

void mcp_await_heard(size_t count)
{
	struct timespec deadline;
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += AWAIT_S;
	pthread_mutex_lock(&heard_mutex);
	while (mcp_heard_count < count) {
		if (pthread_cond_timedwait(&heard_more, &heard_mutex, &deadline) == ETIMEDOUT) {
			fail_msg("message %zu was not heard in time", count);
		}
	}
	pthread_mutex_unlock(&heard_mutex);
}

const struct mcp_serve_out mcp_say_out = { hear, NULL };

struct mcp_serve_call *mcp_say_text(const char *text, size_t len, int *ret_code)
{
	struct mcp_serve_message message;
	struct mcp_serve_call *call = NULL;
	*ret_code = mcp_serve_read(text, len, &message, &mcp_say_out);
	if (*ret_code == 0) {
		*ret_code = mcp_serve_handle(mcp_session, &message, &mcp_say_out, &call);
		mcp_serve_message_finish(&message);
	}
	return call;
}

const cJSON *mcp_say(const char *text)
{
	int code = 0;
	const size_t before = mcp_count_heard();
	struct mcp_serve_call *call = mcp_say_text(text, strlen(text), &code);
	if (call) {
		code = mcp_serve_call_run(call);
		mcp_serve_call_destroy(call);
	}
	const size_t after = mcp_count_heard();
	const cJSON *last = after > before ? mcp_heard[after - 1] : NULL;
	assert_int_equal(code, last ? cua_json_int(cua_json_member(last, "error"), "code") : 0);
	return last;
}

void mcp_expect_error(const char *text, int code, const char *words)
{
	const cJSON *answer = mcp_say(text);
	if (json_number(answer, "error.code") != code ||
			!strstr(json_text(answer, "error.message"), words)) {
		CUA_AUTO_FREE char *printed = cJSON_Print(answer);
		fail_msg("%s\nanswered %s\nand not %d %s", text, printed ? printed : "nothing",
				code, words);
	}
}

void mcp_forget(void)
{
	while (mcp_heard_count > 0) {
		cJSON_Delete(mcp_heard[--mcp_heard_count]);
	}
}

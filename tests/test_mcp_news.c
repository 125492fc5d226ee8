#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_http.h"
#include "tests/json_path.h"
#include "tests/mcp_core.h"

/* News of resources: who subscribes in which revision, what is told, and when it ends. */

#define SAY(id, method, params) \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":{" params "}}"
#define OLD "2025-11-25"

/* --- resources whose news the test makes --- */

static int changed_fds[2]; /* the end that is written to, of the last that was opened of each */

static int watch_pipe(const struct mcp_serve_resource *resource, const struct mcp_serve *serve,
		const void *client, const char *variable, struct cua_error *err)
{
	int ends[2];
	int *changed = &changed_fds[resource->subject != NULL];
	(void)serve;
	(void)client;
	(void)variable;
	(void)err;
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	cua_closep(changed);
	*changed = ends[1];
	return ends[0];
}

/* Of which there never is any. */
static int watch_nothing(const struct mcp_serve_resource *resource, const struct mcp_serve *serve,
		const void *client, const char *variable, struct cua_error *err)
{
	(void)resource;
	(void)serve;
	(void)client;
	(void)variable;
	(void)err;
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static enum cua_status read_none(struct mcp_serve_call *call,
		const struct mcp_serve_resource *resource, const char *variable, cJSON *content,
		struct cua_error *err)
{
	(void)call;
	(void)resource;
	(void)variable;
	(void)err;
	cJSON_AddStringToObject(content, "text", "");
	return CUA_OK;
}

static const struct mcp_serve_resource resources[] = {
	{ .uri = "test://one", .name = "one", .read = read_none, .watch = watch_pipe },
	{ .uri = "test://two",
			.name = "two",
			.read = read_none,
			.watch = watch_pipe,
			.subject = "two" },
	{ .uri = "test://still", .name = "still", .read = read_none },
	{ .uri = "test://many/{n}", .name = "many", .read = read_none, .watch = watch_nothing },
};

static int begin(void **state)
{
	changed_fds[0] = changed_fds[1] = -1;
	mcp_core_begin(state);
	for (size_t i = 0; i < CUA_ARRAY_LEN(resources); i++) {
		assert_int_equal(mcp_serve_add_resource(mcp_serve, &resources[i], NULL), CUA_OK);
	}
	return 0;
}

static int finish(void **state)
{
	mcp_core_finish(state);
	cua_closep(&changed_fds[0]);
	cua_closep(&changed_fds[1]);
	return 0;
}

static void change(int which)
{
	assert_int_equal(write(changed_fds[which], "x", 1), 1);
}

/* What is heard next, of which there were so many before. */
static const cJSON *await_next(size_t before)
{
	mcp_await_heard(before + 1);
	return mcp_heard[before];
}

static void expect_updated(size_t before, const char *uri)
{
	const cJSON *told = await_next(before);
	assert_string_equal(json_text(told, "method"), "notifications/resources/updated");
	assert_string_equal(json_text(told, "params.uri"), uri);
}

/* --- a handshake, and one stream --- */

/* Answered at once, whatever it goes on with. */
static struct mcp_serve_call *subscribe(const char *uri, pthread_t *ret_thread)
{
	char text[200];
	const size_t before = mcp_count_heard();
	snprintf(text, sizeof(text), SAY("1", "resources/subscribe", "\"uri\":\"%s\""), uri);
	struct mcp_serve_call *call = mcp_core_start_call(text, ret_thread);
	assert_non_null(json_at(await_next(before), "result"));
	return call;
}

static void end_call(struct mcp_serve_call *call, pthread_t thread)
{
	pthread_join(thread, NULL);
	mcp_serve_call_destroy(call);
}

static void a_session_hears_what_it_has_subscribed_to(void **state)
{
	pthread_t threads[2];
	(void)state;
	assert_true(cJSON_IsTrue(json_at(mcp_say(HELLO(OLD)),
			"result.capabilities.resources."
			"subscribe")));
	struct mcp_serve_call *first = subscribe("test://one", &threads[0]);
	struct mcp_serve_call *second = subscribe("test://two", &threads[1]);
	end_call(second, threads[1]); /* the first tells of both */
	size_t before = mcp_count_heard();
	change(1);
	expect_updated(before, "test://two");
	change(0);
	expect_updated(before + 1, "test://one");
	/* An id that is answered is free again, and no order to end what goes on. */
	assert_null(mcp_say("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
			    "\"params\":{\"requestId\":1}}"));
	(void)mcp_say(SAY("1", "resources/unsubscribe", "\"uri\":\"test://two\""));
	before = mcp_count_heard();
	change(0);
	expect_updated(before, "test://one");
	/* With the last it ends. */
	(void)mcp_say(SAY("2", "resources/unsubscribe", "\"uri\":\"test://one\""));
	(void)mcp_say(SAY("2", "resources/unsubscribe", "\"uri\":\"test://one\""));
	end_call(first, threads[0]);
}

static void what_changes_all_the_time_is_told_once_a_second(void **state)
{
	pthread_t thread;
	(void)state;
	(void)mcp_say(HELLO(OLD));
	struct mcp_serve_call *call = subscribe("test://one", &thread);
	const size_t before = mcp_count_heard();
	const uint64_t began_us = cua_now_us();
	change(0);
	expect_updated(before, "test://one");
	for (int i = 0; i < 100; i++) {
		change(0);
	}
	expect_updated(before + 1, "test://one"); /* the last of them is not lost */
	assert_true(cua_now_us() - began_us >= 990000);
	mcp_serve_end_watching(mcp_serve);
	end_call(call, thread);
	assert_int_equal(mcp_count_heard(), before + 2);
}

/* The desktop ends, and there is another by the next call. */
static void what_was_gone_is_looked_for_again(void **state)
{
	pthread_t thread;
	(void)state;
	(void)mcp_say(HELLO(OLD));
	struct mcp_serve_call *call = subscribe("test://one", &thread);
	const size_t before = mcp_count_heard();
	change(0);
	expect_updated(before, "test://one");
	cua_closep(&changed_fds[0]);
	expect_updated(before + 1, "test://one");
	mcp_serve_watches_look(mcp_serve);
	expect_updated(before + 2, "test://one");
	mcp_serve_session_cancel(mcp_session);
	end_call(call, thread);
}

static void what_cannot_be_subscribed_to_is_told(void **state)
{
	(void)state;
	pthread_t thread;
	(void)mcp_say(HELLO(OLD));
	mcp_expect_error(SAY("1", "resources/subscribe", "\"uri\":\"test://none\""), -32002,
			"no resource");
	mcp_expect_error(SAY("1", "resources/subscribe", "\"uri\":\"test://still\""), -32602,
			"nothing is told");
	mcp_expect_error(SAY("1", "resources/subscribe", "\"uri\":7"), -32602, "uri");
	mcp_expect_error(SAY("1", "resources/unsubscribe", "\"u\":7"), -32602, "uri");
	mcp_expect_error(SAY("1", "subscriptions/listen", "\"notifications\":{}"), -32601, "");
	struct mcp_serve_call *call = subscribe("test://one", &thread);
	char text[200];
	for (int i = 1; i < 16; i++) {
		snprintf(text, sizeof(text),
				SAY("2", "resources/subscribe", "\"uri\":\"test://many/%d\""), i);
		assert_non_null(json_at(mcp_say(text), "result"));
	}
	mcp_expect_error(SAY("2", "resources/subscribe", "\"uri\":\"test://many/16\""), -32603,
			"16 resources");
	assert_non_null(json_at(mcp_say(SAY("2", "resources/subscribe", "\"uri\":\"test://one\"")),
			"result"));
	mcp_serve_session_cancel(mcp_session);
	end_call(call, thread);
}

/* --- the newest revision --- */

static void who_listens_is_told_what_is_agreed_to(void **state)
{
	pthread_t thread;
	(void)state;
	const size_t before = mcp_count_heard();
	struct mcp_serve_call *call = mcp_core_start_call(
			SAY("\"L\"", "subscriptions/listen",
					"\"notifications\":{\"toolsListChanged\":true,"
					"\"resourceSubscriptions\":[\"test://one\",\"test://none\","
					"\"test://still\"]}," MODERN),
			&thread);
	assert_true(mcp_serve_call_is_long(call));
	const cJSON *agreed = await_next(before);
	assert_string_equal(json_text(agreed, "method"),
			"notifications/subscriptions/"
			"acknowledged");
	const cJSON *uris = json_at(agreed, "params.notifications.resourceSubscriptions");
	assert_int_equal(cJSON_GetArraySize(uris), 1);
	assert_string_equal(cJSON_GetArrayItem(uris, 0)->valuestring, "test://one");
	assert_null(json_at(agreed, "params.notifications.toolsListChanged"));
	change(0);
	expect_updated(before + 1, "test://one");
	for (size_t i = before; i < before + 2; i++) {
		assert_string_equal(cua_json_text(json_at(mcp_heard[i], "params._meta"),
						    "io.modelcontextprotocol/subscriptionId"),
				"L");
	}
	mcp_serve_end_watching(mcp_serve);
	end_call(call, thread);
	const cJSON *end = mcp_heard[mcp_count_heard() - 1];
	assert_string_equal(json_text(end, "result.resultType"), "complete");
	assert_string_equal(cua_json_text(json_at(end, "result._meta"),
					    "io.modelcontextprotocol/subscriptionId"),
			"L");
	mcp_expect_error(SAY("1", "subscriptions/listen", MODERN), -32602, "notifications");
	mcp_expect_error(SAY("1", "subscriptions/listen",
					 "\"notifications\":{\"resourceSubscriptions\":[7]}"
					 "," MODERN),
			-32602, "strings");
}

static void who_listens_and_leaves_hears_nothing_more(void **state)
{
	pthread_t thread;
	(void)state;
	struct mcp_serve_call *call = mcp_core_start_call(
			SAY("3", "subscriptions/listen", "\"notifications\":{}," MODERN), &thread);
	mcp_await_heard(1);
	assert_null(mcp_say("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
			    "\"params\":{\"requestId\":3," MODERN "}}"));
	end_call(call, thread);
	assert_int_equal(mcp_count_heard(), 1);
}

/* --- a handshake over HTTP --- */

static const char *find_header(const char *name, void *user_data)
{
	return strcmp(name, "accept") == 0                    ? "text/event-stream"
			: strcmp(name, "mcp-session-id") == 0 ? user_data
							      : NULL;
}

/* A session of its own, as each POST and each GET has one. */
static struct mcp_serve_session *session_of(const char *id, const char *revision)
{
	struct mcp_serve_session *session = NULL;
	assert_int_equal(mcp_serve_session_create(mcp_serve, revision, &session, NULL), CUA_OK);
	if (id) {
		assert_true(mcp_serve_session_resume(session, id));
	}
	return session;
}

static void post(const char *id, const char *text)
{
	struct mcp_serve_session *whole = mcp_session;
	mcp_session = session_of(id, OLD);
	assert_non_null(json_at(mcp_say(text), "result"));
	mcp_serve_session_destroy(mcp_session);
	mcp_session = whole;
}

static void *run(void *call)
{
	(void)mcp_serve_call_run(call);
	return NULL;
}

static void news_over_http_come_on_the_stream_of_a_get(void **state)
{
	pthread_t thread;
	struct mcp_serve_call *call = NULL, *other = NULL;
	(void)state;
	(void)mcp_say(HELLO(OLD));
	CUA_AUTO_FREE char *id = mcp_serve_session_id(mcp_session);
	const struct mcp_serve_headers headers = { find_header, id },
				       without = { find_header, NULL },
				       wrong = { find_header, (void *)(uintptr_t) "x" };
	struct mcp_serve_session *get = session_of(NULL, NULL), *second = session_of(NULL, NULL);
	/* What is subscribed to before the stream is there is not lost. */
	post(id, SAY("1", "resources/subscribe", "\"uri\":\"test://one\""));
	size_t before = mcp_count_heard();
	change(0);
	assert_int_equal(mcp_serve_http_listen(get, &headers, &mcp_say_out, &call), 200);
	assert_int_equal(pthread_create(&thread, NULL, run, call), 0);
	expect_updated(before, "test://one");
	assert_int_equal(mcp_serve_http_listen(second, &headers, &mcp_say_out, &other), 409);
	assert_int_equal(mcp_serve_http_listen(second, &without, &mcp_say_out, &other), 405);
	assert_int_equal(mcp_serve_http_listen(second, &wrong, &mcp_say_out, &other), 404);
	post(id, SAY("1", "resources/subscribe", "\"uri\":\"test://two\""));
	before = mcp_count_heard();
	change(1);
	expect_updated(before, "test://two");
	post(id, SAY("1", "resources/unsubscribe", "\"uri\":\"test://two\""));
	/* Who loses the stream, and comes again, goes on with what it has subscribed to. */
	mcp_serve_call_cancel(call);
	end_call(call, thread);
	change(0);
	before = mcp_count_heard();
	assert_int_equal(mcp_serve_http_listen(second, &headers, &mcp_say_out, &call), 200);
	assert_int_equal(pthread_create(&thread, NULL, run, call), 0);
	expect_updated(before, "test://one");
	mcp_serve_call_cancel(call);
	end_call(call, thread);
	mcp_serve_session_destroy(get);
	mcp_serve_session_destroy(second);
}

static void without_a_session_there_is_nowhere_to_tell(void **state)
{
	(void)state;
	struct mcp_serve_session *whole = mcp_session;
	mcp_session = session_of(NULL, OLD);
	mcp_expect_error(SAY("1", "resources/subscribe", "\"uri\":\"test://one\""), -32602,
			"Mcp-Session-Id");
	mcp_expect_error(SAY("1", "resources/unsubscribe", "\"uri\":\"test://one\""), -32602,
			"Mcp-Session-Id");
	mcp_serve_session_destroy(mcp_session);
	mcp_session = whole;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_session_hears_what_it_has_subscribed_to),
		TEST(what_changes_all_the_time_is_told_once_a_second),
		TEST(what_was_gone_is_looked_for_again),
		TEST(what_cannot_be_subscribed_to_is_told),
		TEST(who_listens_is_told_what_is_agreed_to),
		TEST(who_listens_and_leaves_hears_nothing_more),
		TEST(news_over_http_come_on_the_stream_of_a_get),
		TEST(without_a_session_there_is_nowhere_to_tell),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

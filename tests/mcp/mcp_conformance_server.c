/* The core of the MCP server with the tools that the official conformance suite looks for, and what
 * it says of HTTP. conformance_bridge.mjs puts it behind a URL: it sends each POST and GET as a
 * line, {"number", "port", "method", "headers", "body"}, and {"number", "gone"} once its client has
 * hung up. It gets a line back for each message, {"number", "message"}, and one {"number",
 * "status", "session"}: the last, but of a stream, where it is the first, and the last is
 * {"number", "end"}. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <sodium.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_http.h"
#include "cua/server/gate.h"
#include "tests/mcp/mcp_conformance_fixtures.h"

/* No sound at all. */
#define WAV "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA="

static cJSON *add_block(struct mcp_serve_result *result, const char *json)
{
	cJSON *block = cJSON_Parse(json);
	if (!result->content) {
		result->content = cJSON_CreateArray();
	}
	cJSON_AddItemToArray(result->content, block);
	return block;
}

/* subject: the blocks of its answer, a line each. */
static enum cua_status say(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	CUA_AUTO_FREE char *blocks = strdup(call->tool->subject);
	char *rest = NULL;
	(void)err;
	for (char *block = strtok_r(blocks, "\n", &rest); block;
			block = strtok_r(NULL, "\n", &rest)) {
		add_block(result, block);
	}
	return CUA_OK;
}

static enum cua_status fail(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	(void)call;
	(void)result;
	return CUA_FAIL(err, CUA_ERR_APP, 0,
			"This tool intentionally returns an error for testing");
}

/* The progress that ours tell of is time; this is what the suite wants to hear. */
static enum cua_status progress(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	(void)err;
	for (int done = 0; call->progress_token && done <= 100; done += 50) {
		cJSON *params = cJSON_CreateObject();
		cJSON_AddItemToObject(
				params, "progressToken", mcp_serve_copy_id(call->progress_token));
		cJSON_AddNumberToObject(params, "progress", done);
		cJSON_AddNumberToObject(params, "total", 100);
		mcp_serve_notify(&call->out, "notifications/progress", params);
	}
	mcp_serve_add_text(result, "done");
	return CUA_OK;
}

static enum cua_status ask_name(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *said = NULL;
	char words[200];
	enum cua_status status = mcp_serve_elicit(call, result, "user_name", "What is your name?",
			cJSON_Parse("{\"type\":\"object\",\"properties\":{\"name\":{\"type\":"
				    "\"string\"}},\"required\":[\"name\"]}"),
			&said, err);
	if (said) {
		snprintf(words, sizeof(words), "Hello, %s!", cua_json_text(said, "name"));
		mcp_serve_add_text(result, words);
	}
	return status;
}

/* params of the suite's questions to a model. */
static cJSON *question_of(const char *words, int max_tokens)
{
	cJSON *params = cJSON_CreateObject(), *text = cJSON_CreateObject();
	cJSON_AddStringToObject(text, "type", "text");
	cJSON_AddStringToObject(text, "text", words);
	mcp_serve_add_said(params, text);
	cJSON_AddNumberToObject(params, "maxTokens", max_tokens);
	return params;
}

static enum cua_status ask_model(struct mcp_serve_call *call, struct mcp_serve_result *result,
		const char *key, const char *words, struct cua_error *err)
{
	CUA_AUTO_FREE char *text = NULL;
	char answer[200];
	enum cua_status status =
			mcp_serve_sample(call, result, key, question_of(words, 100), &text, err);
	if (text) {
		snprintf(answer, sizeof(answer), "LLM response: %s", text);
		mcp_serve_add_text(result, answer);
	}
	return status;
}

static enum cua_status sample(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	return ask_model(call, result, "answer", cua_json_text(call->arguments, "prompt"), err);
}

/* What the client can is asked: its model, or its user. */
static enum cua_status ask_capital(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	return mcp_serve_can_sample(call) ? ask_model(call, result, "capital_question",
							    "What is the capital of France?", err)
					  : ask_name(call, result, err);
}

/* Nothing of ours asks for folders. */
static enum cua_status list_roots(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	const cJSON *said = cua_json_member(call->inputs, "client_roots");
	(void)err;
	if (said) {
		mcp_serve_add_structured(result, cJSON_Duplicate(said, true));
	} else {
		result->input_requests = cJSON_Parse("{\"client_roots\":{\"method\":\"roots/list\","
						     "\"params\":{}}}");
	}
	return CUA_OK;
}

#define TEXT(words) "{\"type\":\"text\",\"text\":\"" words "\"}"
#define IMAGE "{\"type\":\"image\",\"mimeType\":\"image/png\",\"data\":\"" FIXTURE_PNG "\"}"
#define RESOURCE(uri, media_type, text) \
	"{\"type\":\"resource\",\"resource\":{\"uri\":\"" uri "\",\"mimeType\":\"" media_type \
	"\",\"text\":\"" text "\"}}"

static const struct mcp_serve_tool fixtures[] = {
	{ .name = "test_simple_text",
			.run = say,
			.subject = TEXT("This is a simple text response for testing.") },
	{ .name = "test_image_content", .run = say, .subject = IMAGE },
	{ .name = "test_audio_content",
			.run = say,
			.subject = "{\"type\":\"audio\",\"mimeType\":\"audio/wav\",\"data\":\"" WAV
				   "\"}" },
	{ .name = "test_embedded_resource",
			.run = say,
			.subject = RESOURCE("test://embedded-resource", "text/plain",
					"This is an embedded resource content.") },
	{ .name = "test_multiple_content_types",
			.run = say,
			.subject = TEXT("Multiple content types test:") "\n" IMAGE "\n" RESOURCE(
					"test://mixed-content-resource", "application/json",
					"{}") },
	{ .name = "test_error_handling", .run = fail },
	{ .name = "test_tool_with_progress", .run = progress },
	{ .name = "test_input_required_result_elicitation", .run = ask_name },
	{ .name = "test_input_required_result_capabilities", .run = ask_capital },
	{ .name = "test_input_required_result_sampling", .run = ask_capital },
	{ .name = "test_sampling", .run = sample },
	{ .name = "test_input_required_result_list_roots", .run = list_roots },
	{ .name = "test_logging_tool", .run = say, .subject = TEXT("done") },
	{ .name = "test_streaming_elicitation", .run = say, .subject = TEXT("done") },
};

static const char schema_2020_12[] =
		"{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","
		"\"$defs\":{\"address\":{\"$anchor\":\"addressDef\",\"type\":\"object\","
		"\"properties\":{"
		"\"street\":{\"type\":\"string\"},\"city\":{\"type\":\"string\"}}}},\"properties\":"
		"{"
		"\"name\":{\"type\":\"string\"},\"address\":{\"$ref\":\"#/$defs/address\"},"
		"\"contactMethod\":{\"type\":\"string\",\"enum\":[\"phone\",\"email\"]},\"phone\":"
		"{\"type\":\"string\"},\"email\":{\"type\":\"string\"}},\"allOf\":[{\"anyOf\":[{"
		"\"required\":[\"phone\"]},{\"required\":[\"email\"]}]}],\"if\":{\"properties\":{"
		"\"contactMethod\":{\"const\":\"phone\"}},\"required\":[\"contactMethod\"]},"
		"\"then\":{"
		"\"required\":[\"phone\"]},\"else\":{\"required\":[\"email\"]},"
		"\"additionalProperties\":false}";

static enum cua_status no_desktop(const char *wanted, struct mcp_serve_desktop *ret_desktop,
		void *user_data, struct cua_error *err)
{
	(void)wanted;
	(void)ret_desktop;
	(void)user_data;
	return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "no desktop");
}

static enum cua_status add_fixtures(struct mcp_serve *serve, struct cua_error *err)
{
	serve->resource_count = 0; /* ours are of a desktop, and there is none */
	const struct mcp_serve_tool schema = { .name = "json_schema_2020_12_tool",
		.help = "has a schema with everything",
		.run = say,
		.subject = TEXT("done") };
	enum cua_status status =
			mcp_serve_add(serve, &schema, cJSON_Parse(schema_2020_12), NULL, err);
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(fixtures); i++) {
		struct mcp_serve_tool tool = fixtures[i];
		tool.help = "what the conformance suite looks for";
		status = mcp_serve_add(serve, &tool,
				cJSON_Parse("{\"type\":\"object\",\"properties\":{}}"), NULL, err);
	}
	return status == CUA_OK ? fixtures_add_more(serve, err) : status;
}

/* --- a POST --- */

static const char *find_header(const char *name, void *headers)
{
	return cua_json_string(headers, name);
}

struct post {
	struct mcp_serve *serve;
	cJSON *json;   /* owned */
	char *session; /* owned; NULL: none is given */
	LIST_ENTRY(post) link;
	struct mcp_serve_call *call; /* with the mutex; NULL: none runs */
};

static LIST_HEAD(, post) posts = LIST_HEAD_INITIALIZER(posts);
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* of the list */

static int number_of(const struct post *post)
{
	return cua_json_int(post->json, "number");
}

static void emit(const char *text, size_t len, void *user_data)
{
	const struct post *post = user_data;
	printf("{\"number\":%d,\"message\":%.*s}\n", number_of(post), (int)len, text);
	fflush(stdout);
}

/* Host and Origin, as cua serve checks them on all that it has. */
static bool is_let_in(const struct post *post)
{
	const cJSON *headers = cua_json_member(post->json, "headers");
	const struct gate_request request = { .method = cua_json_text(post->json, "method"),
		.host = cua_json_text(headers, "host"),
		.origin = cua_json_text(headers, "origin"),
		.fetch_site = cua_json_text(headers, "sec-fetch-site"),
		.fetch_mode = cua_json_text(headers, "sec-fetch-mode") };
	struct gate gate;
	gate_init(&gate, "127.0.0.1", cua_json_int(post->json, "port"), false);
	return gate_check(&gate, &request) == GATE_OPEN;
}

/* Until its end, or its client's; its code. */
static int run(struct post *post, struct mcp_serve_call *call)
{
	pthread_mutex_lock(&mutex);
	post->call = call;
	LIST_INSERT_HEAD(&posts, post, link);
	pthread_mutex_unlock(&mutex);
	const int code = mcp_serve_call_run(call);
	pthread_mutex_lock(&mutex);
	LIST_REMOVE(post, link);
	pthread_mutex_unlock(&mutex);
	mcp_serve_call_destroy(call);
	return code;
}

/* What a client waits for that has hung up. */
static void cancel(int number)
{
	struct post *post = NULL;
	pthread_mutex_lock(&mutex);
	LIST_FOREACH(post, &posts, link)
	{
		if (number_of(post) == number && mcp_serve_call_is_long(post->call)) {
			mcp_serve_call_cancel(post->call);
		}
	}
	pthread_mutex_unlock(&mutex);
}

/* The status that it has. */
static int handle(struct post *post, const struct mcp_serve_message *message,
		const struct mcp_serve_out *out)
{
	const struct mcp_serve_headers named = { find_header,
		cua_json_member(post->json, "headers") };
	struct mcp_serve_session *session = NULL;
	struct mcp_serve_call *call = NULL;
	const char *revision = NULL;
	int code = mcp_serve_http_check(message, &named, out, &revision);
	if (code != 0 ||
			mcp_serve_session_create(post->serve, revision, &session, NULL) != CUA_OK) {
		return mcp_serve_http_status(revision, code);
	}
	if (mcp_serve_http_resume(session, message, &named, revision, out) != 0) {
		mcp_serve_session_destroy(session);
		return 404;
	}
	code = mcp_serve_handle(session, message, out, &call);
	post->session = mcp_serve_http_session_id(session, message, code);
	if (call) {
		code = run(post, call);
	}
	mcp_serve_session_destroy(session);
	return code == 0 && message->kind != MCP_SERVE_REQUEST
			? 202
			: mcp_serve_http_status(revision, code);
}

static void say_status(const struct post *post, int status)
{
	printf("{\"number\":%d,\"status\":%d,\"session\":\"%s\"}\n", number_of(post), status,
			post->session ? post->session : "");
	fflush(stdout);
}

static void listen_for(struct post *post, const struct mcp_serve_out *out)
{
	const struct mcp_serve_headers named = { find_header,
		cua_json_member(post->json, "headers") };
	struct mcp_serve_session *session = NULL;
	struct mcp_serve_call *call = NULL;
	int status = 503;
	if (mcp_serve_session_create(post->serve, NULL, &session, NULL) == CUA_OK) {
		status = mcp_serve_http_listen(session, &named, out, &call);
	}
	say_status(post, status);
	if (call) {
		(void)run(post, call);
		printf("{\"number\":%d,\"end\":true}\n", number_of(post));
		fflush(stdout);
	}
	mcp_serve_session_destroy(session);
}

static void *answer(void *user_data)
{
	struct post *post = user_data;
	struct mcp_serve_message message;
	const struct mcp_serve_out out = { emit, post };
	const char *body = cua_json_text(post->json, "body");
	int status = 400;
	const bool is_get = strcmp(cua_json_text(post->json, "method"), "GET") == 0;
	if (!is_let_in(post)) {
		status = 403;
	} else if (is_get) {
		listen_for(post, &out);
	} else if (mcp_serve_read(body, strlen(body), &message, &out) == 0) {
		status = handle(post, &message, &out);
		mcp_serve_message_finish(&message);
	}
	if (!is_get || status == 403) {
		say_status(post, status);
	}
	cJSON_Delete(post->json);
	free(post->session);
	free(post);
	return NULL;
}

int main(void)
{
	const struct mcp_serve_options options = { .offer = "all", .open_desktop = no_desktop };
	struct mcp_serve *serve = NULL;
	struct cua_error why = { 0 };
	char *line = NULL;
	size_t size = 0;
	signal(SIGPIPE, SIG_IGN);
	if (sodium_init() < 0 || mcp_serve_create(&options, &serve, &why) != CUA_OK ||
			add_fixtures(serve, &why) != CUA_OK) {
		fprintf(stderr, "%s\n", why.msg);
		return 1;
	}
	while (getline(&line, &size, stdin) > 0) {
		struct post *post = calloc(1, sizeof(*post));
		pthread_t thread;
		*post = (struct post){ .serve = serve, .json = cJSON_Parse(line) };
		if (cua_json_member(post->json, "gone")) {
			cancel(number_of(post));
			cJSON_Delete(post->json);
			free(post);
			continue;
		}
		if (pthread_create(&thread, NULL, answer, post) != 0) {
			return 1;
		}
		pthread_detach(thread);
	}
	free(line);
	return 0;
}

/* `cua serve`: desktops worked by hand, secrets, what runs can be started with and what they used
 * up. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/http_unix.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/serve_stage.h"
#include "tests/standin_process.h"
#include "tests/vnc_viewers.h"
#include "tests/waiting.h"

#define SECRET "correct horse battery staple"

static struct serve_stage stage;
static struct standin_process model;

static int begin(void **state)
{
	(void)state;
	serve_stage_open(&stage);
	standin_process_start(&model, NULL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	standin_process_stop(&model);
	serve_stage_close(&stage);
	return 0;
}

/* Each is answered so, with a text that says this. */
struct expected {
	const char *method, *path, *body;
	long status;
	const char *says;
};

static void expect_all(const struct expected *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct serve_call call = { calls[i].method, calls[i].path, calls[i].body,
			NULL, { 0 } };
		struct serve_answer answer = serve_send(&stage, &call);
		if (answer.status != calls[i].status ||
				!strstr(answer.text ? answer.text : "", calls[i].says)) {
			fail_msg("%s %s %s: %ld %s", call.method, call.path,
					call.body ? call.body : "", answer.status,
					answer.text ? answer.text : "");
		}
		serve_answer_finish(&answer);
	}
}

/* --- desktops --- */

static void a_desktop_is_worked_by_hand(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *started = serve_json(&stage, "POST", "/v1/desktops",
			"{\"name\":\"hand\",\"size\":\"800x600\",\"memory\":\"1G\"}", 201);
	assert_string_equal(cua_json_text(started, "state"), "running");
	assert_string_equal(cua_json_text(started, "lease"), "agent");
	assert_int_equal(cua_json_int(started, "width"), 800);
	assert_null(cua_json_member(started, "socket"));
	CUA_AUTO_JSON cJSON *acted = serve_json(&stage, "POST", "/v1/desktops/hand/actions",
			"{\"actions\":[{\"action\":\"click\",\"x\":100,\"y\":90},"
			"{\"action\":\"cursor_position\"}]}",
			200);
	const cJSON *at = cJSON_GetArrayItem(cua_json_member(acted, "results"), 1);
	assert_int_equal(cua_json_int(at, "x"), 100);
	assert_int_equal(cua_json_int(at, "y"), 90);
	CUA_AUTO_JSON cJSON *said = serve_json(&stage, "POST", "/v1/desktops/hand/tools",
			"{\"tool\":\"bash\",\"arguments\":{\"command\":\"echo $((6*7))\"}}", 200);
	const cJSON *part = cJSON_GetArrayItem(cua_json_member(said, "content"), 0);
	assert_says(cua_json_text(part, "text"), "42");
	CUA_AUTO_JSON cJSON *listed = serve_json(&stage, "GET", "/v1/desktops", NULL, 200);
	assert_int_equal(cJSON_GetArraySize(cua_json_member(listed, "items")), 1);
}

static int count_sleeping(void)
{
	CUA_AUTO_JSON cJSON *left = serve_json(&stage, "POST", "/v1/desktops/hand/exec",
			"{\"command\":[\"pgrep\",\"-c\",\"-x\",\"sleep\"]}", 200);
	return (int)strtol(cua_json_text(left, "output"), NULL, 10);
}

static bool none_sleeps(void *data)
{
	(void)data;
	return count_sleeping() == 0;
}

static bool one_sleeps(void *data)
{
	(void)data;
	return count_sleeping() == 1;
}

static void programs_run_on_it_to_their_end(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *read = serve_json(&stage, "POST", "/v1/desktops/hand/exec",
			"{\"command\":[\"sh\",\"-c\",\"cat; echo $DISPLAY; echo no >&2; exit 3\"],"
			"\"input\":\"größer\\n\"}",
			200);
	assert_int_equal(cua_json_int(read, "exit_status"), 3);
	assert_string_equal(cua_json_text(read, "output"), "größer\n:0\n");
	assert_string_equal(cua_json_text(read, "errors"), "no\n");
	CUA_AUTO_JSON cJSON *bytes = serve_json(&stage, "POST", "/v1/desktops/hand/exec",
			"{\"command\":[\"printf\",\"\\\\000\\\\377\"]}", 200);
	assert_string_equal(cua_json_text(bytes, "output_base64"), "AP8=");
	assert_null(cua_json_member(bytes, "output"));
	CUA_AUTO_JSON cJSON *literal = serve_json(&stage, "POST", "/v1/desktops/hand/exec",
			"{\"command\":[\"echo\",\"--help\",\"$HOME; `id`\"]}", 200);
	assert_string_equal(cua_json_text(literal, "output"), "--help $HOME; `id`\n");
	static const struct expected calls[] = {
		{ "POST", "/v1/desktops/hand/exec", "{\"command\":[]}", 400, "command" },
		{ "POST", "/v1/desktops/hand/exec", "{\"command\":\"ls\"}", 400, "command" },
		{ "POST", "/v1/desktops/hand/exec", "{\"command\":[\"no-such-program\"]}", 200,
				"no-such-program" },
		{ "POST", "/v1/desktops/hand/exec",
				"{\"command\":[\"sleep\",\"600\"],\"timeout_s\":1}", 504,
				"took more than 1 s" },
		{ "POST", "/v1/desktops/absent/exec", "{\"command\":[\"ls\"]}", 404, "absent" },
	};
	expect_all(calls, CUA_ARRAY_LEN(calls));
	wait_until(none_sleeps, NULL, "the end of what took too long");
}

static void who_hangs_up_ends_the_program(void **state)
{
	(void)state;
	const int fd = serve_post_unread(&stage, "/v1/desktops/hand/exec",
			"{\"command\":[\"sleep\",\"600\"],\"timeout_s\":600}");
	wait_until(one_sleeps, NULL, "the program");
	close(fd);
	wait_until(none_sleeps, NULL, "its end");
}

static void its_screen_is_a_picture(void **state)
{
	(void)state;
	static const struct {
		const char *query, *type;
		unsigned char begins[3];
	} pictures[] = { { "", "image/png", { 0x89, 'P', 'N' } },
		{ "?format=jpeg&quality=70&max_edge=200", "image/jpeg", { 0xff, 0xd8, 0xff } },
		{ "?format=webp&region=0,0,64,64&pointer=false", "image/webp",
				{ 'R', 'I', 'F' } } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(pictures); i++) {
		char path[128];
		snprintf(path, sizeof(path), "/v1/desktops/hand/screenshot%s", pictures[i].query);
		const struct serve_call call = { "GET", path, NULL, NULL, { 0 } };
		struct serve_answer answer = serve_send(&stage, &call);
		assert_int_equal(answer.status, 200);
		assert_says(answer.headers, pictures[i].type);
		assert_memory_equal(answer.text, pictures[i].begins, 3);
		serve_answer_finish(&answer);
	}
}

/* Who knows the picture gets it once: a caret may blink between two requests. */
static bool is_known_unchanged(void *data)
{
	char header[200], tag[160];
	const struct serve_call call = { "GET", data, NULL, NULL, { 0 } };
	struct serve_answer first = serve_send(&stage, &call);
	const char *etag = strcasestr(first.headers, "etag: ");
	assert_int_equal(first.status, 200);
	assert_non_null(etag);
	assert_int_equal(sscanf(etag + strlen("etag: "), "%159[^\r\n]", tag), 1);
	snprintf(header, sizeof(header), "If-None-Match: %s", tag);
	const struct serve_call again = { "GET", data, NULL, NULL, { header } };
	struct serve_answer second = serve_send(&stage, &again);
	const bool is_known = second.status == 304;
	assert_true(is_known ? !second.text : second.status == 200);
	serve_answer_finish(&first);
	serve_answer_finish(&second);
	return is_known;
}

static void a_screen_that_is_known_is_not_sent_again(void **state)
{
	(void)state;
	char path[] = "/v1/desktops/hand/screenshot?width=320&format=webp";
	wait_until(is_known_unchanged, path, "a screen that stays as it is");
}

static void what_is_wrong_with_a_desktop_is_told(void **state)
{
	(void)state;
	static const struct expected calls[] = {
		{ "POST", "/v1/desktops", "{\"name\":\"hand\"}", 409, "hand" },
		{ "POST", "/v1/desktops", "{\"name\":\"../x\"}", 400, "cannot name" },
		{ "POST", "/v1/desktops", "{\"name\":\"a/b\"}", 400, "cannot name" },
		{ "POST", "/v1/desktops", "{\"name\":\"-x\"}", 400, "begin with" },
		{ "POST", "/v1/desktops", "{\"name\":\"--all\"}", 400, "begin with" },
		{ "POST", "/v1/desktops", "{\"sandbox\":\"none\"}", 400, "no member sandbox" },
		{ "POST", "/v1/desktops", "{\"workspace\":\"/etc\"}", 400, "no member" },
		{ "POST", "/v1/desktops", "{\"network\":\"allow:@/etc/passwd\"}", 400, "network" },
		{ "POST", "/v1/desktops", "{\"memory\":\"much\"}", 400, "memory" },
		{ "POST", "/v1/desktops", "{\"project\":\"none\"}", 404, "project" },
		{ "GET", "/v1/desktops/none", NULL, 404, "none" },
		{ "GET", "/v1/desktops/..", NULL, 404, "" },
		{ "GET", "/v1/desktops/hand%2f..%2f..%2f..%2fetc", NULL, 404, "" },
		{ "GET", "/v1/desktops/.hand", NULL, 400, "cannot name" },
		{ "DELETE", "/v1/desktops/--all", NULL, 400, "begin with" },
		{ "POST", "/v1/desktops/none/actions", "{\"actions\":[]}", 404, "none" },
		{ "POST", "/v1/desktops/hand/actions", "{}", 400, "actions is missing" },
		{ "POST", "/v1/desktops/hand/actions",
				"{\"actions\":[{\"action\":\"click\",\"x\":9999,\"y\":1}]}", 400,
				"it must be 0 to 799" },
		/* What was done before the failure is told with it. */
		{ "POST", "/v1/desktops/hand/actions",
				"{\"actions\":[{\"action\":\"cursor_position\"},"
				"{\"action\":\"switch_app\",\"name\":\"none\"}]}",
				404, "\"results\":[{\"action\":\"cursor_position\"" },
		{ "GET", "/v1/desktops/hand/screenshot?region=0,0,9,9%20HTTP/1.0", NULL, 400,
				"region" },
		{ "GET", "/v1/desktops/hand/screenshot?region=0,0,9999,9", NULL, 400, "region" },
		{ "POST", "/v1/desktops/hand/tools", "{\"tool\":\"none\"}", 404, "no tool" },
	};
	expect_all(calls, CUA_ARRAY_LEN(calls));
}

static bool has_lease(void *data)
{
	CUA_AUTO_JSON cJSON *desktop = serve_json(&stage, "GET", "/v1/desktops/hand", NULL, 200);
	return strcmp(cua_json_text(desktop, "lease"), data) == 0;
}

static void nobody_takes_the_input_from_a_person(void **state)
{
	(void)state;
	static const struct expected refused = { "POST", "/v1/desktops/hand/actions",
		"{\"actions\":[{\"action\":\"click\",\"x\":9,\"y\":9}]}", 423,
		"\"class\":\"person\"" };
	struct vnc_seen seen;
	struct cua_error error = { 0 };
	char person[] = "person", agent[] = "agent";
	CUA_AUTO_JSON cJSON *vnc = NULL, *resumed = NULL;
	const char *socket_path = world_path(&stage.world, "run/desktops/hand/api.sock");
	assert_int_equal(cua_http_unix_json(
					 socket_path, "POST", "/v1/vnc", NULL, 5000, &vnc, &error),
			CUA_OK);
	rfbClient *viewer = vnc_viewer_connect(cua_json_text(vnc, "socket"), 0,
			cua_json_text(vnc, "control_password"), "raw", &seen);
	assert_non_null(viewer);
	SendPointerEvent(viewer, 300, 200, 1);
	SendPointerEvent(viewer, 300, 200, 0);
	vnc_viewer_sync(viewer);
	wait_until(has_lease, person, "the person has the input");
	expect_all(&refused, 1);
	/* It may be looked at all the same. */
	const struct serve_call look = { "GET", "/v1/desktops/hand/screenshot", NULL, NULL, { 0 } };
	struct serve_answer picture = serve_send(&stage, &look);
	assert_int_equal(picture.status, 200);
	serve_answer_finish(&picture);
	vnc_viewer_disconnect(viewer);
	assert_int_equal(cua_http_unix_json(socket_path, "POST", "/v1/resume", NULL, 5000, &resumed,
					 &error),
			CUA_OK);
	wait_until(has_lease, agent, "the agent has the input");
}

/* With that token; the JSON, the caller's. */
static cJSON *control_as(const char *token, const char *method, const char *body, long expected)
{
	const struct serve_call call = { method, "/v1/desktops/hand/control", body, token, { 0 } };
	struct serve_answer answer = serve_send(&stage, &call);
	if (answer.status != expected) {
		fail_msg("%s: %ld %s", body ? body : method, answer.status, answer.text);
	}
	cJSON *json = CUA_STEAL(answer.json);
	serve_answer_finish(&answer);
	return json;
}

static cJSON *token_of(const char *body)
{
	return serve_json(&stage, "POST", "/v1/tokens", body, 201);
}

static void people_take_it_and_give_it_back(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *ann = token_of("{\"name\":\"Ann\",\"scopes\":[\"act\",\"watch\"]}");
	CUA_AUTO_JSON cJSON *ben = token_of("{\"name\":\"Ben\",\"scopes\":[\"act\",\"watch\"]}");
	CUA_AUTO_JSON cJSON *eve = token_of("{\"name\":\"Eve\",\"scopes\":[\"watch\"]}");
	const char *of_ann = cua_json_text(ann, "token"), *of_ben = cua_json_text(ben, "token");
	const char *of_eve = cua_json_text(eve, "token");
	cJSON_Delete(control_as(of_eve, "POST", "{\"do\":\"take\"}", 403));
	cJSON_Delete(control_as("", "GET", NULL, 401));
	cJSON_Delete(control_as(of_ann, "POST", "{\"do\":\"steal\"}", 400));
	cJSON_Delete(control_as(of_ann, "POST", "{\"do\":\"take\",\"force\":true}", 400));
	cJSON_Delete(control_as(
			of_ann, "POST", "{\"do\":\"take\",\"person\":{\"id\":\"x\"}}", 400));
	CUA_AUTO_JSON cJSON *taken =
			control_as(of_ann, "POST", "{\"do\":\"take\",\"private\":true}", 200);
	assert_string_equal(cua_json_text(taken, "person"), "Ann");
	assert_string_equal(cua_json_text(taken, "mode"), "private");
	assert_true(cJSON_IsTrue(cua_json_member(taken, "is_you")));
	assert_null(cua_json_member(taken, "person_id"));
	/* Nobody else gets it, an admin neither, nor sees it. */
	CUA_AUTO_JSON cJSON *refused = control_as(of_ben, "POST", "{\"do\":\"take\"}", 409);
	assert_string_equal(cua_json_text(refused, "person"), "Ann");
	assert_false(cJSON_IsTrue(cua_json_member(refused, "is_you")));
	cJSON_Delete(control_as(NULL, "POST", "{\"do\":\"take\"}", 409));
	cJSON_Delete(control_as(of_ben, "POST", "{\"do\":\"give\"}", 409));
	cJSON_Delete(serve_json(&stage, "GET", "/v1/desktops/hand/screenshot", NULL, 423));
	/* Who waits is the next, and an admin gives for whoever has it. */
	cJSON_Delete(control_as(of_ben, "POST", "{\"do\":\"request\"}", 200));
	CUA_AUTO_JSON cJSON *next = control_as(of_ann, "POST", "{\"do\":\"give\"}", 200);
	assert_string_equal(cua_json_text(next, "person"), "Ben");
	CUA_AUTO_JSON cJSON *over = control_as(NULL, "POST", "{\"do\":\"give\"}", 200);
	assert_string_equal(cua_json_text(over, "owner"), "agent");
	CUA_AUTO_JSON cJSON *seen = control_as(of_eve, "GET", NULL, 200);
	assert_string_equal(cua_json_text(seen, "owner"), "agent");
}

static void who_loses_their_token_keeps_no_desktop(void **state)
{
	(void)state;
	char path[128];
	CUA_AUTO_JSON cJSON *ann = token_of("{\"name\":\"Ann\",\"scopes\":[\"act\"]}");
	CUA_AUTO_JSON cJSON *ben = token_of("{\"name\":\"Ben\",\"scopes\":[\"act\"]}");
	snprintf(path, sizeof(path), "/v1/tokens/%s", cua_json_text(ann, "id"));
	cJSON_Delete(control_as(cua_json_text(ann, "token"), "POST",
			"{\"do\":\"take\",\"private\":true}", 200));
	cJSON_Delete(control_as(cua_json_text(ben, "token"), "POST", "{\"do\":\"take\"}", 409));
	cJSON_Delete(serve_json(&stage, "DELETE", path, NULL, 204));
	cJSON_Delete(control_as(cua_json_text(ben, "token"), "POST", "{\"do\":\"take\"}", 200));
	/* Of one that is not there nothing changes. */
	cJSON_Delete(serve_json(&stage, "DELETE", path, NULL, 404));
	CUA_AUTO_JSON cJSON *now =
			control_as(cua_json_text(ben, "token"), "POST", "{\"do\":\"give\"}", 200);
	assert_string_equal(cua_json_text(now, "owner"), "agent");
}

static void it_is_stopped(void **state)
{
	(void)state;
	cJSON_Delete(serve_json(&stage, "DELETE", "/v1/desktops/hand", NULL, 204));
	cJSON_Delete(serve_json(&stage, "GET", "/v1/desktops/hand", NULL, 404));
	cJSON_Delete(serve_json(&stage, "DELETE", "/v1/desktops/hand", NULL, 404));
}

/* --- secrets --- */

static bool file_holds(const char *path, const char *text)
{
	CUA_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	const off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	CUA_AUTO_FREE char *bytes = malloc((size_t)size + 1);
	assert_non_null(bytes);
	assert_int_equal(fd >= 0 ? pread(fd, bytes, (size_t)size, 0) : 0, size);
	return memmem(bytes, (size_t)size, text, strlen(text)) != NULL;
}

static void no_answer_has_a_secret(void **state)
{
	(void)state;
	static const struct serve_call calls[] = {
		{ "PUT", "/v1/secrets/BANK",
				"{\"value\":\"" SECRET "\",\"origins\":[\"https://bank.example\"],"
				"\"windows\":[\"--api-key\"]}",
				NULL, { "Idempotency-Key: a" } },
		{ "PUT", "/v1/secrets/BANK", "{\"value\":\"" SECRET "\",\"kind\":\"other\"}", NULL,
				{ 0 } },
		/* Nowhere to be typed. */
		{ "PUT", "/v1/secrets/NONE", "{\"value\":\"" SECRET "\"}", NULL, { 0 } },
		{ "PUT", "/v1/secrets/-x", "{\"value\":\"" SECRET "\"}", NULL, { 0 } },
		{ "PUT", "/v1/secrets/BANK", "{\"value\":\"" SECRET "\\u0000\"}", NULL, { 0 } },
		{ "GET", "/v1/secrets", NULL, NULL, { 0 } },
	};
	static const long statuses[] = { 204, 400, 400, 400, 400, 200 };
	for (size_t i = 0; i < CUA_ARRAY_LEN(calls); i++) {
		struct serve_answer answer = serve_send(&stage, &calls[i]);
		const char *text = answer.text ? answer.text : "";
		if (answer.status != statuses[i] || strstr(text, SECRET)) {
			fail_msg("%s %s: %ld %s", calls[i].method, calls[i].path, answer.status,
					text);
		}
		if (i == 5) {
			assert_says(text,
					"\"name\":\"BANK\",\"kind\":\"typed\",\"windows\":"
					"[\"--api-key\"],\"origins\":[\"https://bank.example\"]");
		}
		serve_answer_finish(&answer);
	}
	assert_true(file_holds(world_path(&stage.world, "state/server.db"), "SQLite"));
	assert_false(file_holds(world_path(&stage.world, "state/server.db"), SECRET));
	assert_false(file_holds(world_path(&stage.world, "state/server.db-wal"), SECRET));
	cJSON_Delete(serve_json(&stage, "DELETE", "/v1/secrets/BANK", NULL, 204));
	cJSON_Delete(serve_json(&stage, "DELETE", "/v1/secrets/BANK", NULL, 404));
	cJSON_Delete(serve_json(&stage, "DELETE", "/v1/secrets/-x", NULL, 400));
}

static void what_is_an_admins_is_refused_to_others(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *actor = serve_json(&stage, "POST", "/v1/tokens",
			"{\"name\":\"actor\",\"scopes\":[\"watch\",\"act\"]}", 201);
	const struct serve_call calls[] = {
		{ "PUT", "/v1/secrets/BANK", "{\"value\":\"x\"}", cua_json_text(actor, "token"),
				{ 0 } },
		{ "DELETE", "/v1/secrets/BANK", NULL, cua_json_text(actor, "token"), { 0 } },
		/* An address that a key is sent to, and a file of this machine. */
		{ "POST", "/v1/models/x/test", "{\"base_url\":\"https://thief.example\"}",
				cua_json_text(actor, "token"), { 0 } },
		{ "POST", "/v1/runs",
				"{\"task\":\"x\",\"settings\":{\"network\":"
				"\"allow:@/etc/passwd\"}}",
				cua_json_text(actor, "token"), { 0 } },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(calls); i++) {
		struct serve_answer answer = serve_send(&stage, &calls[i]);
		assert_int_equal(answer.status, 403);
		serve_answer_finish(&answer);
	}
}

/* --- what runs can be started with --- */

static void write_servers(void)
{
	static const char text[] =
			"{\"mcpServers\":{\"mail\":{\"url\":\"https://mail.example/mcp\","
			"\"headers\":{\"X-Key\":\"" SECRET "\"}},"
			"\"gone\":{\"command\":\"/none\",\"args\":[\"" SECRET "\"],"
			"\"env\":{\"KEY\":\"" SECRET "\"}}}}";
	struct output output;
	const char *const argv[] = { "/bin/sh", "-c",
		"mkdir -p ~/.config/cua && cat > ~/.config/cua/mcpServers.json", NULL };
	world_exec(&stage.world, argv, NULL, text, strlen(text), &output);
	expect_status(&output, 0, "sh");
	output_finish(&output);
}

static void what_there_is_is_listed(void **state)
{
	(void)state;
	write_servers();
	static const struct expected calls[] = {
		{ "GET", "/v1/templates", NULL, 200, "\"name\":\"office\"" },
		{ "GET", "/v1/templates?limit=1", NULL, 200, "\"next\":\"desktop\"" },
		{ "GET", "/v1/templates?limit=1&after=desktop", NULL, 200,
				"{\"items\":[{\"name\":\"office\"" },
		{ "GET", "/v1/models", NULL, 200, "\"key_set\":false" },
		{ "GET", "/v1/mcp-servers", NULL, 200, "\"url\":\"https://mail.example/mcp\"" },
		{ "GET", "/v1/mcp-servers", NULL, 200, "\"env\":[\"KEY\"]" },
		{ "POST", "/v1/mcp-servers/gone/test", NULL, 200, "\"ok\":false" },
		{ "POST", "/v1/mcp-servers/none/test", NULL, 404, "none" },
		{ "POST", "/v1/mcp-servers/--json/test", NULL, 400, "no name" },
		{ "POST", "/v1/models/none/test", NULL, 200, "\"ok\":false" },
		{ "POST", "/v1/models/--help/test", NULL, 400, "no name" },
	};
	expect_all(calls, CUA_ARRAY_LEN(calls));
	const struct serve_call call = { "GET", "/v1/mcp-servers", NULL, NULL, { 0 } };
	struct serve_answer answer = serve_send(&stage, &call);
	assert_null(strstr(answer.text, "horse"));
	serve_answer_finish(&answer);
}

static void a_model_is_tested(void **state)
{
	(void)state;
	char body[200];
	cJSON_Delete(serve_json(&stage, "PUT", "/v1/secrets/CUA_API_KEY",
			"{\"value\":\"standin-needs-none\",\"kind\":\"api_key\"}", 204));
	snprintf(body, sizeof(body), "{\"api\":\"responses\",\"base_url\":\"%s\"}", model.url);
	CUA_AUTO_JSON cJSON *tested =
			serve_json(&stage, "POST", "/v1/models/standin/test", body, 200);
	if (!cJSON_IsTrue(cua_json_member(tested, "ok"))) {
		fail_msg("%s", cua_json_text(tested, "message"));
	}
}

/* --- usage --- */

static bool has_ended(void *data)
{
	CUA_AUTO_JSON cJSON *run = serve_json(&stage, "GET", data, NULL, 200);
	return !cJSON_IsNull(cua_json_member(run, "ended_ms"));
}

/* Of a run that has clicked twice. */
static void expect_journal(const char *run)
{
	char path[160];
	snprintf(path, sizeof(path), "%s/actions", run);
	CUA_AUTO_JSON cJSON *taken = serve_json(&stage, "GET", path, NULL, 200);
	const cJSON *item = NULL;
	int clicks = 0;
	cJSON_ArrayForEach (item, cua_json_member(taken, "items")) {
		const cJSON *action = NULL;
		assert_string_equal(cua_json_text(item, "status"), "ok");
		assert_true(strlen(cua_json_text(item, "screenshot")) == 64);
		cJSON_ArrayForEach (action, cua_json_member(item, "actions")) {
			clicks += strcmp(cua_json_text(action, "action"), "click") == 0;
		}
	}
	assert_int_equal(clicks, 2);
	snprintf(path, sizeof(path), "%s/messages?limit=1", run);
	CUA_AUTO_JSON cJSON *first = serve_json(&stage, "GET", path, NULL, 200);
	item = cJSON_GetArrayItem(cua_json_member(first, "items"), 0);
	assert_string_equal(cua_json_text(item, "from"), "cua");
	assert_string_equal(cua_json_text(item, "text"), "click twice");
	snprintf(path, sizeof(path), "%s/messages?after=%s", run, cua_json_text(first, "next"));
	CUA_AUTO_JSON cJSON *rest = serve_json(&stage, "GET", path, NULL, 200);
	item = cJSON_GetArrayItem(cua_json_member(rest, "items"), 0);
	assert_string_equal(cua_json_text(item, "from"), "model");
}

static void usage_adds_up(void **state)
{
	(void)state;
	static const char *const by[] = { "run", "project", "model", "day" };
	char body[512], path[128];
	snprintf(body, sizeof(body),
			"{\"task\":\"click twice\",\"settings\":{\"model\":\"standin\",\"api\":"
			"\"responses\",\"base_url\":\"%s\"}}",
			model.url);
	for (int i = 0; i < 2; i++) {
		CUA_AUTO_JSON cJSON *run = serve_json(&stage, "POST", "/v1/runs", body, 201);
		snprintf(path, sizeof(path), "/v1/runs/%s", cua_json_text(run, "id"));
		wait_until(has_ended, path, "the end of a run");
		expect_journal(path);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(by); i++) {
		snprintf(path, sizeof(path), "/v1/usage?by=%s", by[i]);
		CUA_AUTO_JSON cJSON *usage = serve_json(&stage, "GET", path, NULL, 200);
		const cJSON *items = cua_json_member(usage, "items");
		const cJSON *first = cJSON_GetArrayItem(items, 0);
		const int rows = i == 0 ? 2 : 1;
		assert_int_equal(cJSON_GetArraySize(items), rows);
		assert_int_equal(cua_json_int(first, "runs"), 2 / rows);
		assert_int_equal(cua_json_int(first, "actions"), 4 / rows);
		assert_true(cua_json_number(first, "input_tokens") > 0);
	}
	static const struct expected calls[] = {
		{ "GET", "/v1/usage?by=run&limit=1", NULL, 200, "\"next\":\"2" },
		{ "GET", "/v1/usage?by=day&since_ms=999999999999999", NULL, 200, "\"items\":[]" },
		{ "GET", "/v1/usage", NULL, 400, "by is missing" },
		{ "GET", "/v1/usage?by=id%20DESC", NULL, 400, "one of run" },
		{ "GET", "/v1/runs/absent/actions", NULL, 404, "no such run" },
		{ "GET", "/v1/runs/absent/messages", NULL, 404, "no such run" },
	};
	expect_all(calls, CUA_ARRAY_LEN(calls));
}

/* --- the end --- */

static bool runs_a_tool(void *data)
{
	CUA_AUTO_JSON cJSON *tools = NULL;
	struct cua_error error;
	return cua_http_unix_json(data, "GET", "/v1/tools", NULL, 5000, &tools, &error) == CUA_OK &&
			cua_json_member(tools, "running");
}

static bool runs_nothing(void *data)
{
	CUA_AUTO_JSON cJSON *tools = NULL;
	struct cua_error error;
	return cua_http_unix_json(data, "GET", "/v1/tools", NULL, 5000, &tools, &error) == CUA_OK &&
			!cua_json_member(tools, "running");
}

/* Its call of ten minutes ends with it. */
static void who_hangs_up_ends_the_call(void **state)
{
	(void)state;
	static const char body[] = "{\"tool\":\"bash\",\"arguments\":{\"command\":"
				   "\"sleep 600\",\"timeout_s\":600}}";
	char socket_path[200];
	cJSON_Delete(serve_json(&stage, "POST", "/v1/desktops", "{\"name\":\"left\"}", 201));
	snprintf(socket_path, sizeof(socket_path), "%s",
			world_path(&stage.world, "run/desktops/left/api.sock"));
	const int fd = serve_post_unread(&stage, "/v1/desktops/left/tools", body);
	wait_until(runs_a_tool, socket_path, "the tool runs");
	close(fd);
	wait_until(runs_nothing, socket_path, "it has ended");
	cJSON_Delete(serve_json(&stage, "DELETE", "/v1/desktops/left", NULL, 204));
}

/* The lock of what descriptor data points to. */
static bool is_waited_for(void *data)
{
	struct stat info;
	char inode[32], line[256];
	bool is_found = false;
	FILE *locks = fopen("/proc/locks", "re");
	assert_non_null(locks);
	assert_int_equal(fstat(*(const int *)data, &info), 0);
	snprintf(inode, sizeof(inode), ":%lu ", (unsigned long)info.st_ino);
	while (fgets(line, sizeof(line), locks)) {
		is_found = is_found || (strstr(line, "-> ") && strstr(line, inode));
	}
	fclose(locks);
	return is_found;
}

/* What begins or ends with events of inotify. */
struct seen {
	int fd;
	bool has_come, has_gone; /* the folder of the desktop */
};

static bool has_come_and_gone(void *data)
{
	struct seen *seen = data;
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	const ssize_t len = read(seen->fd, events, sizeof(events));
	for (ssize_t at = 0; at < len;) {
		const struct inotify_event *event = (const struct inotify_event *)(events + at);
		if (event->len > 0 && strcmp(event->name, "unwanted") == 0) {
			const bool comes = event->mask & (IN_CREATE | IN_MOVED_TO);
			seen->has_come = seen->has_come || comes;
			seen->has_gone = seen->has_come && !comes;
		}
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	return seen->has_gone;
}

/* Its client hung up while it started, which is kept from going on until then: nobody would stop
 * it. */
static void a_desktop_that_nobody_waits_for_is_stopped(void **state)
{
	(void)state;
	const char *desktops = world_path(&stage.world, "run/desktops");
	struct seen seen = { .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK) };
	int lock_fd = open(desktops, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(inotify_add_watch(seen.fd, desktops,
				    IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM) >= 0);
	assert_int_equal(flock(lock_fd, LOCK_EX), 0);
	const int fd = serve_post_unread(&stage, "/v1/desktops", "{\"name\":\"unwanted\"}");
	wait_until(is_waited_for, &lock_fd, "a start");
	close(fd);
	close(lock_fd);
	wait_until(has_come_and_gone, &seen, "the end of a desktop that nobody waits for");
	close(seen.fd);
}

/* A call of ten minutes is under way: serve_stage_close() expects the end in less. */
static void a_call_does_not_keep_the_server_from_ending(void **state)
{
	(void)state;
	static const char body[] = "{\"tool\":\"bash\",\"arguments\":{\"command\":"
				   "\"sleep 600\",\"timeout_s\":600}}";
	char socket_path[200];
	cJSON_Delete(serve_json(&stage, "POST", "/v1/desktops", "{\"name\":\"last\"}", 201));
	snprintf(socket_path, sizeof(socket_path), "%s",
			world_path(&stage.world, "run/desktops/last/api.sock"));
	/* Open until the end of the test program. */
	(void)serve_post_unread(&stage, "/v1/desktops/last/tools", body);
	wait_until(runs_a_tool, socket_path, "the tool runs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_desktop_is_worked_by_hand),
		cmocka_unit_test(programs_run_on_it_to_their_end),
		cmocka_unit_test(who_hangs_up_ends_the_program),
		cmocka_unit_test(its_screen_is_a_picture),
		cmocka_unit_test(a_screen_that_is_known_is_not_sent_again),
		cmocka_unit_test(what_is_wrong_with_a_desktop_is_told),
		cmocka_unit_test(nobody_takes_the_input_from_a_person),
		cmocka_unit_test(people_take_it_and_give_it_back),
		cmocka_unit_test(who_loses_their_token_keeps_no_desktop),
		cmocka_unit_test(it_is_stopped),
		cmocka_unit_test(no_answer_has_a_secret),
		cmocka_unit_test(what_is_an_admins_is_refused_to_others),
		cmocka_unit_test(what_there_is_is_listed),
		cmocka_unit_test(a_model_is_tested),
		cmocka_unit_test(usage_adds_up),
		cmocka_unit_test(who_hangs_up_ends_the_call),
		cmocka_unit_test(a_desktop_that_nobody_waits_for_is_stopped),
		cmocka_unit_test(a_call_does_not_keep_the_server_from_ending),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}

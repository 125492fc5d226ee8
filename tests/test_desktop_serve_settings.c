/* `cua serve`: what an admin sets for all of it, and who is told by HTTP when somebody is needed.
 */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/serve_stage.h"
#include "tests/standin_process.h"
#include "tests/waiting.h"

#define SECRET "a-key-for-signatures"
#define POLICY \
	"include: default\nrules:\n  - ask: clicks\n    when: {action: click}\n    why: it may " \
	"press anything\n"

static struct serve_stage stage;
static struct standin_process model;
static char policy[256];
static int receiver, receiver_port;

/* --- who is told --- */

static void set_patience(int fd)
{
	const struct timeval patience = { .tv_sec = DESKTOP_DEADLINE_MS / 1000 };
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

static void receiver_open(void)
{
	struct sockaddr_in here = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(here);
	receiver = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(receiver, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(listen(receiver, 8), 0);
	assert_int_equal(getsockname(receiver, (struct sockaddr *)&here, &len), 0);
	receiver_port = ntohs(here.sin_port);
	set_patience(receiver);
}

struct received {
	char text[16384]; /* head and body */
	const char *body;
	cJSON *json;
};

/* The next request, answered so; false if its sender was killed before all of it came. */
static bool receive(struct received *received, const char *answer)
{
	size_t len = 0;
	CUA_AUTO_FD int fd = accept4(receiver, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0) {
		fail_msg("nobody came");
	}
	set_patience(fd);
	for (bool is_whole = false; !is_whole;) {
		const ssize_t got =
				recv(fd, received->text + len, sizeof(received->text) - 1 - len, 0);
		if (got <= 0) {
			return false;
		}
		len += (size_t)got;
		received->text[len] = '\0';
		const char *end = strstr(received->text, "\r\n\r\n");
		const char *length = strcasestr(received->text, "content-length: ");
		received->body = end ? end + 4 : NULL;
		is_whole = end && length && strlen(end + 4) >= strtoul(length + 16, NULL, 10);
	}
	char head[512];
	const int head_len = snprintf(head, sizeof(head),
			"HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", answer);
	(void)!send(fd, head, (size_t)head_len, MSG_NOSIGNAL);
	cJSON_Delete(received->json);
	received->json = cJSON_Parse(received->body);
	return true;
}

static void header_of(const struct received *received, const char *name, char value[200])
{
	char wanted[64];
	snprintf(wanted, sizeof(wanted), "\r\n%s: ", name);
	const char *at = strcasestr(received->text, wanted);
	if (!at) {
		fail_msg("no %s in %s", name, received->text);
	} else {
		at += strlen(wanted);
		snprintf(value, 200, "%.*s", (int)strcspn(at, "\r"), at);
	}
}

/* As Standard Webhooks has it. */
static void expect_signature(const struct received *received)
{
	char id[200], timestamp[200], signature[200], expected[200] = "v1,";
	char *text = NULL;
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state state;
	header_of(received, "webhook-id", id);
	header_of(received, "webhook-timestamp", timestamp);
	header_of(received, "webhook-signature", signature);
	assert_true(asprintf(&text, "%s.%s.%s", id, timestamp, received->body) > 0);
	crypto_auth_hmacsha256_init(&state, (const unsigned char *)SECRET, strlen(SECRET));
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)text, strlen(text));
	crypto_auth_hmacsha256_final(&state, mac);
	sodium_bin2base64(expected + 3, sizeof(expected) - 3, mac, sizeof(mac),
			sodium_base64_VARIANT_ORIGINAL);
	assert_string_equal(signature, expected);
	free(text);
}

/* --- the stage --- */

static int begin(void **state)
{
	/* Nobody is there: what is on this machine is not told by way of a proxy. */
	static const char *const environment[] = { "http_proxy=http://127.0.0.1:9", NULL };
	(void)state;
	stage.environment = environment;
	serve_stage_open(&stage);
	standin_process_start(&model, NULL);
	receiver_open();
	cJSON_Delete(serve_json(&stage, "PUT", "/v1/secrets/CUA_API_KEY",
			"{\"value\":\"standin-needs-none\",\"kind\":\"api_key\"}", 204));
	cJSON_Delete(serve_json(&stage, "PUT", "/v1/secrets/HOOK",
			"{\"value\":\"" SECRET "\",\"kind\":\"api_key\"}", 204));
	snprintf(policy, sizeof(policy), "%s", world_path(&stage.world, "policy.yaml"));
	return sodium_init() < 0 ||
			cua_file_write(policy, POLICY, strlen(POLICY), 0644, NULL) != CUA_OK;
}

static int finish(void **state)
{
	(void)state;
	close(receiver);
	standin_process_stop(&model);
	serve_stage_close(&stage);
	return 0;
}

static cJSON *start_run(void)
{
	char body[768];
	snprintf(body, sizeof(body),
			"{\"task\":\"click twice\",\"settings\":{\"model\":\"standin\",\"api\":"
			"\"responses\",\"base_url\":\"%s\",\"policy\":\"%s\"}}",
			model.url, policy);
	return serve_json(&stage, "POST", "/v1/runs", body, 201);
}

/* data: the id. Tried again: one that is starting cannot be cancelled. */
static bool is_cancelled(void *data)
{
	char path[128];
	snprintf(path, sizeof(path), "/v1/runs/%s/cancel", (const char *)data);
	const struct serve_call cancel = { "POST", path, NULL, NULL, { 0 } };
	struct serve_answer answer = serve_send(&stage, &cancel);
	serve_answer_finish(&answer);
	*strrchr(path, '/') = '\0';
	CUA_AUTO_JSON cJSON *run = serve_json(&stage, "GET", path, NULL, 200);
	return !cJSON_IsNull(cua_json_member(run, "ended_ms"));
}

static void cancel_run(const cJSON *run)
{
	char id[64];
	snprintf(id, sizeof(id), "%s", cua_json_text(run, "id"));
	wait_until(is_cancelled, id, "the end of a run");
}

static void set_webhook(const char *events)
{
	char body[512];
	snprintf(body, sizeof(body),
			"{\"webhooks\":[{\"url\":\"http://127.0.0.1:%d/"
			"told\",\"secret\":\"HOOK\"%s}]}",
			receiver_port, events);
	CUA_AUTO_JSON cJSON *settings = serve_json(&stage, "PATCH", "/v1/settings", body, 200);
	const cJSON *webhook = cJSON_GetArrayItem(cua_json_member(settings, "webhooks"), 0);
	assert_string_equal(cua_json_text(webhook, "secret"), "HOOK");
}

/* --- tests --- */

static void what_is_set_is_kept_and_used(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *first = serve_json(&stage, "GET", "/v1/settings", NULL, 200);
	assert_true(cJSON_IsNull(cua_json_member(first, "max_agents")));
	cJSON_Delete(serve_json(&stage, "PATCH", "/v1/settings",
			"{\"max_agents\":3,\"defaults\":{\"max_steps\":7,\"model\":\"none\"}}",
			200));
	serve_stage_kill_and_start(&stage);
	CUA_AUTO_JSON cJSON *health = serve_json(&stage, "GET", "/health/detailed", NULL, 200);
	assert_int_equal(cua_json_int(health, "agents_max"), 3);
	CUA_AUTO_JSON cJSON *run = start_run();
	const cJSON *settings = cua_json_member(run, "settings");
	assert_int_equal(cua_json_int(settings, "max_steps"), 7);
	assert_string_equal(cua_json_text(settings, "model"), "standin");
	cancel_run(run);
	/* Null takes one back, and the others stay. */
	CUA_AUTO_JSON cJSON *changed =
			serve_json(&stage, "PATCH", "/v1/settings", "{\"max_agents\":null}", 200);
	assert_int_equal(cua_json_int(cua_json_member(changed, "defaults"), "max_steps"), 7);
	CUA_AUTO_JSON cJSON *again =
			serve_json(&stage, "PATCH", "/v1/settings", "{\"defaults\":null}", 200);
	assert_int_equal(cJSON_GetArraySize(cua_json_member(again, "defaults")), 0);
}

static void what_cannot_be_set_is_refused(void **state)
{
	(void)state;
	static const char *const bodies[] = { "{\"max_agents\":0}", "{\"max_agent\":1}",
		"{\"defaults\":{\"dpi\":1}}", "{\"webhooks\":[{\"url\":\"http://example.org/\"}]}",
		"{\"webhooks\":[{\"url\":\"https://a@example.org/\"}]}",
		"{\"webhooks\":[{\"url\":\"https://127.0.0.1@evil.example/#\"}]}",
		"{\"webhooks\":[{\"url\":\"http://127.0.0.1.evil.example/\"}]}",
		"{\"webhooks\":[{\"url\":\"http://localhost.evil.example/\"}]}",
		"{\"webhooks\":[{\"url\":\"file:///etc/passwd\"}]}",
		"{\"webhooks\":[{\"url\":\"gopher://127.0.0.1/\"}]}",
		"{\"webhooks\":[{\"url\":\"x\"}]}", "{\"webhooks\":[{\"url\":\"\"}]}",
		"{\"webhooks\":[{\"url\":\"https://a.example\",\"events\":[\"all\"]}]}",
		"{\"webhooks\":[{\"url\":\"https://a.example\"},{\"url\":\"https://a.example\"}]}",
		"{\"webhooks\":{}}" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(bodies); i++) {
		const struct serve_call call = { "PATCH", "/v1/settings", bodies[i], NULL, { 0 } };
		struct serve_answer answer = serve_send(&stage, &call);
		if (answer.status != 400) {
			fail_msg("%s: %ld %s", bodies[i], answer.status, answer.text);
		}
		serve_answer_finish(&answer);
	}
	CUA_AUTO_JSON cJSON *actor = serve_json(&stage, "POST", "/v1/tokens",
			"{\"name\":\"actor\",\"scopes\":[\"act\",\"approve\"]}", 201);
	const struct serve_call calls[] = { { "GET", "/v1/settings", NULL,
							    cua_json_text(actor, "token"), { 0 } },
		{ "PATCH", "/v1/settings", "{}", cua_json_text(actor, "token"), { 0 } } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(calls); i++) {
		struct serve_answer answer = serve_send(&stage, &calls[i]);
		assert_int_equal(answer.status, 403);
		serve_answer_finish(&answer);
	}
}

static void answer(const cJSON *asked, const char *text)
{
	char path[128], body[64];
	snprintf(path, sizeof(path), "/v1/approvals/%s", cua_json_text(asked, "approval"));
	snprintf(body, sizeof(body), "{\"answer\":\"%s\"}", text);
	cJSON_Delete(serve_json(&stage, "POST", path, body, 200));
}

/* By an address of ours, and by no path of this machine. */
static void expect_picture(const cJSON *asked)
{
	char path[128];
	CUA_AUTO_JSON cJSON *list = serve_json(&stage, "GET", "/v1/approvals", NULL, 200);
	const cJSON *question = cJSON_GetArrayItem(cua_json_member(list, "items"), 0);
	assert_string_equal(cua_json_text(question, "id"), cua_json_text(asked, "approval"));
	snprintf(path, sizeof(path), "/v1/approvals/%s/picture", cua_json_text(asked, "approval"));
	assert_string_equal(cua_json_text(question, "picture"), path);
	const struct serve_call get = { "GET", path, NULL, NULL, { 0 } };
	struct serve_answer picture = serve_send(&stage, &get);
	assert_int_equal(picture.status, 200);
	assert_non_null(strstr(picture.headers, "image/png"));
	serve_answer_finish(&picture);
}

static void who_is_needed_is_told(void **state)
{
	(void)state;
	static struct received asked, again, redirected, ended;
	char id[200], same[200];
	set_webhook("");
	CUA_AUTO_JSON cJSON *run = start_run();
	/* It cannot take it now, and is told again: the same, and nothing of a redirect. */
	assert_true(receive(&asked, "503 Not now"));
	expect_signature(&asked);
	assert_true(strncmp(asked.text, "POST /told HTTP/1.1\r\n", 21) == 0);
	assert_string_equal(cua_json_text(asked.json, "event"), "approval");
	assert_string_equal(cua_json_text(asked.json, "run"), cua_json_text(run, "id"));
	assert_string_equal(cua_json_text(asked.json, "reason"), "it may press anything");
	expect_picture(asked.json);
	assert_true(receive(&redirected, "302 Found\r\nLocation: http://127.0.0.1/elsewhere"));
	assert_true(receive(&again, "204 No Content"));
	expect_signature(&again);
	assert_string_equal(again.body, asked.body);
	assert_true(strncmp(again.text, "POST /told HTTP/1.1\r\n", 21) == 0);
	header_of(&asked, "webhook-id", id);
	header_of(&again, "webhook-id", same);
	assert_string_equal(id, same);
	answer(asked.json, "no");
	do {
		assert_true(receive(&ended, "200 OK"));
	} while (strcmp(cua_json_text(ended.json, "event"), "run") != 0);
	assert_string_equal(cua_json_text(ended.json, "run"), cua_json_text(run, "id"));
	cJSON_Delete(asked.json);
	cJSON_Delete(again.json);
	cJSON_Delete(redirected.json);
	cJSON_Delete(ended.json);
}

static bool has_failed(void *data)
{
	CUA_AUTO_JSON cJSON *settings = serve_json(&stage, "GET", "/v1/settings", NULL, 200);
	const cJSON *webhook = cJSON_GetArrayItem(cua_json_member(settings, "webhooks"), 0);
	return strstr(cua_json_text(webhook, "last_error"), data) &&
			cua_json_int(webhook, "waiting") > 0;
}

static struct received later;

/* Whoever comes meanwhile is answered, one that was killed while it sent, too. */
static bool has_sent(void *data)
{
	struct pollfd comes = { .fd = receiver, .events = POLLIN };
	if (poll(&comes, 1, 0) > 0 && receive(&later, "200 OK")) {
		assert_string_equal(later.body, data);
	}
	CUA_AUTO_JSON cJSON *settings = serve_json(&stage, "GET", "/v1/settings", NULL, 200);
	const cJSON *webhook = cJSON_GetArrayItem(cua_json_member(settings, "webhooks"), 0);
	return cua_json_int(webhook, "waiting") == 0;
}

/* Where it could not be sent, without what may be a secret. */
static void expect_logged(void)
{
	char log[16384] = "", place[80];
	snprintf(place, sizeof(place), "webhook http://127.0.0.1:%d: it answered 500",
			receiver_port);
	assert_true(pread(stage.server.err, log, sizeof(log) - 1, 0) > 0);
	assert_non_null(strstr(log, place));
	assert_null(strstr(log, "/told"));
}

static void a_killed_server_tells_it_later(void **state)
{
	(void)state;
	static struct received first;
	char refused[] = "500";
	set_webhook(",\"events\":[\"run\"]");
	CUA_AUTO_JSON cJSON *run = start_run();
	cancel_run(run);
	assert_true(receive(&first, "500 No"));
	assert_string_equal(cua_json_text(first.json, "event"), "run");
	wait_until(has_failed, refused, "the failure is known");
	expect_logged();
	serve_stage_kill_and_start(&stage);
	char body[8192];
	snprintf(body, sizeof(body), "%s", first.body);
	wait_until(has_sent, body, "nothing waits any more");
	assert_non_null(later.json);
	cJSON_Delete(first.json);
	cJSON_Delete(later.json);
}

static void without_its_secret_nothing_is_sent(void **state)
{
	(void)state;
	char missing[] = "HOOK";
	set_webhook(",\"events\":[\"run\"]");
	cJSON_Delete(serve_json(&stage, "DELETE", "/v1/secrets/HOOK", NULL, 204));
	CUA_AUTO_JSON cJSON *run = start_run();
	cancel_run(run);
	wait_until(has_failed, missing, "the failure is known");
	/* Who is not told any more gets nothing of what waits. */
	CUA_AUTO_JSON cJSON *none =
			serve_json(&stage, "PATCH", "/v1/settings", "{\"webhooks\":null}", 200);
	assert_int_equal(cJSON_GetArraySize(cua_json_member(none, "webhooks")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_set_is_kept_and_used),
		cmocka_unit_test(what_cannot_be_set_is_refused),
		cmocka_unit_test(who_is_needed_is_told),
		cmocka_unit_test(a_killed_server_tells_it_later),
		cmocka_unit_test(without_its_secret_nothing_is_sent),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}

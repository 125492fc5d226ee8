/* `cua serve` with more runs than may go on at once, and with more streams than a token may have:
 * whose turn it is. What a server that was killed leaves of the desktops that it kept ready. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/serve_socket.h"
#include "tests/standin_process.h"
#include "tests/waiting.h"

#define RUNS 5

static struct serve_stage stage;

static int begin(void **state)
{
	(void)state;
	stage = (struct serve_stage){ .spares = "--spares=1", .option = "--max-streams=2" };
	serve_stage_open(&stage);
	cJSON_Delete(serve_json(&stage, "PATCH", "/v1/settings", "{\"max_agents\":1}", 200));
	serve_stage_keep_key(&stage);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	serve_stage_close(&stage);
	return 0;
}

/* The id of a new run, the caller's. */
static char *start_run(const char *token, const char *project, const char *settings)
{
	char body[512];
	snprintf(body, sizeof(body),
			"{\"task\":\"click twice\",\"project\":\"%s\",\"settings\":%s}", project,
			settings);
	const struct serve_call call = { "POST", "/v1/runs", body, token, { 0 } };
	struct serve_answer answer = serve_send(&stage, &call);
	assert_int_equal(answer.status, 201);
	char *id = strdup(cua_json_text(answer.json, "id"));
	serve_answer_finish(&answer);
	return id;
}

static cJSON *get_run(const char *id)
{
	char path[128];
	snprintf(path, sizeof(path), "/v1/runs/%s", id);
	return serve_json(&stage, "GET", path, NULL, 200);
}

static bool has_ended(void *data)
{
	CUA_AUTO_JSON cJSON *run = get_run(data);
	return !cJSON_IsNull(cua_json_member(run, "ended_ms"));
}

static bool goes_on(void *data)
{
	CUA_AUTO_JSON cJSON *run = get_run(data);
	return cJSON_IsObject(cua_json_member(run, "now"));
}

/* --- the queue --- */

/* A server of models that takes connections and never answers; its port. */
static int open_silent(int *ret_fd)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	*ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(*ret_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(*ret_fd, 8), 0);
	assert_int_equal(getsockname(*ret_fd, (struct sockaddr *)&address, &len), 0);
	return ntohs(address.sin_port);
}

/* A token, the caller's. */
static char *make_token(const char *name)
{
	char body[128];
	snprintf(body, sizeof(body), "{\"name\":\"%s\",\"scopes\":[\"act\"]}", name);
	CUA_AUTO_JSON cJSON *token = serve_json(&stage, "POST", "/v1/tokens", body, 201);
	return strdup(cua_json_text(token, "token"));
}

static double ended_ms(const char *id)
{
	CUA_AUTO_JSON cJSON *run = get_run(id);
	return cua_json_number(run, "ended_ms");
}

/* One agent at a time, which those who came first would have for long. */
static void all_get_their_turn(void **state)
{
	(void)state;
	int silent_fd = -1;
	char settings[200], path[128];
	snprintf(settings, sizeof(settings),
			"{\"model\":\"m\",\"api\":\"responses\",\"base_url\":\"http://127.0.0.1:%d/"
			"v1\"}",
			open_silent(&silent_fd));
	CUA_AUTO_FREE char *busy = make_token("busy"), *other = make_token("other");
	CUA_AUTO_JSON cJSON *large =
			serve_json(&stage, "POST", "/v1/projects", "{\"name\":\"large\"}", 201);
	CUA_AUTO_JSON cJSON *small =
			serve_json(&stage, "POST", "/v1/projects", "{\"name\":\"small\"}", 201);
	const char *many = cua_json_text(large, "id"), *few = cua_json_text(small, "id");
	CUA_AUTO_FREE char *first = start_run(NULL, "default", settings);
	wait_until(goes_on, first, "the run that keeps the others waiting");
	/* Each ends as soon as it begins: there is no such model. */
	const struct {
		const char *token, *project;
		int turn; /* when it is to be */
	} rows[RUNS] = { { busy, many, 0 }, { busy, many, 3 }, { busy, many, 4 },
		{ other, many, 2 }, { busy, few, 1 } };
	char *ids[RUNS];
	const char *in_turn[RUNS] = { NULL };
	for (size_t i = 0; i < RUNS; i++) {
		ids[i] = start_run(rows[i].token, rows[i].project, "{\"model\":\"none-such\"}");
		in_turn[rows[i].turn] = ids[i];
	}
	snprintf(path, sizeof(path), "/v1/runs/%s/cancel", first);
	cJSON_Delete(serve_json(&stage, "POST", path, NULL, 202));
	for (size_t i = 0; i < RUNS; i++) {
		wait_until(has_ended, ids[i], "the end of a run");
	}
	for (size_t i = 1; i < RUNS; i++) {
		if (ended_ms(in_turn[i]) < ended_ms(in_turn[i - 1])) {
			fail_msg("turn %zu came before the one before it", i);
		}
	}
	for (size_t i = 0; i < RUNS; i++) {
		free(ids[i]);
	}
	close(silent_fd);
}

/* --- desktops that are kept ready --- */

/* The name of the one that is spare, which there is, or no other; the caller's. NULL: none. */
static char *find_spare(void)
{
	CUA_AUTO_JSON cJSON *list = serve_json(&stage, "GET", "/v1/desktops", NULL, 200);
	const cJSON *each = NULL;
	char *name = NULL;
	cJSON_ArrayForEach (each, cua_json_member(list, "items")) {
		if (strcmp(cua_json_text(each, "state"), "spare") == 0) {
			assert_null(name);
			name = strdup(cua_json_text(each, "name"));
		}
	}
	return name;
}

static bool has_spare(void *data)
{
	CUA_AUTO_FREE char *name = find_spare();
	return (name != NULL) == *(const bool *)data;
}

static void spares_of_a_killed_server_are_the_next_ones(void **state)
{
	(void)state;
	bool yes = true, no = false;
	struct standin_process model;
	char settings[200];
	standin_process_start(&model, NULL);
	snprintf(settings, sizeof(settings),
			"{\"model\":\"standin\",\"api\":\"responses\",\"base_url\":\"%s\"}",
			model.url);
	CUA_AUTO_FREE char *run = start_run(NULL, "default", settings);
	wait_until(has_ended, run, "the end of a run");
	wait_until(has_spare, &yes, "a spare desktop");
	CUA_AUTO_FREE char *before = find_spare();
	serve_stage_kill_and_start(&stage);
	CUA_AUTO_FREE char *after = find_spare();
	assert_non_null(after);
	assert_string_equal(after, before);
	/* One that wants none has none. */
	stage.spares = "--spares=0";
	serve_stage_kill_and_start(&stage);
	wait_until(has_spare, &no, "the end of the spare desktop");
	standin_process_stop(&model);
}

/* --- streams --- */

static bool may_watch_again(void *data)
{
	struct serve_socket *feed = data;
	serve_socket_close(feed);
	*feed = serve_socket_open(&stage, "/v1/events", true, NULL, NULL);
	return feed->status == 101;
}

/* One token cannot take all that the server has. */
static void a_token_has_so_many_streams(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *other = make_token("other watcher");
	struct serve_socket first = serve_socket_open(&stage, "/v1/events", true, NULL, NULL);
	struct serve_socket second = serve_socket_open(&stage, "/v1/events", false, NULL, NULL);
	assert_int_equal(first.status, 101);
	assert_int_equal(second.status, 200);
	const struct serve_call more = { "GET", "/v1/events", NULL, NULL, { 0 } };
	struct serve_answer refused = serve_send(&stage, &more);
	assert_int_equal(refused.status, 429);
	assert_says(refused.headers, "application/problem+json");
	assert_says(refused.text, "2 streams and WebSockets are open with this token");
	serve_answer_finish(&refused);
	struct serve_socket third = serve_socket_open(&stage, "/v1/events", true, NULL, NULL);
	assert_int_equal(third.status, 429);
	struct serve_socket others = serve_socket_open(&stage, "/v1/events", true, other, NULL);
	assert_int_equal(others.status, 101);
	serve_socket_close(&first);
	wait_until(may_watch_again, &third, "room for another");
	serve_socket_close(&second);
	serve_socket_close(&third);
	serve_socket_close(&others);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_get_their_turn),
		cmocka_unit_test(a_token_has_so_many_streams),
		cmocka_unit_test(spares_of_a_killed_server_are_the_next_ones),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}

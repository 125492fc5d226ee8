/* `cua serve` at work: how soon a run begins, with and without a spare desktop and many at once,
 * and how soon those who watch read of what happens. The model is the stand-in, which answers at
 * once. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/bench/bench_child.h"
#include "cua/bench/bench_topics.h"

#define AT_ONCE 25
#define AT_ONCE_QUICK 3
#define ALONE_MAX 10
#define MANY_ROUNDS 4
#define LINE_MAX_LEN ((size_t)8 << 20)
#define SILENT_MAX_MS 120000
#define LOOK_AGAIN_MS 100

struct serve {
	struct bench *bench;
	struct bench_child standin, server;
	bool has_standin, has_server;
	int standin_port, port;
	char token[128];
	struct cua_http_client *client;
	struct bench_figure *starts, *events;
};

/* --- programs --- */

static enum cua_status start_standin(
		struct serve *serve, const char *program, struct cua_error *err)
{
	const char *const argv[] = { program, "--answer-at-once", "2", "--quiet", NULL };
	const char *line = NULL;
	enum cua_status status = bench_child_start(serve->bench, argv, false, &serve->standin, err);
	serve->has_standin = status == CUA_OK;
	if (status == CUA_OK) {
		status = bench_child_line(&serve->standin, &line, err);
	}
	return status != CUA_OK ||
					sscanf(line, "listening on 127.0.0.1:%d",
							&serve->standin_port) == 1
			? status
			: CUA_FAIL(err, CUA_ERR_APP, 0, "cua-standin says \"%.80s\"", line);
}

static enum cua_status make_token(struct serve *serve, const char *program, struct cua_error *err)
{
	const char *const argv[] = { program, "serve", "token", "bench", "--scopes=admin", NULL };
	struct bench_child child;
	const char *line = NULL;
	enum cua_status status = bench_child_start(serve->bench, argv, false, &child, err);
	if (status == CUA_OK) {
		status = bench_child_line(&child, &line, err);
		snprintf(serve->token, sizeof(serve->token), "%s", status == CUA_OK ? line : "");
		bench_child_end(&child, 0);
	}
	return status;
}

static enum cua_status start_server(struct serve *serve, int spares, struct cua_error *err)
{
	char program[CUA_PATH_MAX], option[32], most[32];
	const char *line = NULL;
	enum cua_status status = cua_program_path("cua", program, sizeof(program), err);
	if (status != CUA_OK) {
		return status;
	}
	snprintf(option, sizeof(option), "--spares=%d", spares);
	snprintf(most, sizeof(most), "--max-agents=%d", AT_ONCE);
	const char *const argv[] = { program, "serve", "--port=0", option, most, NULL };
	status = bench_child_start(serve->bench, argv, false, &serve->server, err);
	serve->has_server = status == CUA_OK;
	if (status == CUA_OK) {
		status = bench_child_line(&serve->server, &line, err);
	}
	if (status == CUA_OK && sscanf(line, "http://127.0.0.1:%d/", &serve->port) != 1) {
		status = CUA_FAIL(err, CUA_ERR_APP, 0, "cua serve says \"%.80s\"", line);
	}
	return status == CUA_OK ? make_token(serve, program, err) : status;
}

static void stop(struct serve *serve)
{
	if (serve->has_server) {
		bench_child_end(&serve->server, SIGTERM);
	}
	if (serve->has_standin) {
		bench_child_end(&serve->standin, SIGTERM);
	}
	cua_http_client_destroy(serve->client);
	serve->client = NULL;
	serve->has_server = serve->has_standin = false;
}

/* --- requests --- */

static enum cua_status ask(struct serve *serve, const char *method, const char *path,
		const char *body, cJSON **ret_json, struct cua_error *err)
{
	char url[256], authorization[200];
	struct cua_http_response response = { 0 };
	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", serve->port, path);
	snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s", serve->token);
	const char *const headers[] = { authorization, "Content-Type: application/json", NULL };
	const struct cua_http_request request = { .method = method,
		.url = url,
		.headers = headers,
		.body = body,
		.body_len = body ? strlen(body) : 0,
		.no_proxy = true,
		.total_timeout_ms = SILENT_MAX_MS };
	enum cua_status status = cua_http_perform(serve->client, &request, &response, err);
	const char *text = response.body.data ? response.body.data : "";
	if (status == CUA_OK && response.http_status / 100 != 2) {
		status = CUA_FAIL(err, CUA_ERR_APP, 0, "%s: %ld %.200s", path, response.http_status,
				text);
	}
	if (status == CUA_OK) {
		*ret_json = cJSON_Parse(text);
	}
	cua_http_response_finish(&response);
	return status;
}

/* Its events, as they come, on a socket of their own. */
static enum cua_status watch(
		const struct serve *serve, const char *run, int *ret_fd, struct cua_error *err)
{
	char head[512];
	const struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)serve->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int len = snprintf(head, sizeof(head),
			"GET /v1/runs/%s/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
			"Authorization: Bearer %s\r\n\r\n",
			run, serve->port, serve->token);
	CUA_AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0 ||
			write(fd, head, (size_t)len) != len) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "cua serve");
	}
	*ret_fd = cua_steal_fd(&fd);
	return CUA_OK;
}

/* --- runs --- */

struct watched {
	char id[64];
	int fd; /* -1: it is over */
	struct cua_buffer text;
};

static double now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Of "2026-11-22T10:00:00.123Z", which is UTC. */
static double event_ms(const cJSON *event)
{
	struct tm utc = { 0 };
	const char *rest = strptime(bench_text(event, "time"), "%Y-%m-%dT%H:%M:%S", &utc);
	return rest ? ((double)timegm(&utc) + strtod(rest, NULL)) * 1e3 : 0;
}

static enum cua_status start_run(struct serve *serve, struct watched *run, struct cua_error *err)
{
	char body[256];
	CUA_AUTO_JSON cJSON *answer = NULL;
	snprintf(body, sizeof(body),
			"{\"task\":\"Click.\",\"settings\":{\"model\":\"standin\",\"api\":\"chat\","
			"\"base_url\":\"http://127.0.0.1:%d/v1\"}}",
			serve->standin_port);
	enum cua_status status = ask(serve, "POST", "/v1/runs", body, &answer, err);
	snprintf(run->id, sizeof(run->id), "%s", bench_text(answer, "id"));
	return status == CUA_OK ? watch(serve, run->id, &run->fd, err) : status;
}

static enum cua_status take_line(
		struct serve *serve, struct watched *run, const char *line, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *message =
			strncmp(line, "data: ", 6) == 0 ? cJSON_Parse(line + 6) : NULL;
	const cJSON *event = cJSON_GetObjectItemCaseSensitive(message, "event");
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(message, "over"))) {
		cua_closep(&run->fd);
	}
	return event ? bench_figure_sample(serve->events, now_ms() - event_ms(event), err) : CUA_OK;
}

static enum cua_status take_bytes(struct serve *serve, struct watched *run, struct cua_error *err)
{
	char bytes[65536];
	const ssize_t len = read(run->fd, bytes, sizeof(bytes));
	if (len <= 0) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "cua serve ended the events of %s",
				run->id);
	}
	enum cua_status status = cua_buffer_append(&run->text, bytes, (size_t)len, err);
	char *at = run->text.data, *end = NULL;
	while (status == CUA_OK && run->fd >= 0 &&
			(end = memchr(at, '\n', run->text.len - (size_t)(at - run->text.data)))) {
		*end = '\0';
		status = take_line(serve, run, at, err);
		at = end + 1;
	}
	if (at) {
		run->text.len -= (size_t)(at - run->text.data);
		memmove(run->text.data, at, run->text.len);
	}
	return status;
}

/* Who watches reads from the first event on, while others are still to be started: on a thread of
 * its own. */
struct following {
	struct serve *serve;
	struct watched *runs;
	int count;
	atomic_int watched; /* so many of them so far; count at the end, whatever happened */
	int more_fd;        /* is told of it */
	enum cua_status status;
	struct cua_error error;
};

/* How many are not over. */
static int list_fds(struct following *following, struct pollfd *fds, int *ret_watched)
{
	int left = 0;
	*ret_watched = atomic_load(&following->watched);
	for (int i = 0; i < *ret_watched; i++) {
		fds[i] = (struct pollfd){ .fd = following->runs[i].fd, .events = POLLIN };
		left += following->runs[i].fd >= 0;
	}
	fds[*ret_watched] = (struct pollfd){ .fd = following->more_fd, .events = POLLIN };
	fds[*ret_watched + 1] =
			(struct pollfd){ .fd = following->serve->bench->stop_fd, .events = POLLIN };
	return left;
}

static enum cua_status follow(struct following *following, struct cua_error *err)
{
	struct pollfd fds[AT_ONCE + 2];
	uint64_t more = 0;
	int watched = 0;
	for (;;) {
		const int left = list_fds(following, fds, &watched);
		if (left == 0 && watched == following->count) {
			return CUA_OK;
		}
		if (poll(fds, (nfds_t)watched + 2, SILENT_MAX_MS) <= 0) {
			return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "nothing happens in %d runs",
					left);
		}
		if (fds[watched].revents) {
			(void)!read(following->more_fd, &more, sizeof(more));
		}
		enum cua_status status = bench_check(following->serve->bench, err);
		for (int i = 0; status == CUA_OK && i < watched; i++) {
			status = fds[i].revents
					? take_bytes(following->serve, &following->runs[i], err)
					: CUA_OK;
		}
		if (status != CUA_OK) {
			return status;
		}
	}
}

static void *on_follow(void *data)
{
	struct following *following = data;
	following->status = follow(following, &following->error);
	return NULL;
}

static enum cua_status note_start(struct serve *serve, const char *id, struct cua_error *err)
{
	char path[128];
	CUA_AUTO_JSON cJSON *run = NULL;
	snprintf(path, sizeof(path), "/v1/runs/%.64s", id);
	enum cua_status status = ask(serve, "GET", path, NULL, &run, err);
	if (status == CUA_OK && strcmp(bench_text(run, "state"), "done") != 0) {
		status = CUA_FAIL(err, CUA_ERR_APP, 0, "a run is %s: %.200s",
				bench_text(run, "state"), bench_text(run, "error"));
	}
	return status == CUA_OK
			? bench_figure_sample(serve->starts,
					  bench_number(run, "started_ms", 0) -
							  bench_number(run, "created_ms", 0),
					  err)
			: status;
}

static void note_watched(struct following *following, int watched)
{
	const uint64_t one = 1;
	atomic_store(&following->watched, watched);
	(void)!write(following->more_fd, &one, sizeof(one));
}

/* Those that could not be started are over, for who follows. */
static enum cua_status start_and_follow(
		struct serve *serve, struct watched *runs, int count, struct cua_error *err)
{
	struct following following = {
		.serve = serve, .runs = runs, .count = count, .more_fd = eventfd(0, EFD_CLOEXEC)
	};
	CUA_AUTO_FD int more_fd = following.more_fd;
	enum cua_status status = CUA_OK;
	pthread_t thread;
	if (more_fd < 0 || pthread_create(&thread, NULL, on_follow, &following) != 0) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, errno, "a thread that watches");
	}
	for (int i = 0; status == CUA_OK && i < count; i++) {
		status = start_run(serve, &runs[i], err);
		note_watched(&following, i + 1);
	}
	note_watched(&following, count);
	pthread_join(thread, NULL);
	if (status == CUA_OK && following.status != CUA_OK) {
		*err = following.error;
		status = following.status;
	}
	return status;
}

static enum cua_status run_at_once(struct serve *serve, int count, struct cua_error *err)
{
	struct watched *runs = calloc((size_t)count, sizeof(*runs));
	enum cua_status status = runs ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "runs");
	for (int i = 0; runs && i < count; i++) {
		runs[i].fd = -1;
		cua_buffer_init(&runs[i].text, LINE_MAX_LEN);
	}
	if (status == CUA_OK) {
		status = start_and_follow(serve, runs, count, err);
	}
	for (int i = 0; status == CUA_OK && i < count; i++) {
		status = note_start(serve, runs[i].id, err);
	}
	for (int i = 0; runs && i < count; i++) {
		cua_closep(&runs[i].fd);
		cua_buffer_finish(&runs[i].text);
	}
	free(runs);
	return status;
}

/* --- figures --- */

static enum cua_status add_figures(struct serve *serve, const char *by, struct cua_error *err)
{
	struct bench_key key = { .topic = "serve",
		.screen = "",
		.by = by,
		.unit = "ms",
		.not_compared = true,
		.name = "from the request for a run until it has begun" };
	serve->starts = bench_figure_add(serve->bench, &key, err);
	key.name = "from an event of a run until who watches has read it";
	serve->events = serve->starts ? bench_figure_add(serve->bench, &key, err) : NULL;
	return serve->events ? CUA_OK : CUA_ERR_NOMEM;
}

static enum cua_status await_spares(struct serve *serve, int count, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + (uint64_t)SILENT_MAX_MS * 1000;
	for (;;) {
		CUA_AUTO_JSON cJSON *list = NULL;
		const cJSON *desktop = NULL;
		int found = 0;
		enum cua_status status =
				ask(serve, "GET", "/v1/desktops?limit=100", NULL, &list, err);
		cJSON_ArrayForEach (desktop, cJSON_GetObjectItemCaseSensitive(list, "items")) {
			found += strcmp(bench_text(desktop, "state"), "spare") == 0;
		}
		if (status != CUA_OK || found >= count) {
			return status;
		}
		if (cua_now_us() > deadline_us) {
			return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "%d spare desktops of %d", found,
					count);
		}
		status = bench_pause(serve->bench, LOOK_AGAIN_MS, err);
		if (status != CUA_OK) {
			return status;
		}
	}
}

static enum cua_status measure(struct serve *serve, int at_once, int spares, struct cua_error *err)
{
	char by[BENCH_WORD_MAX];
	const int most = at_once > 1 ? MANY_ROUNDS : ALONE_MAX;
	const int rounds = serve->bench->runs < most ? serve->bench->runs : most;
	snprintf(by, sizeof(by), "%d at once, %s", at_once,
			spares > 0 ? "with spare desktops" : "without spare desktops");
	bench_progress(serve->bench, "serve: %s", by);
	enum cua_status status = CUA_OK;
	if (spares > 0) {
		/* The first tells which kind is wanted, and is none of the figures. */
		struct bench_figure first = { 0 };
		serve->starts = serve->events = &first;
		status = run_at_once(serve, 1, err);
		bench_samples_finish(&first.samples);
	}
	if (status == CUA_OK) {
		status = add_figures(serve, by, err);
	}
	for (int i = 0; status == CUA_OK && i < rounds; i++) {
		status = spares > 0 ? await_spares(serve, spares, err) : CUA_OK;
		if (status == CUA_OK) {
			status = run_at_once(serve, at_once, err);
		}
	}
	return status;
}

static enum cua_status measure_with(struct bench *bench, const char *standin, int at_once,
		int spares, struct cua_error *err)
{
	struct serve serve = { .bench = bench };
	enum cua_status status = cua_http_client_create(NULL, bench->stop_fd, &serve.client, err);
	if (status == CUA_OK) {
		status = start_standin(&serve, standin, err);
	}
	if (status == CUA_OK) {
		status = start_server(&serve, spares, err);
	}
	if (status == CUA_OK) {
		status = measure(&serve, at_once, spares, err);
	}
	stop(&serve);
	return status;
}

enum cua_status bench_serve(struct bench *bench, struct cua_error *err)
{
	const int many = bench->quick ? AT_ONCE_QUICK : AT_ONCE;
	const struct {
		int at_once, spares;
	} rows[] = { { 1, 0 }, { 1, 1 }, { many, 0 }, { many, many } };
	char standin[CUA_PATH_MAX];
	enum cua_status status = cua_program_path("cua-standin", standin, sizeof(standin), err);
	if (status != CUA_OK || access(standin, X_OK) != 0) {
		bench_progress(bench, "serve: cua-standin is not built");
		return status;
	}
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(rows); i++) {
		status = measure_with(bench, standin, rows[i].at_once, rows[i].spares, err);
	}
	return status;
}

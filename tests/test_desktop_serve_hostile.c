/* `cua serve` and those it does not know: every host and origin over every way to speak to it,
 * bodies of strangers, heads that never end, what is too large, guesses, and what is written down
 * of all that. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/serve_stage.h"
#include "tests/waiting.h"

#define LORISES 620 /* more than STRANGERS_MAX in server.c */
#define LORISES_LEFT 510

static struct serve_stage stage;
static int port;

static int begin(void **state)
{
	struct rlimit limit;
	(void)state;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	serve_stage_open(&stage);
	port = (int)strtol(strrchr(stage.base, ':') + 1, NULL, 10);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	serve_stage_close(&stage);
	return 0;
}

static int dial(void)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct timeval patience = { .tv_sec = 30 };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The head of the answer up to what is there; its status, 0 if the connection ended. */
static int hear(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t got = 0;
	int status = 0;
	while (len < size - 1 && (got = recv(fd, text + len, size - 1 - len, 0)) > 0) {
		len += (size_t)got;
		text[len] = '\0';
		if (strstr(text, "\r\n\r\n")) {
			break;
		}
	}
	text[len] = '\0';
	return sscanf(text, "HTTP/1.1 %d ", &status) == 1 ? status : 0;
}

static int ask(const char *request, char *text, size_t size)
{
	const int fd = dial();
	say(fd, request);
	const int status = hear(fd, text, size);
	close(fd);
	return status;
}

/* --- hosts, origins, transports --- */

static const struct {
	const char *host; /* PORT is ours */
	bool is_ours;
} hosts[] = { { "127.0.0.1:PORT", true }, { "localhost:PORT", true }, { "[::1]:PORT", true },
	{ "LOCALHOST:PORT", true }, { "agents.example.org", true }, { "", false },
	{ "127.0.0.1", false }, { "127.0.0.1:80", false }, { "evil.example", false },
	{ "localhost.evil.example:PORT", false }, { "127.0.0.1:PORT.evil.example", false },
	{ "agents.example.org.", false } };

static const struct {
	const char *origin; /* NULL: not sent */
	bool is_ours;
} origins[] = { { NULL, true }, { "http://127.0.0.1:PORT", true },
	{ "http://localhost:PORT", true }, { "https://agents.example.org", true },
	{ "null", false }, { "http://evil.example", false }, { "https://127.0.0.1:PORT", false },
	{ "http://127.0.0.1", false }, { "http://agents.example.org", false },
	{ "http://127.0.0.1:PORT.evil.example", false } };

#define UPGRADE \
	"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"

/* Each with the admin's token, and what comes of it where host and origin are ours. */
static const struct {
	const char *name, *line, *headers, *body;
	int status;
} transports[] = { { "HTTP", "GET /v1/session", "", "", 200 },
	{ "WebSocket", "GET /v1/events", UPGRADE, "", 101 },
	{ "MCP", "POST /mcp",
			"Content-Type: application/json\r\nAccept: application/json, "
			"text/event-stream\r\n",
			PING, 200 },
	{ "server-sent events", "GET /v1/events", "", "", 200 },
	{ "RFB", "GET /v1/desktops/none/rfb", UPGRADE, "", 0 } };

/* With our port in the place of PORT. */
static const char *with_port(const char *text, char *to, size_t size)
{
	const char *mark = strstr(text, "PORT");
	if (mark) {
		snprintf(to, size, "%.*s%d%s", (int)(mark - text), text, port, mark + 4);
	} else {
		snprintf(to, size, "%s", text);
	}
	return to;
}

static void expect_cell(size_t host, size_t origin, size_t transport)
{
	char named[128], from[128] = "", line[192] = "", request[2048], answer[8192];
	with_port(hosts[host].host, named, sizeof(named));
	if (origins[origin].origin) {
		snprintf(line, sizeof(line), "Origin: %s\r\n",
				with_port(origins[origin].origin, from, sizeof(from)));
	}
	char length[64] = "";
	if (transports[transport].body[0]) {
		snprintf(length, sizeof(length), "Content-Length: %zu\r\n",
				strlen(transports[transport].body));
	}
	snprintf(request, sizeof(request),
			"%s HTTP/1.1\r\nHost: %s\r\n%s%s%sAuthorization: Bearer %s\r\n\r\n%s",
			transports[transport].line, named, line, transports[transport].headers,
			length, stage.token, transports[transport].body);
	const int status = ask(request, answer, sizeof(answer));
	const bool is_let_in = hosts[host].is_ours && origins[origin].is_ours;
	const int wanted = transports[transport].status;
	const bool is_right = !hosts[host].is_ours ? status == 421 || status == 400
			: !is_let_in               ? status == 403
			: wanted                   ? status == wanted
				 : status != 421 && status != 403 && status >= 400;
	if (!is_right) {
		fail_msg("%s to '%s' from '%s': %d\n%s", transports[transport].name, named,
				origins[origin].origin ? from : "-", status, answer);
	}
	if (!is_let_in && strstr(answer, stage.token)) {
		fail_msg("a refusal repeats the token");
	}
}

static void every_host_and_origin_over_every_transport(void **state)
{
	size_t cells = 0;
	(void)state;
	for (size_t h = 0; h < CUA_ARRAY_LEN(hosts); h++) {
		for (size_t o = 0; o < CUA_ARRAY_LEN(origins); o++) {
			for (size_t t = 0; t < CUA_ARRAY_LEN(transports); t++) {
				expect_cell(h, o, t);
				cells++;
			}
		}
	}
	assert_int_equal(cells, 600);
}

static void nothing_is_open_to_pages_of_other_sites(void **state)
{
	static const char *const sites[] = { "cross-site", "same-site", "something new" };
	char request[1024], answer[8192];
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(sites); i++) {
		snprintf(request, sizeof(request),
				"GET /v1/session HTTP/1.1\r\nHost: localhost:%d\r\n"
				"Sec-Fetch-Site: %s\r\nSec-Fetch-Mode: cors\r\n"
				"Authorization: Bearer %s\r\n\r\n",
				port, sites[i], stage.token);
		assert_int_equal(ask(request, answer, sizeof(answer)), 403);
		assert_null(strcasestr(answer, "access-control-allow"));
	}
}

/* --- bodies --- */

/* The head alone is sent; who is refused is told at once. */
static void a_body_is_not_read_before_its_sender_is_known(void **state)
{
	static const struct {
		const char *line, *token;
		size_t len;
		int status; /* 0: it is waited for */
	} tries[] = { { "POST /v1/runs", "", 1000000, 401 },
		{ "POST /v1/runs", "wrong", 1000000, 401 }, { "POST /v1/runs", NULL, 1000000, 0 },
		{ "POST /v1/projects", NULL, 100000, 413 }, { "POST /v1/projects", NULL, 1000, 0 },
		{ "POST /v1/login", "", 100000, 413 }, { "POST /v1/login", "", 100, 0 },
		{ "POST /v1/nothing", "", 1000000, 404 }, { "PUT /v1/session", "", 10, 405 },
		{ "POST /v1/runs", NULL, 100000000, 413 } };
	char head[1024], answer[8192], token[256];
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(tries); i++) {
		const char *named = tries[i].token ? tries[i].token : stage.token;
		snprintf(token, sizeof(token), "Authorization: Bearer %s\r\n", named);
		snprintf(head, sizeof(head),
				"%s HTTP/1.1\r\nHost: localhost:%d\r\n%sContent-Type: "
				"application/json\r\nContent-Length: %zu\r\n\r\n",
				tries[i].line, port, named[0] ? token : "", tries[i].len);
		const int fd = dial();
		say(fd, head);
		struct pollfd waiting = { .fd = fd, .events = POLLIN };
		const int answers = poll(&waiting, 1, tries[i].status ? 30000 : 300);
		if (answers != (tries[i].status != 0)) {
			fail_msg("%s with %zu bytes: %s", tries[i].line, tries[i].len,
					answers ? "an answer" : "none");
		}
		if (tries[i].status) {
			assert_int_equal(hear(fd, answer, sizeof(answer)), tries[i].status);
			assert_non_null(strstr(answer, "connection: close"));
		}
		close(fd);
	}
}

static void what_is_too_large_is_refused(void **state)
{
	static const struct {
		const char *before;
		char of;
		size_t len;
		const char *after;
		int most; /* a status up to this one; 0 as well: the connection is closed */
	} tries[] = { { "GET /v1/", 'a', 3000, " HTTP/1.1\r\nHost: localhost\r\n\r\n", 499 },
		{ "GET /v1/files?path=", 'b', 9000, " HTTP/1.1\r\nHost: localhost\r\n\r\n", 499 },
		{ "GET /health HTTP/1.1\r\nHost: ", 'c', 9000, "\r\n\r\n", 499 },
		{ "GET /health HTTP/1.1\r\nHost: localhost\r\nCookie: ", 'd', 70000, "\r\n\r\n",
				499 },
		{ "GET /health HTTP/1.1\r\nHost: localhost\r\nX-", 'e', 70000, ": 1\r\n\r\n", 499 },
		{ "", 'f', 70000, "\r\n\r\n", 499 } };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(tries); i++) {
		char answer[8192];
		CUA_AUTO_FREE char *middle = calloc(1, tries[i].len + 1);
		const int fd = dial();
		memset(middle, tries[i].of, tries[i].len);
		say(fd, tries[i].before);
		/* It may hang up in the middle. */
		(void)!send(fd, middle, tries[i].len, MSG_NOSIGNAL);
		(void)!send(fd, tries[i].after, strlen(tries[i].after), MSG_NOSIGNAL);
		const int status = hear(fd, answer, sizeof(answer));
		close(fd);
		if (status != 0 && (status < 400 || status > tries[i].most)) {
			fail_msg("try %zu: %d", i, status);
		}
	}
	cJSON_Delete(serve_json(&stage, "GET", "/health/detailed", NULL, 200));
}

/* --- strangers --- */

struct lorises {
	int fds[LORISES];
	bool are_over[LORISES];
	int left, told; /* told: of those that are over */
};

static bool are_few(void *data)
{
	struct lorises *lorises = data;
	char said[2048];
	for (int i = 0; i < LORISES; i++) {
		if (lorises->are_over[i]) {
			continue;
		}
		const ssize_t got = recv(lorises->fds[i], said, sizeof(said) - 1, MSG_DONTWAIT);
		if (got < 0 && errno == EAGAIN) {
			continue;
		}
		said[got > 0 ? got : 0] = '\0';
		lorises->are_over[i] = true;
		lorises->left--;
		lorises->told += strncmp(said, "HTTP/1.1 503 ", 13) == 0 ||
				strncmp(said, "HTTP/1.1 408 ", 13) == 0; /* on a slow machine */
	}
	return lorises->left <= LORISES_LEFT;
}

/* Heads that do not end: the oldest of them give way, and who has a token is served. */
static void strangers_do_not_take_the_room_of_others(void **state)
{
	static struct lorises lorises;
	char head[512], answer[8192];
	(void)state;
	const int known = dial();
	snprintf(head, sizeof(head),
			"GET /v1/session HTTP/1.1\r\nHost: localhost:%d\r\n"
			"Authorization: Bearer %s\r\n\r\n",
			port, stage.token);
	say(known, head);
	assert_int_equal(hear(known, answer, sizeof(answer)), 200);
	for (int i = 0; i < LORISES; i++) {
		lorises.fds[i] = dial();
		say(lorises.fds[i], "GET /health HTTP/1.1\r\nHo");
	}
	lorises.left = LORISES;
	wait_until(are_few, &lorises, "the oldest strangers to be hung up on");
	assert_int_equal(lorises.told, LORISES - lorises.left);
	say(known, head);
	assert_int_equal(hear(known, answer, sizeof(answer)), 200);
	cJSON_Delete(serve_json(&stage, "GET", "/v1/session", NULL, 200));
	for (int i = 0; i < LORISES; i++) {
		close(lorises.fds[i]);
	}
	close(known);
}

static void guesses_are_slowed_down_and_right_tokens_are_not(void **state)
{
	struct serve_call guess = { "GET", "/v1/session", NULL, "cua_000000000000_guess", { 0 } };
	int slowed = 0;
	(void)state;
	for (int i = 0; i < 12; i++) {
		struct serve_answer answer = serve_send(&stage, &guess);
		slowed += answer.status == 429;
		if (answer.status == 429) {
			assert_non_null(strcasestr(answer.headers, "retry-after:"));
		} else {
			assert_int_equal(answer.status, 401);
		}
		serve_answer_finish(&answer);
		cJSON_Delete(serve_json(&stage, "GET", "/v1/session", NULL, 200));
	}
	assert_in_range(slowed, 1, 11);
}

/* All that the server has written to a descriptor; the caller frees. */
static char *written_to(int fd)
{
	struct stat info;
	assert_int_equal(fstat(fd, &info), 0);
	char *text = calloc(1, (size_t)info.st_size + 1);
	assert_non_null(text);
	assert_int_equal(pread(fd, text, (size_t)info.st_size, 0), info.st_size);
	return text;
}

struct refused {
	const char *request, *line;
};

/* Again and again: of many that are refused in one second not all are written down. */
static bool is_written_down(void *data)
{
	const struct refused *refused = data;
	char answer[8192];
	(void)ask(refused->request, answer, sizeof(answer));
	CUA_AUTO_FREE char *text = written_to(stage.server.err);
	return strstr(text, refused->line);
}

static void what_is_refused_is_written_down(void **state)
{
	struct refused tries[] = {
		{ "GET /v1/runs?ticket=hidden HTTP/1.1\r\nHost: localhost\r\n\r\n",
				"refused 421: GET /v1/runs from 127.0.0.1\n" },
		{ "GET /%zz HTTP/1.1\r\nX: hidden\r\n\r\n",
				"refused 400: behind % there have to be two hexadecimal digits" },
		{ "BREW /hidden HTTP/1.1\r\n\r\n", "refused 501: no resource here" },
		{ "GET /v1/%1b[2Jx HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /v1/?[2Jx from" },
		{ "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
		  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
				"refused 421: a WebSocket from 127.0.0.1\n" },
	};
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(tries); i++) {
		wait_until(is_written_down, &tries[i], tries[i].line);
	}
}

static void no_secret_is_written_down(void **state)
{
	(void)state;
	const int fds[] = { stage.server.out, stage.server.err };
	for (size_t i = 0; i < CUA_ARRAY_LEN(fds); i++) {
		CUA_AUTO_FREE char *text = written_to(fds[i]);
		assert_null(strstr(text, stage.token));
		assert_null(strstr(text, "cua_000000000000_guess"));
		assert_null(strstr(text, "hidden"));
	}
}

int main(void)
{
	stage.option = "--public-url=https://agents.example.org";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_host_and_origin_over_every_transport),
		cmocka_unit_test(nothing_is_open_to_pages_of_other_sites),
		cmocka_unit_test(a_body_is_not_read_before_its_sender_is_known),
		cmocka_unit_test(what_is_too_large_is_refused),
		cmocka_unit_test(strangers_do_not_take_the_room_of_others),
		cmocka_unit_test(guesses_are_slowed_down_and_right_tokens_are_not),
		cmocka_unit_test(what_is_refused_is_written_down),
		cmocka_unit_test(no_secret_is_written_down),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}

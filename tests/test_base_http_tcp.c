#include "tests/http_site.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/certificate.h"
#include "tests/http_wire.h"
#include "tests/waiting.h"

#define GET_A "GET /a HTTP/1.1\r\nHost: d\r\n\r\n"

/* --- sites --- */

static int open_tcp(void **state)
{
	struct site *site = site_create();
	site->listen.address = "127.0.0.1";
	site_start(site);
	*state = site;
	return 0;
}

static int open_tls(void **state)
{
	struct site *site = site_create();
	wire_use_tls(site);
	site->listen.address = "127.0.0.1";
	site_start(site);
	*state = site;
	return 0;
}

/* The server is well: somebody else gets an answer. */
static void expect_service(struct site *site)
{
	char text[1024];
	struct wire wire = wire_open(site);
	assert_true(wire_say(&wire, GET_A));
	assert_true(wire_read_answer(&wire, text, sizeof(text)));
	assert_memory_equal(text, "HTTP/1.1 200 ", 13);
	wire_close(&wire);
}

/* --- listening --- */

static void a_port_is_given(void **state)
{
	static const char *const addresses[] = { "127.0.0.1", "::1" };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(addresses); i++) {
		struct site *site = site_create();
		site->listen.address = addresses[i];
		site_start(site);
		assert_in_range(cua_http_server_port(site->server), 1, 65535);
		char url[64];
		struct cua_http_client *client = client_of(site, -1);
		for (int k = 0; k < 2; k++) {
			expect_answer(client, site_url(site, "/a?b=1", url, sizeof(url)), NULL,
					"GET /a?b=1 #1 \"\" ");
		}
		expect_answer(client, site_url(site, "/a", url, sizeof(url)), "hello",
				"POST /a? #1 \"\" hello");
		cua_http_client_destroy(client);
		void *taken = site;
		close_site(&taken);
	}
}

/* What was begun is undone: neither descriptors nor handles are left. */
static void expect_failure(const struct cua_http_listen *listen, enum cua_status expected,
		const char *part_of_message)
{
	const int before = open_fds();
	const struct cua_http_handler handler = { 0 };
	struct cua_http_server *server = NULL;
	struct cua_error err = { 0 };
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	const enum cua_status status =
			cua_http_server_create(&loop, listen, &handler, &server, &err);
	if (status != expected || !strstr(err.msg, part_of_message)) {
		fail_msg("%s, not %s: %s", cua_status_name(status), cua_status_name(expected),
				err.msg);
	}
	assert_null(server);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(open_fds(), before);
}

static void no_server_where_it_cannot_be(void **state)
{
	const struct site *site = *state;
	const int port = cua_http_server_port(site->server);
	char other[64];
	snprintf(other, sizeof(other), "127.0.0.1 port %d", port);
	expect_failure(&(struct cua_http_listen){ .address = "127.0.0.1", .port = port },
			CUA_ERR_EXISTS, other);
	expect_failure(&(struct cua_http_listen){ .address = "localhost" }, CUA_ERR_IO,
			"localhost");
	expect_failure(&(struct cua_http_listen){ .address = "127.0.0.300" }, CUA_ERR_IO,
			"127.0.0.300");
	expect_failure(&(struct cua_http_listen){ .address = "192.0.2.1" }, CUA_ERR_IO,
			"192.0.2.1");
	expect_failure(&(struct cua_http_listen){ .address = "" }, CUA_ERR_IO, "cannot listen");
}

static void no_server_with_bad_tls_files(void **state)
{
	struct site *site = *state;
	wire_use_tls(site);
	char other[64], other_key[64], text[64];
	snprintf(other, sizeof(other), "%s/other.pem", site->dir);
	snprintf(other_key, sizeof(other_key), "%s/other-key.pem", site->dir);
	snprintf(text, sizeof(text), "%s/text.pem", site->dir);
	certificate_write("IP:127.0.0.1", other, other_key);
	FILE *file = fopen(text, "we");
	fputs("no PEM\n", file);
	fclose(file);
	const char *const cases[][3] = { /* certificate, key, and what is said of them */
		{ site->certificate, other_key, "key values mismatch" },
		{ site->certificate, text, text }, { text, site->key, text },
		{ site->key, site->certificate, site->key },
		{ "/nonexistent", site->key, "/nonexistent" },
		{ site->certificate, "/nonexistent", "No such file" },
		{ site->certificate, NULL, "key is missing" },
		{ NULL, site->key, "certificate is missing" }
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		expect_failure(&(struct cua_http_listen){ .address = "127.0.0.1",
					       .certificate_path = cases[i][0],
					       .key_path = cases[i][1] },
				CUA_ERR_INVAL, cases[i][2]);
	}
	unlink(other);
	unlink(other_key);
	unlink(text);
}

/* --- TLS --- */

static void an_answer_of_5_mb_is_whole(void **state)
{
	struct site *site = *state;
	char url[64];
	struct cua_http_client *client = client_of(site, -1);
	const struct cua_http_request request =
			request_to("GET", site_url(site, "/big", url, sizeof(url)));
	for (int i = 0; i < 2; i++) {
		struct cua_http_response response;
		struct cua_error err = { 0 };
		if (cua_http_perform(client, &request, &response, &err) != CUA_OK) {
			fail_msg("%s", err.msg);
		}
		assert_int_equal(response.body.len, BIG_LEN);
		assert_memory_equal(response.body.data, site->big, BIG_LEN);
		cua_http_response_finish(&response);
	}
	/* The connection is kept, and a body arrives. */
	char other[64], *body = calloc(1, BODY_MAX + 1), *expected = malloc(BODY_MAX + 64);
	assert_non_null(body);
	assert_non_null(expected);
	memset(body, 'b', BODY_MAX);
	snprintf(expected, BODY_MAX + 64, "POST /a? #1 \"\" %s", body);
	expect_answer(client, site_url(site, "/a", other, sizeof(other)), body, expected);
	expect_answer(client, site_url(site, "/a", other, sizeof(other)), NULL, "GET /a? #1 \"\" ");
	free(body);
	free(expected);
	cua_http_client_destroy(client);
}

/* A client that reads slowly gets it all, and one that goes in the middle harms nobody. */
static void a_slow_reader_gets_it_all(void **state)
{
	struct site *site = *state;
	char *text = malloc(BIG_LEN + 1024);
	assert_non_null(text);
	struct wire hasty = wire_open(site), slow = wire_open(site);
	assert_true(wire_say(&hasty, "GET /big HTTP/1.1\r\nHost: d\r\n\r\n"));
	assert_true(wire_say(&slow, "GET /big HTTP/1.1\r\nHost: d\r\n\r\n"));
	assert_int_equal(wire_receive(&hasty, text, 100), 100);
	wire_close(&hasty);
	assert_int_equal(next_told(site, ""), 'c');
	expect_service(site);
	assert_true(wire_read_answer(&slow, text, BIG_LEN + 1024));
	assert_memory_equal(strstr(text, "\r\n\r\n") + 4, site->big, BIG_LEN);
	wire_close(&slow);
	free(text);
}

static void only_http_1_is_negotiated(void **state)
{
	static const unsigned char offer[] = "\x02h2\x08http/1.1";
	struct site *site = *state;
	struct wire wire = { .fd = raw_connect(site), .context = SSL_CTX_new(TLS_client_method()) };
	wire.tls = SSL_new(wire.context);
	assert_int_equal(SSL_set_alpn_protos(wire.tls, offer, sizeof(offer) - 1), 0);
	SSL_set_fd(wire.tls, wire.fd);
	assert_int_equal(SSL_connect(wire.tls), 1);
	const unsigned char *chosen = NULL;
	unsigned len = 0;
	SSL_get0_alpn_selected(wire.tls, &chosen, &len);
	assert_int_equal(len, 8);
	assert_memory_equal(chosen, "http/1.1", 8);
	assert_true(SSL_version(wire.tls) >= TLS1_2_VERSION);
	char text[1024];
	assert_true(wire_say(&wire, GET_A));
	assert_true(wire_read_answer(&wire, text, sizeof(text)));
	wire_close(&wire);
}

static bool has_fds(void *data)
{
	return open_fds() == *(const int *)data;
}

static void plain_http_on_a_tls_port_does_no_harm(void **state)
{
	struct site *site = *state;
	static const char *const texts[] = { GET_A, "\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" };
	int before = open_fds();
	for (size_t i = 0; i < CUA_ARRAY_LEN(texts); i++) {
		char text[1024];
		int fd = raw_connect(site);
		raw_send(fd, texts[i]);
		shutdown(fd, SHUT_WR);
		raw_read(fd, false, text, sizeof(text));
		assert_null(strstr(text, " 200 "));
		close(fd);
	}
	expect_service(site);
	wait_until(has_fds, &before, "the end of all connections");
}

/* --- how many --- */

/* 0: no bound. */
static int open_bounded(void **state, int max_connections, int max_strangers)
{
	struct site *site = site_create();
	site->listen.address = "127.0.0.1";
	site->listen.max_connections = max_connections;
	site->listen.max_strangers = max_strangers;
	site_start(site);
	*state = site;
	return 0;
}

static int open_for_three(void **state)
{
	return open_bounded(state, 3, 0);
}

static void one_too_many_is_told_so(void **state)
{
	struct site *site = *state;
	char text[1024];
	struct wire wires[3];
	for (int i = 0; i < 3; i++) {
		wires[i] = wire_open(site);
		assert_true(wire_say(&wires[i], GET_A));
		assert_true(wire_read_answer(&wires[i], text, sizeof(text)));
	}
	for (int i = 0; i < 5; i++) {
		struct wire next = wire_open(site);
		assert_true(wire_read_answer(&next, text, sizeof(text)));
		assert_memory_equal(text, "HTTP/1.1 503 ", 13);
		assert_non_null(strstr(text, "too many are connected"));
		assert_true(wire_is_over(&next));
		wire_close(&next);
	}
	for (int i = 0; i < 3; i++) {
		assert_true(wire_say(&wires[i], GET_A));
		assert_true(wire_read_answer(&wires[i], text, sizeof(text)));
	}
	wire_close(&wires[0]);
	assert_int_equal(next_told(site, ""), 'c');
	expect_service(site);
	wire_close(&wires[1]);
	wire_close(&wires[2]);
}

static int open_for_one_stranger(void **state)
{
	return open_bounded(state, 0, 1);
}

static bool has_arrived(void *fd)
{
	int unsent = 0;
	assert_int_equal(ioctl(*(int *)fd, SIOCOUTQ, &unsent), 0);
	return unsent == 0;
}

static void do_nothing(struct site *site, void *data)
{
	(void)site, (void)data;
}

static void who_has_to_go_is_told_so_in_a_head_alone(void **state)
{
	struct site *site = *state;
	char text[1024];
	struct wire asked = wire_open(site);
	assert_true(wire_say(&asked, "GET /late HTTP/1.1\r\nHost: d\r\n\r\n"));
	assert_int_equal(next_told(site, ""), 'r');
	struct wire begun = wire_open(site);
	/* Its answer may be under way. */
	assert_true(wire_is_over(&asked));
	assert_true(wire_say(&begun, "GET /a HTTP/1.1\r\nHo"));
	wait_until(has_arrived, &begun.fd, "the beginning of a head to arrive");
	site_call(site, do_nothing, NULL); /* and what came before it is read */
	struct wire last = wire_open(site);
	assert_true(wire_read_answer(&begun, text, sizeof(text)));
	assert_memory_equal(text, "HTTP/1.1 503 ", 13);
	assert_true(wire_is_over(&begun));
	assert_true(wire_say(&last, "GET /release HTTP/1.1\r\nHost: d\r\n\r\n"));
	assert_true(wire_read_answer(&last, text, sizeof(text)));
	wire_close(&asked);
	wire_close(&begun);
	wire_close(&last);
}

#define MANY 64

/* Connects and asks as often as it can; then hangs up on all when the pipe is closed. */
static void connect_many(const struct site *site, int until_closed)
{
	int fds[MANY];
	char byte;
	for (int i = 0; i < MANY; i++) {
		fds[i] = raw_connect(site);
		raw_send(fds[i], GET_A);
	}
	(void)!write(site->told[1], "m", 1);
	while (read(until_closed, &byte, 1) > 0) {
	}
	_exit(0);
}

/* Of the process: the server's threads, and this one. */
static uint64_t cpu_us(void)
{
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
			(uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static void expect_little_work(uint64_t before_us, int ms)
{
	struct pollfd nothing = { .fd = -1 };
	assert_int_equal(poll(&nothing, 1, ms), 0);
	const uint64_t used_us = cpu_us() - before_us;
	if (used_us > 200U * (uint64_t)ms) {
		fail_msg("%lu us of CPU time in %d ms", (unsigned long)used_us, ms);
	}
}

static void without_descriptors_it_does_not_spin(void **state)
{
	struct site *site = *state;
	struct rlimit old, low;
	int until_closed[2];
	expect_service(site);
	assert_int_equal(next_told(site, ""), 'c');
	assert_int_equal(pipe(until_closed), 0);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(until_closed[1]);
		char go;
		(void)!read(until_closed[0], &go, 1);
		connect_many(site, until_closed[0]);
	}
	close(until_closed[0]);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = (rlim_t)open_fds() + 12;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(write(until_closed[1], "g", 1), 1);
	assert_int_equal(next_told(site, "c"), 'm');
	const uint64_t before_us = cpu_us();
	expect_little_work(before_us, 1000);
	close(until_closed[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	expect_service(site); /* with as few descriptors as before */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	expect_service(site);
}

/* Which no look at what has come gets past. */
static void urgent_data_do_not_spin(void **state)
{
	struct site *site = *state;
	char text[1024];
	struct wire wire = wire_open(site);
	const uint64_t before_us = cpu_us();
	assert_true(wire_say(&wire, "GE"));
	assert_int_equal(send(wire.fd, "x", 1, MSG_OOB), 1);
	assert_true(wire_say(&wire, "T /a HTTP/1.1\r\nHost: d\r\n\r\n"));
	expect_little_work(before_us, 500);
	assert_true(wire_read_answer(&wire, text, sizeof(text)));
	assert_memory_equal(text, "HTTP/1.1 400 ", 13);
	wire_close(&wire);
	expect_service(site);
}

/* Whoever reads on has the whole answer all the same; with TLS, of which nobody could say what it
 * is, the connection ends. */
static void who_sends_but_does_not_read_costs_nothing(void **state)
{
	struct site *site = *state;
	struct wire wire = wire_open(site);
	const uint64_t before_us = cpu_us();
	assert_true(wire_say(&wire, "GET /big HTTP/1.1\r\nHost: d\r\n\r\n"));
	struct pollfd begun = { .fd = wire.fd, .events = POLLIN };
	assert_int_equal(poll(&begun, 1, PATIENCE_MS), 1);
	assert_true(wire_say(&wire, "x"));
	expect_little_work(before_us, 1000);
	if (!wire.tls) {
		CUA_AUTO_FREE char *answer = malloc(BIG_LEN);
		assert_int_equal(wire_receive(&wire, answer, BIG_LEN), BIG_LEN);
	}
	wire_close(&wire);
	expect_service(site);
}

/* --- how slow --- */

static void expect_too_late(struct wire *wire)
{
	char text[1024];
	assert_true(wire_read_answer(wire, text, sizeof(text)));
	assert_memory_equal(text, "HTTP/1.1 408 ", 13);
	assert_int_equal(wire_drain(wire), 0);
}

/* Until there is an answer. */
static void send_drop_by_drop(struct wire *wire, const char *begin)
{
	const uint64_t begun_us = cua_now_us();
	assert_true(wire_say(wire, begin));
	while (!wire_is_answered(wire, 100)) {
		assert_true(wire_say(wire, "x"));
		if (cua_now_us() - begun_us > 14000000) {
			fail_msg("still open");
		}
	}
	expect_too_late(wire);
}

static void a_head_without_end_is_refused(void **state)
{
	struct site *site = *state;
	char text[1024];
	struct wire kept = wire_open(site), silent = wire_open(site), slow = wire_open(site);
	struct wire idle = wire_open(site);     /* waits for nothing, and may */
	const int tcp_only = raw_connect(site); /* nothing, not even of TLS */
	const uint64_t begun_us = cua_now_us();
	assert_true(wire_say(&kept, GET_A));
	assert_true(wire_read_answer(&kept, text, sizeof(text)));
	assert_true(wire_say(&idle, "POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n"));
	assert_true(wire_read_answer(&idle, text, sizeof(text)));
	assert_true(wire_say(&kept, "GET /a HTTP/1.1\r\nHost: d\r\nX-A: "));
	send_drop_by_drop(&slow, "GET /a HTTP/1.1\r\nHost: d\r\nX-A: ");
	expect_too_late(&kept);
	assert_int_equal(wire_drain(&silent), 0);
	assert_true(wire_say(&idle, GET_A));
	assert_true(wire_read_answer(&idle, text, sizeof(text)));
	wire_close(&idle);
	wire_close(&kept);
	wire_close(&silent);
	wire_close(&slow);
	assert_true(raw_is_over(tcp_only));
	assert_true(cua_now_us() - begun_us < 14000000);
	close(tcp_only);
}

static int open_impatient(void **state)
{
	struct site *site = site_create();
	site->listen.address = "127.0.0.1";
	site->listen.body_timeout_ms = 500;
	site_start(site);
	*state = site;
	return 0;
}

static void a_body_drop_by_drop_ends(void **state)
{
	struct site *site = *state;
	struct wire wire = wire_open(site);
	const uint64_t begun_us = cua_now_us();
	send_drop_by_drop(&wire, "POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 1000\r\n\r\n");
	assert_in_range(cua_now_us() - begun_us, 400000, 5000000);
	wire_close(&wire);
	expect_service(site);
}

#define ON_TCP(test) cmocka_unit_test_setup_teardown(test, open_tcp, close_site)
#define ON_TLS(test) cmocka_unit_test_setup_teardown(test, open_tls, close_site)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_port_is_given),
		ON_TCP(no_server_where_it_cannot_be),
		ON_TCP(no_server_with_bad_tls_files),
		ON_TCP(an_answer_of_5_mb_is_whole),
		ON_TLS(an_answer_of_5_mb_is_whole),
		ON_TCP(a_slow_reader_gets_it_all),
		ON_TLS(a_slow_reader_gets_it_all),
		ON_TLS(only_http_1_is_negotiated),
		ON_TLS(plain_http_on_a_tls_port_does_no_harm),
		cmocka_unit_test_setup_teardown(
				one_too_many_is_told_so, open_for_three, close_site),
		cmocka_unit_test_setup_teardown(who_has_to_go_is_told_so_in_a_head_alone,
				open_for_one_stranger, close_site),
		ON_TCP(without_descriptors_it_does_not_spin),
		ON_TCP(urgent_data_do_not_spin),
		ON_TCP(who_sends_but_does_not_read_costs_nothing),
		ON_TLS(who_sends_but_does_not_read_costs_nothing),
		ON_TCP(a_head_without_end_is_refused),
		ON_TLS(a_head_without_end_is_refused),
		cmocka_unit_test_setup_teardown(
				a_body_drop_by_drop_ends, open_impatient, close_site),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

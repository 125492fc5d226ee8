/* The egress proxy, with clients that mean well and clients that do not. */

#include "tests/egress_stage.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "cua/egress/proxy_internal.h"
#include "cua/egress/relay.h"
#include "tests/client_hello.h"
#include "tests/waiting.h"

static struct egress_stage stage;

static int start(void **state)
{
	(void)state;
	egress_stage_start(&stage, NULL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	egress_stage_stop(&stage);
	return 0;
}

static void expect_answer(const char *request, const char *status, const char *why)
{
	char answer[4096];
	egress_stage_ask(&stage, request, answer, sizeof(answer));
	if (strncmp(answer, status, strlen(status)) != 0 || !strstr(answer, why)) {
		fail_msg("%s was answered %s", request, answer);
	}
}

#define PLAIN(host) "GET http://" host "/ HTTP/1.1\r\nHost: " host "\r\n\r\n"
#define CONNECT(host) "CONNECT " host " HTTP/1.1\r\nHost: " host "\r\n\r\n"

/* --- what is allowed --- */

static void a_plain_request_reaches_its_server(void **state)
{
	char request[1024];
	(void)state;
	expect_answer("GET http://allowed.test/secret-path?secret-query HTTP/1.1\r\n"
		      "Host: allowed.test\r\nProxy-Authorization: Basic secret\r\n\r\n",
			"HTTP/1.1 200 OK", "\r\n\r\nxxxxx");
	origin_last_request(&stage.plain, request, sizeof(request));
	assert_string_equal(request,
			"GET /secret-path?secret-query HTTP/1.1\r\n"
			"Host: allowed.test\r\nConnection: close\r\n\r\n");
	egress_stage_await_log(&stage, "\"event\":\"closed\"");
	CUA_AUTO_FREE char *log = egress_stage_log(&stage);
	assert_non_null(strstr(log,
			"\"event\":\"allowed\",\"by\":\"HTTP\",\"host\":\"allowed.test\","
			"\"port\":80,\"rule\":\"allowed.test\",\"address\":\"127.0.0.1\""));
	char bytes[64];
	snprintf(bytes, sizeof(bytes), "\"sent\":%zu,\"received\":62", strlen(request));
	assert_non_null(strstr(log, bytes));
	assert_null(strstr(log, "secret"));
}

/* Through a CONNECT; *ret_tls is the client's end, NULL if the handshake failed. */
static int shake_hands(const char *host, const char *server_name, SSL **ret_tls)
{
	char request[256], answer[64] = "", name[300];
	const int fd = egress_stage_connect(&stage);
	snprintf(request, sizeof(request), "CONNECT %s:443 HTTP/1.1\r\n\r\n", host);
	assert_true(cua_write_all(fd, request, strlen(request)));
	assert_int_equal(recv(fd, answer, 39, MSG_WAITALL), 39);
	assert_string_equal(answer, "HTTP/1.1 200 Connection Established\r\n\r\n");
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *tls = SSL_new(context);
	SSL_CTX_free(context);
	SSL_set_fd(tls, fd);
	snprintf(name, sizeof(name), "%s", server_name);
	SSL_set_tlsext_host_name(tls, name);
	*ret_tls = tls;
	if (SSL_connect(tls) != 1) {
		SSL_free(tls);
		*ret_tls = NULL;
	}
	return fd;
}

static void tls_to_the_host_of_connect_goes_through(void **state)
{
	char answer[1024] = "";
	SSL *tls = NULL;
	(void)state;
	const int fd = shake_hands("Allowed.test", "allowed.TEST", &tls);
	assert_non_null(tls);
	assert_true(SSL_write(tls, "GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 37) > 0);
	assert_true(SSL_read(tls, answer, sizeof(answer) - 1) > 0);
	assert_non_null(strstr(answer, "HTTP/1.1 200 OK"));
	SSL_free(tls);
	close(fd);
	egress_stage_await_log(&stage, "\"event\":\"allowed\",\"by\":\"CONNECT\"");
}

static void names_under_a_pattern_go_through(void **state)
{
	(void)state;
	expect_answer(PLAIN("fixed.wild.test"), "HTTP/1.1 200 OK", "xxxxx");
	expect_answer(PLAIN("a.fixed.wild.test"), "HTTP/1.1 200 OK", "xxxxx");
	egress_stage_await_log(&stage,
			"\"host\":\"a.fixed.wild.test\",\"port\":80,"
			"\"rule\":\"*.wild.test\"");
}

static void megabytes_go_both_ways(void **state)
{
	const size_t len = (size_t)5 << 20;
	(void)state;
	CUA_AUTO_FREE char *body = malloc(len), *answer = malloc(len + 1024);
	assert_true(body && answer);
	memset(body, 'y', len);
	pthread_mutex_lock(&stage.plain.lock);
	stage.plain.answer_len = len;
	const size_t before = stage.plain.received;
	pthread_mutex_unlock(&stage.plain.lock);
	const int fd = egress_stage_connect(&stage);
	char head[256];
	snprintf(head, sizeof(head),
			"POST http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\n"
			"Content-Length: %zu\r\n\r\n",
			len);
	assert_true(cua_write_all(fd, head, strlen(head)) && cua_write_all(fd, body, len));
	assert_true(egress_read_to_end(fd, answer, len + 1024));
	close(fd);
	assert_int_equal(strlen(strstr(answer, "\r\n\r\n") + 4), len);
	pthread_mutex_lock(&stage.plain.lock);
	assert_true(stage.plain.received - before > len);
	stage.plain.answer_len = 5;
	pthread_mutex_unlock(&stage.plain.lock);
}

/* --- what is refused --- */

static void what_is_not_in_the_list_is_told_so(void **state)
{
	const int before = origin_requests(&stage.plain);
	(void)state;
	expect_answer(PLAIN("evil.test"), "HTTP/1.1 403 Forbidden",
			"lets nothing through to evil.test: the name is not in the list");
	expect_answer(CONNECT("evil.test:443"), "HTTP/1.1 403", "not in the list");
	expect_answer(PLAIN("wild.test"), "HTTP/1.1 403", "not in the list");
	expect_answer(PLAIN("allowed.test.evil.test"), "HTTP/1.1 403", "not in the list");
	expect_answer(PLAIN("127.0.0.1"), "HTTP/1.1 403", "no host name");
	expect_answer(CONNECT("169.254.169.254:443"), "HTTP/1.1 403", "no host name");
	expect_answer(CONNECT("[::1]:443"), "HTTP/1.1 ", "");
	expect_answer(PLAIN("2130706433"), "HTTP/1.1 403", "no host name");
	assert_int_equal(origin_requests(&stage.plain), before);
	egress_stage_await_log(&stage,
			"\"event\":\"denied\",\"by\":\"HTTP\","
			"\"host\":\"evil.test\",\"port\":80");
}

static void other_ports_are_refused(void **state)
{
	(void)state;
	expect_answer(CONNECT("allowed.test:22"), "HTTP/1.1 403", "only port 443");
	expect_answer(CONNECT("allowed.test:80"), "HTTP/1.1 403", "only port 443");
	expect_answer(CONNECT("allowed.test:8443"), "HTTP/1.1 403", "only port 443");
	expect_answer("GET http://allowed.test:443/ HTTP/1.1\r\nHost: allowed.test:443\r\n\r\n",
			"HTTP/1.1 403", "only port 443");
	expect_answer("GET http://allowed.test:8080/ HTTP/1.1\r\nHost: allowed.test:8080\r\n\r\n",
			"HTTP/1.1 403", "only port 443");
}

/* Whatever DNS says: these are in the list, or under it. */
static void no_name_leads_inside(void **state)
{
	static const char *const hosts[] = { "loop.wild.test", "loop6.wild.test",
		"private.wild.test", "metadata.wild.test", "mapped.wild.test", "nat64.wild.test",
		"sixtofour.wild.test", "link.wild.test", "unique.wild.test", "multicast.wild.test",
		"both.wild.test", "inside.test" };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(hosts); i++) {
		char plain[256], connect[256];
		snprintf(plain, sizeof(plain), "GET http://%s/ HTTP/1.1\r\nHost: %s\r\n\r\n",
				hosts[i], hosts[i]);
		snprintf(connect, sizeof(connect), "CONNECT %s:443 HTTP/1.1\r\n\r\n", hosts[i]);
		expect_answer(plain, "HTTP/1.1 403", "leads where nobody may go");
		expect_answer(connect, "HTTP/1.1 403", "leads where nobody may go");
	}
	egress_stage_await_log(&stage,
			"\"host\":\"metadata.wild.test\",\"port\":443,"
			"\"rule\":\"the name leads where nobody may go\","
			"\"detail\":\"a link-local address\"");
}

static void a_server_that_is_not_there_is_told_so(void **state)
{
	(void)state;
	expect_answer(PLAIN("dead.test"), "HTTP/1.1 502 Bad Gateway", "nobody answers there");
	expect_answer(CONNECT("dead.test:443"), "HTTP/1.1 502", "nobody answers there");
	expect_answer(PLAIN("nosuch.test"), "HTTP/1.1 50", "");
	egress_stage_await_log(
			&stage, "\"event\":\"failed\",\"by\":\"HTTP\",\"host\":\"dead.test\"");
}

/* Domain fronting: the outer name is allowed, the inner one is for another site there. */
static void tls_to_another_name_is_cut_off(void **state)
{
	SSL *tls = NULL;
	(void)state;
	const int fd = shake_hands("allowed.test", "evil.test", &tls);
	assert_null(tls);
	close(fd);
	egress_stage_await_log(&stage,
			"\"rule\":\"TLS names another server than CONNECT\","
			"\"detail\":\"evil.test\"");
}

/* What comes behind the 200 of a CONNECT to allowed.test. */
static void expect_no_tunnel(const void *data, size_t len, const char *why)
{
	char answer[256], logged[256];
	const int fd = egress_stage_connect(&stage);
	assert_true(cua_write_all(fd, "CONNECT allowed.test:443 HTTP/1.1\r\n\r\n", 37));
	assert_true(cua_write_all(fd, data, len));
	assert_true(egress_read_to_end(fd, answer, sizeof(answer)));
	close(fd);
	assert_int_equal(strncmp(answer, "HTTP/1.1 200 Connection Established\r\n\r\n\x15", 40), 0);
	assert_int_equal(strlen(answer), 39 + 3); /* an alert, and no byte of the server's */
	snprintf(logged, sizeof(logged), "\"port\":443,\"rule\":\"%s\"", why);
	egress_stage_await_log(&stage, logged);
}

static void what_is_no_tls_is_cut_off(void **state)
{
	uint8_t hello[HELLO_ROOM];
	(void)state;
	expect_no_tunnel("SSH-2.0-OpenSSH\r\n", 17, "no TLS comes first");
	expect_no_tunnel("GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n", 35, "no TLS comes first");
	size_t len = make_hello(NULL, hello);
	expect_no_tunnel(hello, len, "TLS names no server");
	len = make_hello("allowed.test", hello);
	len = add_extension(hello, len, 0xfe0d, "x", 1);
	expect_no_tunnel(hello, len, "TLS hides the server's name (ECH)");
}

/* Keep-alive would let a second request go to whoever shares the server. */
static void a_second_request_on_a_connection_goes_nowhere(void **state)
{
	char request[1024];
	const int before = origin_requests(&stage.plain);
	(void)state;
	expect_answer(PLAIN("allowed.test") "GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n",
			"HTTP/1.1 200", "xxxxx");
	origin_last_request(&stage.plain, request, sizeof(request));
	assert_null(strstr(request, "evil"));
	assert_int_equal(origin_requests(&stage.plain), before + 1);
}

static void without_the_token_nothing_is_answered(void **state)
{
	char answer[256];
	int fd = -1;
	(void)state;
	assert_int_equal(cua_unix_connect(stage.socket, SOCK_STREAM, &fd, NULL), CUA_OK);
	assert_true(cua_write_all(fd, PLAIN("allowed.test") PLAIN("allowed.test"),
			2 * strlen(PLAIN("allowed.test"))));
	assert_true(egress_read_to_end(fd, answer, sizeof(answer)));
	assert_string_equal(answer, "");
	close(fd);
	egress_stage_await_log(&stage, "nobody's, token");
}

/* Another user of the machine may even know the token. */
static void other_users_are_not_heard(void **state)
{
	int status = -1;
	(void)state;
	if (geteuid() != 0) {
		skip(); /* nobody else to be */
	}
	const pid_t pid = fork();
	if (pid == 0) {
		char answer[256] = "";
		if (setresuid(65534, 65534, 65534) != 0) {
			_exit(2);
		}
		int fd = -1;
		const bool is_connected =
				cua_unix_connect(stage.socket, SOCK_STREAM, &fd, NULL) == CUA_OK;
		_exit(is_connected && egress_read_to_end(fd, answer, sizeof(answer)) && !answer[0]
						? 0
						: 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static bool is_answered(void *data)
{
	char answer[1024];
	(void)data;
	egress_stage_ask(&stage, PLAIN("allowed.test"), answer, sizeof(answer));
	return strncmp(answer, "HTTP/1.1 200", 12) == 0;
}

static void it_survives_what_it_cannot_read(void **state)
{
	unsigned int seed = 7;
	(void)state;
	for (int i = 0; i < 300; i++) {
		char noise[4096];
		const size_t len = (size_t)rand_r(&seed) % sizeof(noise);
		for (size_t k = 0; k < len; k++) {
			noise[k] = (char)rand_r(&seed);
		}
		const int fd = egress_stage_connect(&stage);
		if (i % 2 == 0) {
			(void)!cua_write_all(fd, "CONNECT allowed.test:443 HTTP/1.1\r\n\r\n", 37);
		}
		(void)!cua_write_all(fd, noise, len);
		close(fd);
	}
	wait_until(is_answered, NULL, "those that hung up have left their places");
}

/* Taken over, it could still not start a program, or be looked into. */
static void it_has_given_up_what_it_does_not_need(void **state)
{
	char path[64];
	(void)state;
	expect_answer(PLAIN("allowed.test"), "HTTP/1.1 200", "");
	snprintf(path, sizeof(path), "/proc/%d/status", (int)stage.proxy);
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, 65536);
	assert_int_equal(cua_file_read(path, &text, NULL), CUA_OK);
	assert_non_null(strstr(text.data, "\nNoNewPrivs:\t1\n"));
	assert_non_null(strstr(text.data, "\nSeccomp:\t2\n"));
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)stage.proxy);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(geteuid() == 0 || fd < 0);
	if (fd >= 0) {
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_request_reaches_its_server),
		cmocka_unit_test(tls_to_the_host_of_connect_goes_through),
		cmocka_unit_test(names_under_a_pattern_go_through),
		cmocka_unit_test(megabytes_go_both_ways),
		cmocka_unit_test(what_is_not_in_the_list_is_told_so),
		cmocka_unit_test(other_ports_are_refused),
		cmocka_unit_test(no_name_leads_inside),
		cmocka_unit_test(a_server_that_is_not_there_is_told_so),
		cmocka_unit_test(tls_to_another_name_is_cut_off),
		cmocka_unit_test(what_is_no_tls_is_cut_off),
		cmocka_unit_test(a_second_request_on_a_connection_goes_nowhere),
		cmocka_unit_test(without_the_token_nothing_is_answered),
		cmocka_unit_test(other_users_are_not_heard),
		cmocka_unit_test(it_survives_what_it_cannot_read),
		cmocka_unit_test(it_has_given_up_what_it_does_not_need),
	};
	return cmocka_run_group_tests(tests, start, finish);
}

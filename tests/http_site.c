#include "tests/http_site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"

/* libwebsockets frees its context in a second call after the loop has closed its handles; a host
 * has one context for life. What grows with connections is found by their descriptors. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libwebsockets\n";
}

void tell(struct site *site, char what)
{
	assert_int_equal(write(site->told[1], &what, 1), 1);
}

char next_told(struct site *site, const char *skipped)
{
	char what = 0;
	do {
		struct pollfd readable = { .fd = site->told[0], .events = POLLIN };
		if (poll(&readable, 1, PATIENCE_MS) != 1) {
			fail_msg("nothing happened");
		}
		assert_int_equal(read(site->told[0], &what, 1), 1);
	} while (strchr(skipped, what));
	return what;
}

static void answer(struct cua_http_exchange *exchange, int status, const char *body, size_t len)
{
	const struct cua_http_reply reply = { .status = status,
		.content_type = "text/plain",
		.etag = "\"tag\"",
		.body = body,
		.body_len = len };
	cua_http_reply(exchange, &reply);
}

static void echo(struct cua_http_exchange *exchange)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, 2 * BODY_MAX);
	assert_int_equal(cua_buffer_printf(&text, NULL, "%s %s?%s #%lu \"%s\" ",
					 exchange->head.method, exchange->head.path,
					 exchange->head.query, exchange->connection,
					 cua_http_header(&exchange->head, "if-none-match")),
			CUA_OK);
	assert_int_equal(cua_buffer_append(&text, exchange->body.data, exchange->body.len, NULL),
			CUA_OK);
	answer(exchange, 200, text.data, text.len);
}

static void on_request(struct cua_http_exchange *exchange, void *user_data)
{
	struct site *site = user_data;
	if (strcmp(exchange->head.path, "/late") == 0) {
		assert_true(site->held_count < 4);
		site->held[site->held_count++] = exchange;
		tell(site, 'r');
	} else if (strcmp(exchange->head.path, "/release") == 0) {
		for (int i = 0; i < site->held_count; i++) {
			answer(site->held[i], 200, "at last", 7);
		}
		site->held_count = 0;
		answer(exchange, 200, "released", 8);
	} else if (strcmp(exchange->head.path, "/end") == 0) {
		for (int i = 0; i < site->held_count; i++) {
			cua_http_end(site->held[i]);
		}
		site->held_count = 0;
		answer(exchange, 200, "ended", 5);
	} else if (strcmp(exchange->head.path, "/cancel") == 0) {
		site->held[site->held_count++] = exchange;
		assert_int_equal(write(site->cancel_fd, "c", 1), 1);
	} else if (strcmp(exchange->head.path, "/big") == 0) {
		answer(exchange, 200, site->big, BIG_LEN);
	} else if (strcmp(exchange->head.path, "/empty") == 0) {
		answer(exchange, 304, NULL, 0);
	} else {
		echo(exchange);
	}
}

static void on_gone(struct cua_http_exchange *exchange, void *user_data)
{
	assert_true(exchange->gone);
	tell(user_data, 'g');
}

static void on_close(unsigned long connection, void *user_data)
{
	assert_true(connection > 0);
	tell(user_data, 'c');
}

static void on_stop(uv_async_t *stop)
{
	struct site *site = stop->data;
	cua_http_server_destroy(site->server);
	for (int i = 0; i < site->held_count; i++) {
		answer(site->held[i], 503, "over", 4);
	}
	uv_close((uv_handle_t *)stop, NULL);
	uv_close((uv_handle_t *)&site->call, NULL);
}

static void on_call(uv_async_t *call)
{
	struct site *site = call->data;
	site->called(site, site->call_data);
	sem_post(&site->called_back);
}

void site_call(struct site *site, void (*called)(struct site *site, void *data), void *data)
{
	site->called = called;
	site->call_data = data;
	uv_async_send(&site->call);
	while (sem_wait(&site->called_back) != 0) {
		assert_int_equal(errno, EINTR);
	}
}

static void *serve(void *data)
{
	struct site *site = data;
	uv_run(&site->loop, UV_RUN_DEFAULT);
	return NULL;
}

static void use_defaults(struct site *site)
{
	static const char *const headers[] = { "if-none-match", NULL };
	struct cua_http_handler *handler = &site->handler;
	struct cua_http_listen *listen = &site->listen;
	handler->on_request = handler->on_request ? handler->on_request : on_request;
	handler->on_gone = on_gone;
	handler->on_close = on_close;
	handler->user_data = site;
	listen->unix_path = listen->address ? NULL : site->path;
	listen->headers = listen->headers ? listen->headers : headers;
	listen->max_body_len = BODY_MAX;
}

void site_start(struct site *site)
{
	struct cua_error err = { 0 };
	assert_int_equal(uv_loop_init(&site->loop), 0);
	assert_int_equal(uv_async_init(&site->loop, &site->stop, on_stop), 0);
	assert_int_equal(uv_async_init(&site->loop, &site->call, on_call), 0);
	site->stop.data = site->call.data = site;
	use_defaults(site);
	if (cua_http_server_create(&site->loop, &site->listen, &site->handler, &site->server,
			    &err) != CUA_OK) {
		fail_msg("%s", err.msg);
	}
	assert_int_equal(pthread_create(&site->thread, NULL, serve, site), 0);
}

struct site *site_create(void)
{
	struct site *site = calloc(1, sizeof(*site));
	assert_non_null(site);
	site->big = malloc(BIG_LEN);
	assert_non_null(site->big);
	for (size_t i = 0; i < BIG_LEN; i++) {
		site->big[i] = (char)(i * 2654435761u >> 13);
	}
	snprintf(site->dir, sizeof(site->dir), "/tmp/cua-test-XXXXXX");
	assert_non_null(mkdtemp(site->dir));
	snprintf(site->path, sizeof(site->path), "%s/api.sock", site->dir);
	assert_int_equal(pipe2(site->told, O_CLOEXEC), 0);
	assert_int_equal(sem_init(&site->called_back, 0, 0), 0);
	site->cancel_fd = -1;
	return site;
}

int open_site(void **state)
{
	struct site *site = site_create();
	site_start(site);
	*state = site;
	return 0;
}

void site_stop(struct site *site)
{
	uv_async_send(&site->stop);
	pthread_join(site->thread, NULL);
	assert_int_equal(uv_loop_close(&site->loop), 0); /* every handle is closed */
	site->held_count = 0;
}

int close_site(void **state)
{
	struct site *site = *state;
	site_stop(site);
	assert_int_equal(access(site->path, F_OK), -1);
	if (site->certificate[0]) {
		unsetenv("SSL_CERT_FILE");
		unlink(site->certificate);
		unlink(site->key);
	}
	rmdir(site->dir);
	close(site->told[0]);
	close(site->told[1]);
	sem_destroy(&site->called_back);
	free(site->big);
	free(site);
	return 0;
}

/* --- callers --- */

struct cua_http_client *client_of(const struct site *site, int cancel_fd)
{
	struct cua_http_client *client = NULL;
	assert_int_equal(cua_http_client_create(site->listen.unix_path, cancel_fd, &client, NULL),
			CUA_OK);
	return client;
}

struct cua_http_request request_to(const char *method, const char *url)
{
	return (struct cua_http_request){
		.method = method, .url = url, .total_timeout_ms = PATIENCE_MS
	};
}

void expect_answer(struct cua_http_client *client, const char *url, const char *body,
		const char *expected)
{
	struct cua_http_request request = request_to(body ? "POST" : "GET", url);
	struct cua_http_response response;
	struct cua_error err = { 0 };
	request.body = body;
	request.body_len = body ? strlen(body) : 0;
	if (cua_http_perform(client, &request, &response, &err) != CUA_OK) {
		fail_msg("%s: %s", url, err.msg);
	}
	assert_int_equal(response.http_status, 200);
	assert_string_equal(response.body.data, expected);
	cua_http_response_finish(&response);
}

static int tcp_connect(const struct site *site)
{
	const int port = cua_http_server_port(site->server);
	struct sockaddr_storage address = { 0 };
	if (uv_ip4_addr(site->listen.address, port, (struct sockaddr_in *)&address) != 0) {
		assert_int_equal(uv_ip6_addr(site->listen.address, port,
						 (struct sockaddr_in6 *)&address),
				0);
	}
	const int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
			connect(fd, (struct sockaddr *)&address,
					address.ss_family == AF_INET ? sizeof(struct sockaddr_in)
								     : sizeof(struct sockaddr_in6)),
			0);
	return fd;
}

const char *site_url(const struct site *site, const char *path, char *url, size_t size)
{
	const char *address = site->listen.address;
	const bool is_v6 = strchr(address, ':') != NULL;
	snprintf(url, size, "http%s://%s%s%s:%d%s", site->listen.certificate_path ? "s" : "",
			is_v6 ? "[" : "", address, is_v6 ? "]" : "",
			cua_http_server_port(site->server), path);
	return url;
}

int raw_connect(const struct site *site)
{
	int fd = -1;
	const struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	if (site->listen.address) {
		fd = tcp_connect(site);
	} else {
		assert_int_equal(cua_unix_connect(site->path, SOCK_STREAM, &fd, NULL), CUA_OK);
	}
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

void raw_send(int fd, const char *text)
{
	size_t len = strlen(text);
	while (len > 0) {
		ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
		if (sent < 0) {
			return; /* the server has hung up; what it said is still to be read */
		}
		text += sent;
		len -= (size_t)sent;
	}
}

void raw_read(int fd, bool is_head, char *text, size_t size)
{
	size_t len = 0, wanted = size - 1;
	while (len < wanted) {
		ssize_t got = recv(fd, text + len, wanted == size - 1 ? 1 : wanted - len, 0);
		if (got < 0 && errno != ECONNRESET) {
			fail_msg("no answer after \"%.*s\"", (int)len, text);
		}
		if (got <= 0) {
			break;
		}
		len += (size_t)got;
		text[len] = '\0';
		const char *length = strstr(text, "content-length: ");
		if (wanted == size - 1 && len >= 4 && strcmp(text + len - 4, "\r\n\r\n") == 0) {
			wanted = len + (length && !is_head ? strtoul(length + 16, NULL, 10) : 0);
		}
	}
	text[len] = '\0';
}

bool raw_is_over(int fd)
{
	char byte;
	ssize_t got = recv(fd, &byte, 1, 0);
	return got == 0 || (got < 0 && errno == ECONNRESET);
}

int open_fds(void)
{
	int count = 0;
	DIR *dir = opendir("/proc/self/fd");
	assert_non_null(dir);
	while (readdir(dir)) {
		count++;
	}
	closedir(dir);
	return count;
}

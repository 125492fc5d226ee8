#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/model/model.h"
#include "cua/base/util.h"
#include "tests/tls_server.h"

/* A model server of a private CA: who trusts it, and what is said when nobody does. */

#define KEY "sk-test-0123456789"

static int set_up(void **state)
{
	static struct tls_server server;
	tls_server_start(&server, "IP:127.0.0.1", 1);
	*state = &server;
	return 0;
}

static int tear_down(void **state)
{
	tls_server_stop(*state);
	return 0;
}

static enum cua_status ask(const struct tls_server *server, struct cua_error *why)
{
	char url[64];
	struct agent_model *model = NULL;
	struct agent_turn turn = { 0 };
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/v1", server->port);
	const struct agent_model_config config = { .api = "responses",
		.model = "m",
		.base_url = url,
		.api_key = KEY,
		.session = "s",
		.is_probe = true,
		.retries_max = 3, /* trust does not come by asking again */
		.retry_unit = 1000,
		.cancel_fd = -1 };
	assert_int_equal(agent_model_create(&config, &model, NULL), CUA_OK);
	assert_int_equal(agent_model_add_user(model, "Say ok.", NULL, NULL), CUA_OK);
	enum cua_status status = agent_model_ask(model, cua_now_us() + 20000000, &turn, why);
	agent_turn_finish(&turn);
	agent_model_destroy(model);
	return status;
}

/* --- a proxy --- */

struct proxy {
	pthread_t thread;
	int listener, port;
	const char *answer; /* to CONNECT */
	char head[1024];    /* what it was asked */
	char seen[65536];   /* what the client sent through it */
	size_t seen_len;
};

/* False when one side is done. */
static bool relay(struct proxy *proxy, int from, int to, bool is_client)
{
	char bytes[4096];
	const ssize_t len = recv(from, bytes, sizeof(bytes), 0);
	if (len <= 0 || send(to, bytes, (size_t)len, MSG_NOSIGNAL) != len) {
		return false;
	}
	if (is_client && proxy->seen_len + (size_t)len <= sizeof(proxy->seen)) {
		memcpy(proxy->seen + proxy->seen_len, bytes, (size_t)len);
		proxy->seen_len += (size_t)len;
	}
	return true;
}

static void relay_both_ways(struct proxy *proxy, int client, int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool goes_on = connect(server, (struct sockaddr *)&address, sizeof(address)) == 0;
	while (goes_on) {
		struct pollfd fds[] = { { client, POLLIN, 0 }, { server, POLLIN, 0 } };
		goes_on = poll(fds, 2, -1) > 0 &&
				(!fds[0].revents || relay(proxy, client, server, true)) &&
				(!fds[1].revents || relay(proxy, server, client, false));
	}
	close(server);
}

static void *serve_proxy(void *user_data)
{
	struct proxy *proxy = user_data;
	int client = -1, port = 0;
	while ((client = accept(proxy->listener, NULL, NULL)) >= 0) {
		size_t len = 0;
		while (len < sizeof(proxy->head) - 1 && !strstr(proxy->head, "\r\n\r\n") &&
				recv(client, proxy->head + len, 1, 0) == 1) {
			proxy->head[++len] = '\0';
		}
		send(client, proxy->answer, strlen(proxy->answer), MSG_NOSIGNAL);
		if (sscanf(proxy->head, "CONNECT 127.0.0.1:%d", &port) == 1 &&
				strstr(proxy->answer, " 200 ")) {
			relay_both_ways(proxy, client, port);
		}
		close(client);
	}
	return NULL;
}

/* Asks through a proxy that answers CONNECT so. */
static enum cua_status ask_through(const struct tls_server *server, const char *answer,
		struct proxy *proxy, struct cua_error *why)
{
	char url[64];
	*proxy = (struct proxy){ .answer = answer };
	proxy->listener = tls_server_listen(&proxy->port);
	assert_int_equal(pthread_create(&proxy->thread, NULL, serve_proxy, proxy), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", proxy->port);
	setenv("https_proxy", url, 1);
	setenv("SSL_CERT_FILE", server->ca_file, 1);
	enum cua_status status = ask(server, why);
	unsetenv("SSL_CERT_FILE");
	unsetenv("https_proxy");
	shutdown(proxy->listener, SHUT_RDWR);
	pthread_join(proxy->thread, NULL);
	close(proxy->listener);
	return status;
}

static void a_proxy_is_gone_through_and_sees_no_key(void **state)
{
	static struct proxy proxy;
	const struct tls_server *server = *state;
	struct cua_error why = { 0 };
	char target[64];
	if (ask_through(server, "HTTP/1.1 200 OK\r\n\r\n", &proxy, &why) != CUA_OK) {
		fail_msg("%s", why.msg);
	}
	snprintf(target, sizeof(target), "CONNECT 127.0.0.1:%d HTTP/1.1\r\n", server->port);
	assert_memory_equal(proxy.head, target, strlen(target));
	assert_null(strstr(proxy.head, KEY));
	assert_true(proxy.seen_len > 0);
	assert_null(memmem(proxy.seen, proxy.seen_len, KEY, strlen(KEY)));
}

static void a_proxy_that_refuses_is_named(void **state)
{
	static struct proxy proxy;
	struct cua_error why = { 0 };
	assert_int_equal(
			ask_through(*state, "HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n",
					&proxy, &why),
			CUA_ERR_MODEL_UNREACHABLE);
	assert_non_null(strstr(why.msg, "the proxy in https_proxy answered 407"));
}

/* Does not know what it is sent. */
static void *serve_plain(void *user_data)
{
	static const char answer[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
	const int *listener = user_data;
	char hello[64];
	int client = -1;
	while ((client = accept(*listener, NULL, NULL)) >= 0) {
		(void)!recv(client, hello, sizeof(hello), 0);
		send(client, answer, strlen(answer), MSG_NOSIGNAL);
		close(client);
	}
	return NULL;
}

static void a_server_that_speaks_no_tls_is_told_apart(void **state)
{
	struct tls_server plain = *(const struct tls_server *)*state;
	struct cua_error why = { 0 };
	pthread_t thread;
	int listener = tls_server_listen(&plain.port);
	assert_int_equal(pthread_create(&thread, NULL, serve_plain, &listener), 0);
	assert_int_equal(ask(&plain, &why), CUA_ERR_MODEL_UNREACHABLE);
	assert_non_null(strstr(why.msg, "Does this server speak https?"));
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
}

static void a_stranger_is_not_trusted(void **state)
{
	struct cua_error why = { 0 };
	unsetenv("SSL_CERT_FILE");
	assert_int_equal(ask(*state, &why), CUA_ERR_MODEL_UNREACHABLE);
	assert_non_null(strstr(why.msg, "private CA goes into SSL_CERT_FILE"));
}

static void a_ca_of_the_users_is_trusted(void **state)
{
	const struct tls_server *server = *state;
	struct cua_error why = { 0 };
	setenv("SSL_CERT_FILE", server->ca_file, 1);
	if (ask(server, &why) != CUA_OK) {
		fail_msg("%s", why.msg);
	}
}

static void a_ca_file_that_is_not_there_is_named(void **state)
{
	struct cua_error why = { 0 };
	setenv("SSL_CERT_FILE", "/nonexistent/ca.pem", 1);
	assert_int_equal(ask(*state, &why), CUA_ERR_MODEL_UNREACHABLE);
	assert_non_null(strstr(why.msg, "SSL_CERT_FILE there"));
	unsetenv("SSL_CERT_FILE");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_stranger_is_not_trusted),
		TEST(a_server_that_speaks_no_tls_is_told_apart),
		TEST(a_ca_of_the_users_is_trusted),
		TEST(a_ca_file_that_is_not_there_is_named),
		TEST(a_proxy_is_gone_through_and_sees_no_key),
		TEST(a_proxy_that_refuses_is_named),
	};
	signal(SIGPIPE, SIG_IGN); /* of clients that hang up at the sight of the certificate */
	return cmocka_run_group_tests(tests, NULL, NULL);
}

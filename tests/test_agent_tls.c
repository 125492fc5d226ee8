#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/model/model.h"
#include "cua/base/util.h"

/* A model server of a private CA: who trusts it, and what is said when nobody does. */

#define REPLY \
	"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" \
	"data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"," \
	"\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":" \
	"\"ok\"}]}" \
	"]}}\n\n"

struct server {
	pthread_t thread;
	int listener, port;
	SSL_CTX *tls;
	char ca_file[32];
};

/* A key and a certificate for 127.0.0.1 that nobody has signed but itself. */
static void make_certificate(struct server *server)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -86400);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
	X509_NAME_add_entry_by_txt(
			name, "CN", MBSTRING_ASC, (const unsigned char *)"cua test", -1, -1, 0);
	X509_set_issuer_name(certificate, name);
	X509_set_pubkey(certificate, key);
	X509_EXTENSION *place =
			X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
	X509_add_ext(certificate, place, -1);
	X509_EXTENSION_free(place);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);

	strcpy(server->ca_file, "/tmp/cua-test-ca-XXXXXX");
	FILE *file = fdopen(mkstemp(server->ca_file), "w");
	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, certificate), 1);
	fclose(file);
	server->tls = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate(server->tls, certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(server->tls, key), 1);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

/* Answers a request whose head and body have come. */
static void talk(SSL *tls)
{
	char request[65536];
	size_t used = 0;
	while (used < sizeof(request) - 1) {
		int len = SSL_read(tls, request + used, (int)(sizeof(request) - 1 - used));
		if (len <= 0) {
			return;
		}
		used += (size_t)len;
		request[used] = '\0';
		const char *body = strstr(request, "\r\n\r\n");
		const char *length = strcasestr(request, "content-length: ");
		if (body && length && strlen(body + 4) >= strtoul(length + 16, NULL, 10)) {
			break;
		}
	}
	SSL_write(tls, REPLY, (int)strlen(REPLY));
	SSL_shutdown(tls);
}

static void *serve(void *user_data)
{
	struct server *server = user_data;
	int fd = -1;
	while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
		SSL *tls = SSL_new(server->tls);
		SSL_set_fd(tls, fd);
		if (SSL_accept(tls) == 1) {
			talk(tls);
		}
		SSL_free(tls);
		close(fd);
	}
	return NULL;
}

static int set_up(void **state)
{
	static struct server server;
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server.listener, (struct sockaddr *)&address, size) < 0 ||
			listen(server.listener, 8) < 0 ||
			getsockname(server.listener, (struct sockaddr *)&address, &size) < 0) {
		return -1;
	}
	server.port = ntohs(address.sin_port);
	make_certificate(&server);
	*state = &server;
	return pthread_create(&server.thread, NULL, serve, &server);
}

static int tear_down(void **state)
{
	struct server *server = *state;
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
	SSL_CTX_free(server->tls);
	unlink(server->ca_file);
	return 0;
}

static enum cua_status ask(const struct server *server, struct cua_error *why)
{
	char url[64];
	struct agent_model *model = NULL;
	struct agent_turn turn = { 0 };
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/v1", server->port);
	const struct agent_model_config config = { .api = "responses",
		.model = "m",
		.base_url = url,
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

static void a_stranger_is_not_trusted(void **state)
{
	struct cua_error why = { 0 };
	unsetenv("SSL_CERT_FILE");
	assert_int_equal(ask(*state, &why), CUA_ERR_MODEL);
	assert_non_null(strstr(why.msg, "private CA goes into SSL_CERT_FILE"));
}

static void a_ca_of_the_users_is_trusted(void **state)
{
	const struct server *server = *state;
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
	assert_int_equal(ask(*state, &why), CUA_ERR_MODEL);
	assert_non_null(strstr(why.msg, "SSL_CERT_FILE there"));
	unsetenv("SSL_CERT_FILE");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_stranger_is_not_trusted),
		TEST(a_ca_of_the_users_is_trusted),
		TEST(a_ca_file_that_is_not_there_is_named),
	};
	signal(SIGPIPE, SIG_IGN); /* of clients that hang up at the sight of the certificate */
	return cmocka_run_group_tests(tests, NULL, NULL);
}

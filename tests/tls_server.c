#include "tests/tls_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/certificate.h"

#define REPLY \
	"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" \
	"data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"," \
	"\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":" \
	"\"ok\"}]}" \
	"]}}\n\n"

static void make_certificate(struct tls_server *server, const char *subject_alt_name, int days_left)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = certificate_create(key, subject_alt_name, days_left);
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
	struct tls_server *server = user_data;
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

int tls_server_listen(int *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

void tls_server_listen_as(struct tls_server *server, const char *subject_alt_name, int days_left)
{
	server->listener = tls_server_listen(&server->port);
	make_certificate(server, subject_alt_name, days_left);
}

void tls_server_serve(struct tls_server *server)
{
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

void tls_server_start(struct tls_server *server, const char *subject_alt_name, int days_left)
{
	tls_server_listen_as(server, subject_alt_name, days_left);
	tls_server_serve(server);
}

void tls_server_stop(struct tls_server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
	SSL_CTX_free(server->tls);
	unlink(server->ca_file);
}

#ifndef CUA_TESTS_TLS_SERVER_H
#define CUA_TESTS_TLS_SERVER_H

/* A model server with a certificate of its own making, in a thread: it answers every request of the
 * Responses API with "ok". SIGPIPE must be ignored: clients hang up at the sight of it. */

#include <pthread.h>

#include <openssl/ssl.h>

struct tls_server {
	pthread_t thread;
	int listener, port;
	SSL_CTX *tls;
	char ca_file[32]; /* its certificate; it has signed itself */
};

/* subject_alt_name: "IP:127.0.0.1"; the certificate has expired if days_left is negative, and not
 * by more than nine days. */
void tls_server_start(struct tls_server *server, const char *subject_alt_name, int days_left);
/* The same in two steps: until it is served there is no thread, so that a test may still fork. */
void tls_server_listen_as(struct tls_server *server, const char *subject_alt_name, int days_left);
void tls_server_serve(struct tls_server *server);
void tls_server_stop(struct tls_server *server);

/* A socket that listens on 127.0.0.1. */
int tls_server_listen(int *ret_port);

#endif

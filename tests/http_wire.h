#ifndef CUA_TESTS_HTTP_WIRE_H
#define CUA_TESTS_HTTP_WIRE_H

/* A caller of an http_site over TCP, with TLS if the site has a certificate: it sends what no good
 * client would. A WebSocket's client, too. */

#include "tests/http_site.h"

#include <openssl/ssl.h>

struct wire {
	int fd;
	SSL_CTX *context; /* NULL: no TLS */
	SSL *tls;
};

/* Before site_start(): it listens with TLS, and our client knows its certificate. */
void wire_use_tls(struct site *site);
struct wire wire_open(const struct site *site);
void wire_close(struct wire *wire);
/* As much as the other side takes before it hangs up. */
bool wire_send(struct wire *wire, const void *data, size_t len);
bool wire_say(struct wire *wire, const char *text);
/* Exactly len bytes, or fewer if the other side has hung up; how many. */
size_t wire_receive(struct wire *wire, void *to, size_t len);
/* An answer with its body; text is terminated; false if the other side hung up before its end. */
bool wire_read_answer(struct wire *wire, char *text, size_t size);
/* Reads up to the end; how many bytes came; -1 if it did not end. */
long wire_drain(struct wire *wire);
/* Whether something of an answer comes within so long, or the end; what TLS says for itself is
 * none. */
bool wire_is_answered(struct wire *wire, int ms);
bool wire_is_over(struct wire *wire);

#define FRAME_FINAL 0x80
#define FRAME_CONTINUED 0x0
#define FRAME_TEXT 0x1
#define FRAME_BINARY 0x2
#define FRAME_CLOSE 0x8
#define FRAME_PING 0x9
#define FRAME_PONG 0xa

/* Asks for a WebSocket; text is the answer. */
bool wire_upgrade(struct wire *wire, const char *path, char *text, size_t size);
/* first: FRAME_FINAL and what it is. Masked, as a client has to. */
bool wire_send_frame(struct wire *wire, unsigned first, const void *data, size_t len);
/* Returns its first byte, or -1 if the other side has hung up. */
int wire_read_frame(struct wire *wire, void *to, size_t size, size_t *ret_len);

#endif

#include "tests/http_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/certificate.h"

#define WEBSOCKET_REQUEST \
	"GET %s HTTP/1.1\r\nHost: d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

void wire_use_tls(struct site *site)
{
	snprintf(site->certificate, sizeof(site->certificate), "%s/certificate.pem", site->dir);
	snprintf(site->key, sizeof(site->key), "%s/key.pem", site->dir);
	certificate_write("IP:127.0.0.1", site->certificate, site->key);
	setenv("SSL_CERT_FILE", site->certificate, 1);
	site->listen.certificate_path = site->certificate;
	site->listen.key_path = site->key;
}

struct wire wire_open(const struct site *site)
{
	struct wire wire = { .fd = raw_connect(site) };
	if (site->listen.certificate_path) {
		wire.context = SSL_CTX_new(TLS_client_method());
		assert_int_equal(SSL_CTX_load_verify_file(
						 wire.context, site->listen.certificate_path),
				1);
		SSL_CTX_set_verify(wire.context, SSL_VERIFY_PEER, NULL);
		wire.tls = SSL_new(wire.context);
		assert_int_equal(SSL_set_fd(wire.tls, wire.fd), 1);
		assert_int_equal(SSL_connect(wire.tls), 1);
	}
	return wire;
}

void wire_close(struct wire *wire)
{
	SSL_free(wire->tls);
	SSL_CTX_free(wire->context);
	close(wire->fd);
}

bool wire_send(struct wire *wire, const void *data, size_t len)
{
	const char *rest = data;
	while (len > 0) {
		const ssize_t sent = wire->tls ? SSL_write(wire->tls, rest, (int)len)
					       : send(wire->fd, rest, len, MSG_NOSIGNAL);
		if (sent <= 0) {
			return false;
		}
		rest += sent;
		len -= (size_t)sent;
	}
	return true;
}

bool wire_say(struct wire *wire, const char *text)
{
	return wire_send(wire, text, strlen(text));
}

static ssize_t receive_some(struct wire *wire, void *to, size_t len)
{
	errno = 0;
	const ssize_t got =
			wire->tls ? SSL_read(wire->tls, to, (int)len) : recv(wire->fd, to, len, 0);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		fail_msg("nothing came");
	}
	return got;
}

size_t wire_receive(struct wire *wire, void *to, size_t len)
{
	size_t used = 0;
	while (used < len) {
		const ssize_t got = receive_some(wire, (char *)to + used, len - used);
		if (got <= 0) {
			break;
		}
		used += (size_t)got;
	}
	return used;
}

bool wire_read_answer(struct wire *wire, char *text, size_t size)
{
	size_t len = 0;
	do {
		if (len + 1 >= size || wire_receive(wire, text + len, 1) != 1) {
			text[len] = '\0';
			return false;
		}
		text[++len] = '\0';
	} while (len < 4 || strcmp(text + len - 4, "\r\n\r\n") != 0);
	const char *length = strstr(text, "content-length: ");
	const size_t body_len = length ? strtoul(length + 16, NULL, 10) : 0;
	assert_true(len + body_len < size);
	const size_t got = wire_receive(wire, text + len, body_len);
	text[len + got] = '\0';
	return got == body_len;
}

long wire_drain(struct wire *wire)
{
	static char dropped[65536];
	long len = 0;
	for (ssize_t got; (got = receive_some(wire, dropped, sizeof(dropped))) > 0;) {
		len += got;
	}
	return len;
}

bool wire_is_answered(struct wire *wire, int ms)
{
	struct pollfd readable = { .fd = wire->fd, .events = POLLIN };
	char byte;
	if (poll(&readable, 1, ms) == 0 || !wire->tls) {
		return readable.revents != 0;
	}
	assert_int_equal(fcntl(wire->fd, F_SETFL, O_NONBLOCK), 0);
	const int got = SSL_peek(wire->tls, &byte, 1);
	const int why = got > 0 ? SSL_ERROR_NONE : SSL_get_error(wire->tls, got);
	assert_int_equal(fcntl(wire->fd, F_SETFL, 0), 0);
	return why != SSL_ERROR_WANT_READ;
}

bool wire_is_over(struct wire *wire)
{
	char byte;
	return receive_some(wire, &byte, 1) <= 0;
}

/* --- WebSocket --- */

bool wire_upgrade(struct wire *wire, const char *path, char *text, size_t size)
{
	char request[512];
	snprintf(request, sizeof(request), WEBSOCKET_REQUEST, path);
	return wire_say(wire, request) && wire_read_answer(wire, text, size);
}

bool wire_send_frame(struct wire *wire, unsigned first, const void *data, size_t len)
{
	static const unsigned char mask[4] = { 0x12, 0x34, 0x56, 0x78 };
	unsigned char *frame = malloc(len + 14);
	assert_non_null(frame);
	size_t used = 0;
	frame[used++] = (unsigned char)first;
	const size_t length_len = len < 126 ? 0 : len < 65536 ? 2 : 8;
	frame[used++] = (unsigned char)(0x80 |
			(length_len == 0                                  ? len
							: length_len == 2 ? 126
									  : 127));
	for (size_t i = length_len; i > 0; i--) {
		frame[used++] = (unsigned char)(len >> (8 * (i - 1)));
	}
	memcpy(frame + used, mask, sizeof(mask));
	used += sizeof(mask);
	for (size_t i = 0; i < len; i++) {
		frame[used++] = ((const unsigned char *)data)[i] ^ mask[i % 4];
	}
	const bool is_sent = wire_send(wire, frame, used);
	free(frame);
	return is_sent;
}

int wire_read_frame(struct wire *wire, void *to, size_t size, size_t *ret_len)
{
	unsigned char head[10];
	if (wire_receive(wire, head, 2) != 2) {
		return -1;
	}
	assert_int_equal(head[1] & 0x80, 0); /* a server does not mask */
	const size_t length_len = head[1] == 126 ? 2 : head[1] == 127 ? 8 : 0;
	assert_int_equal(wire_receive(wire, head + 2, length_len), length_len);
	size_t len = length_len == 0 ? head[1] : 0;
	for (size_t i = 0; i < length_len; i++) {
		len = len << 8 | head[2 + i];
	}
	assert_true(len <= size);
	*ret_len = len;
	return wire_receive(wire, to, len) == len ? head[0] : -1;
}

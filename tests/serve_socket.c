#include "tests/serve_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/waiting.h"

#define MESSAGE_MAX 65536

static int connect_to(const struct serve_stage *stage)
{
	const int port = (int)strtol(strrchr(stage->base, ':') + 1, NULL, 10);
	const struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct timeval patience = { .tv_sec = DESKTOP_DEADLINE_MS / 1000 };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* Exactly so much; false at the end of the connection. */
static bool receive(int fd, void *to, size_t len)
{
	for (size_t got = 0; got < len;) {
		const ssize_t some = recv(fd, (char *)to + got, len - got, 0);
		if (some < 0) {
			fail_msg("nothing came");
		}
		if (some == 0) {
			return false;
		}
		got += (size_t)some;
	}
	return true;
}

/* Without its end. */
static bool receive_line(int fd, char *line, size_t size)
{
	size_t len = 0;
	while (receive(fd, line + len, 1)) {
		if (line[len] == '\n') {
			len -= len > 0 && line[len - 1] == '\r';
			line[len] = '\0';
			return true;
		}
		assert_true(++len < size);
	}
	return false;
}

struct serve_socket serve_socket_open(const struct serve_stage *stage, const char *path,
		bool is_websocket, const char *token, const char *further)
{
	struct serve_socket opened = { connect_to(stage), is_websocket, 0 };
	char head[2048], line[1024], authorization[200] = "";
	token = token ? token : stage->token;
	if (token[0]) {
		snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s\r\n",
				token);
	}
	const int len = snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n",
			path, stage->base + strlen("http://"), authorization,
			further ? further : "",
			is_websocket ? "Upgrade: websocket\r\nConnection: Upgrade\r\n"
				       "Sec-WebSocket-Version: 13\r\n"
				       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
				     : "");
	assert_int_equal(send(opened.fd, head, (size_t)len, MSG_NOSIGNAL), len);
	assert_true(receive_line(opened.fd, line, sizeof(line)));
	assert_int_equal(sscanf(line, "HTTP/1.1 %ld", &opened.status), 1);
	while (receive_line(opened.fd, line, sizeof(line)) && line[0]) {
	}
	return opened;
}

void serve_socket_close(struct serve_socket *opened)
{
	close(opened->fd);
	opened->fd = -1;
}

void serve_socket_send(const struct serve_socket *opened, int opcode, const void *data, size_t len)
{
	static const unsigned char mask[4] = { 0x12, 0x34, 0x56, 0x78 };
	unsigned char *frame = malloc(len + 8);
	assert_true(frame && len < 65536);
	size_t at = 0;
	frame[at++] = (unsigned char)(0x80 | opcode);
	frame[at++] = (unsigned char)(0x80 | (len < 126 ? len : 126));
	if (len >= 126) {
		frame[at++] = (unsigned char)(len >> 8);
		frame[at++] = (unsigned char)len;
	}
	memcpy(frame + at, mask, sizeof(mask));
	at += sizeof(mask);
	for (size_t i = 0; i < len; i++) {
		frame[at++] = ((const unsigned char *)data)[i] ^ mask[i % 4];
	}
	assert_int_equal(send(opened->fd, frame, at, MSG_NOSIGNAL), at);
	free(frame);
}

int serve_socket_read(const struct serve_socket *opened, char *text, size_t size, size_t *ret_len)
{
	unsigned char head[10];
	if (!receive(opened->fd, head, 2)) {
		return -1;
	}
	const size_t more = head[1] == 126 ? 2 : head[1] == 127 ? 8 : 0;
	size_t len = more == 0 ? head[1] : 0;
	assert_true(receive(opened->fd, head + 2, more));
	for (size_t i = 0; i < more; i++) {
		len = len << 8 | head[2 + i];
	}
	assert_true(len < size && receive(opened->fd, text, len));
	text[len] = '\0';
	*ret_len = len;
	return head[0] & 0x0f;
}

cJSON *serve_socket_next(const struct serve_socket *opened)
{
	static char text[MESSAGE_MAX];
	size_t len = 0;
	cJSON *json = NULL;
	if (opened->is_websocket) {
		json = serve_socket_read(opened, text, sizeof(text), &len) == SOCKET_TEXT
				? cJSON_Parse(text)
				: NULL;
	} else {
		while (receive_line(opened->fd, text, sizeof(text))) {
			if (strncmp(text, "data: ", 6) == 0) {
				return cJSON_Parse(text + 6);
			}
		}
	}
	return json;
}

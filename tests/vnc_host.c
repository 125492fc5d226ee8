#include "tests/vnc_host.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "display/vnc/vnc.h"

void vnc_host_start(struct vnc_host *host)
{
	int pair[2];
	*host = (struct vnc_host){ .frame_fd = -1 };
	strcpy(host->directory, "/tmp/cua-test-vnc-XXXXXX");
	assert_non_null(mkdtemp(host->directory));
	snprintf(host->path, sizeof(host->path), "%s/rfb.sock", host->directory);
	snprintf(host->pass_path, sizeof(host->pass_path), "%s/viewers.sock", host->directory);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	int listen_fd = -1, pass_fd = -1;
	assert_int_equal(cua_unix_listen(host->path, SOCK_STREAM, 0600, &listen_fd, NULL), CUA_OK);
	assert_int_equal(cua_unix_listen(host->pass_path, SOCK_STREAM, 0600, &pass_fd, NULL),
			CUA_OK);
	fflush(NULL);
	host->log_fd = memfd_create("log", MFD_CLOEXEC);
	assert_true(host->log_fd >= 0);
	host->server = fork();
	assert_true(host->server >= 0);
	if (host->server == 0) {
		close(pair[0]);
		dup2(host->log_fd, STDERR_FILENO);
		char words[9][96] = { "vnc-server", "--link-fd", "", "--listen-fd", "", "--pass-fd",
			"", "--name", "test desktop" };
		snprintf(words[2], sizeof(words[2]), "%d", pair[1]);
		snprintf(words[4], sizeof(words[4]), "%d", listen_fd);
		snprintf(words[6], sizeof(words[6]), "%d", pass_fd);
		char *args[10] = { NULL };
		for (int i = 0; i < 9; i++) {
			args[i] = words[i];
		}
		exit(cua_cmd_vnc_server(9, args));
	}
	close(listen_fd);
	close(pass_fd);
	close(pair[1]);
	host->link_fd = pair[0];
}

int vnc_host_open(struct vnc_host *host, uint32_t width_px, uint32_t height_px, int32_t port)
{
	vnc_host_new_frame(host, width_px, height_px, 1);
	return vnc_host_listen(host, port);
}

static void drop_frame(struct vnc_host *host)
{
	if (host->pixels) {
		munmap(host->pixels, (size_t)host->width_px * host->height_px * 4);
		close(host->frame_fd);
		host->pixels = NULL;
	}
}

char *vnc_host_log(const struct vnc_host *host)
{
	struct stat info;
	assert_int_equal(fstat(host->log_fd, &info), 0);
	char *text = calloc(1, (size_t)info.st_size + 1);
	assert_non_null(text);
	assert_int_equal(pread(host->log_fd, text, (size_t)info.st_size, 0), info.st_size);
	return text;
}

int vnc_host_stop(struct vnc_host *host)
{
	int status = -1;
	if (host->link_fd >= 0) {
		close(cua_steal_fd(&host->link_fd));
	}
	assert_int_equal(waitpid(host->server, &status, 0), host->server);
	drop_frame(host);
	CUA_AUTO_FREE char *log = vnc_host_log(host);
	(void)!write(STDERR_FILENO, log, strlen(log));
	close(cua_steal_fd(&host->log_fd));
	unlink(host->path);
	unlink(host->pass_path);
	rmdir(host->directory);
	return status;
}

void vnc_host_send(struct vnc_host *host, const struct vnc_link_message *message, const void *data,
		int fd)
{
	size_t len = sizeof(*message) + message->data_len;
	char *packet = malloc(len);
	assert_non_null(packet);
	memcpy(packet, message, sizeof(*message));
	if (message->data_len > 0) {
		memcpy(packet + sizeof(*message), data, message->data_len);
	}
	assert_int_equal(cua_unix_send(host->link_fd, packet, len, &fd, fd >= 0, NULL), CUA_OK);
	free(packet);
}

void vnc_host_new_frame(struct vnc_host *host, uint32_t width_px, uint32_t height_px, uint32_t seed)
{
	size_t len = (size_t)width_px * height_px * 4;
	drop_frame(host);
	host->width_px = width_px;
	host->height_px = height_px;
	host->frame_fd = memfd_create("frame", MFD_CLOEXEC);
	assert_int_equal(ftruncate(host->frame_fd, (off_t)len), 0);
	host->pixels = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, host->frame_fd, 0);
	assert_ptr_not_equal(host->pixels, MAP_FAILED);
	uint32_t state = seed;
	for (size_t i = 0; i < len / 4; i++) {
		state = state * 1664525U + 1013904223U; /* does not compress */
		host->pixels[i] = state >> 8;
	}
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", host->frame_fd);
	int readable = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(readable >= 0);
	struct vnc_link_message message = { .type = VNC_LINK_FRAME };
	message.u.frame.width_px = width_px;
	message.u.frame.height_px = height_px;
	message.u.frame.stride_bytes = width_px * 4;
	vnc_host_send(host, &message, NULL, readable);
	close(readable);
}

void vnc_host_paint(struct vnc_host *host, uint16_t x, uint16_t y, uint16_t width, uint16_t height,
		uint32_t colour)
{
	for (size_t row = y; row < (size_t)y + height; row++) {
		for (size_t column = x; column < (size_t)x + width; column++) {
			host->pixels[row * host->width_px + column] = colour;
		}
	}
	struct vnc_link_message message = { .type = VNC_LINK_DAMAGE };
	message.u.damage.x = x;
	message.u.damage.y = y;
	message.u.damage.width = width;
	message.u.damage.height = height;
	vnc_host_send(host, &message, NULL, -1);
}

/* A socket on loopback, as the host opens it; -1 for none. */
static int open_loopback(int32_t *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	if (*port < 0) {
		return -1;
	}
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

int vnc_host_listen(struct vnc_host *host, int32_t port)
{
	struct vnc_link_message message = { .type = VNC_LINK_LISTEN };
	CUA_AUTO_FD int fd = open_loopback(&port);
	strcpy(message.u.listen.view_password, VNC_VIEW_PASSWORD);
	strcpy(message.u.listen.control_password, VNC_CONTROL_PASSWORD);
	vnc_host_send(host, &message, NULL, fd);
	return port;
}

bool vnc_host_hear(struct vnc_host *host, struct vnc_heard *heard, int timeout_ms)
{
	struct pollfd wait = { .fd = host->link_fd, .events = POLLIN };
	if (poll(&wait, 1, timeout_ms) != 1) {
		return false;
	}
	char packet[sizeof(struct vnc_link_message) + VNC_LINK_TEXT_MAX];
	int fds[CUA_UNIX_FDS_MAX];
	size_t len = 0;
	assert_int_equal(cua_unix_recv(host->link_fd, packet, sizeof(packet), &len, fds, NULL),
			CUA_OK);
	assert_true(len >= sizeof(heard->message)); /* 0: the process is gone */
	memcpy(&heard->message, packet, sizeof(heard->message));
	assert_int_equal(len, sizeof(heard->message) + heard->message.data_len);
	memcpy(heard->data, packet + sizeof(heard->message), heard->message.data_len);
	heard->data[heard->message.data_len] = '\0';
	return true;
}

void vnc_host_hear_input(struct vnc_host *host, struct vnc_heard *heard)
{
	do {
		assert_true(vnc_host_hear(host, heard, VNC_DEADLINE_MS));
	} while (heard->message.type == VNC_LINK_VIEWERS ||
			heard->message.type == VNC_LINK_JOINED ||
			heard->message.type == VNC_LINK_READY ||
			heard->message.type == VNC_LINK_LEFT);
}

void vnc_host_expect_key(struct vnc_host *host, uint32_t keysym, bool down)
{
	struct vnc_heard heard;
	vnc_host_hear_input(host, &heard);
	assert_int_equal(heard.message.type, VNC_LINK_KEY);
	assert_int_equal(heard.message.u.key.keysym, keysym);
	assert_int_equal(heard.message.u.key.down, down);
}

void vnc_host_expect_pointer(struct vnc_host *host, uint16_t x, uint16_t y, uint32_t buttons)
{
	struct vnc_heard heard;
	vnc_host_hear_input(host, &heard);
	assert_int_equal(heard.message.type, VNC_LINK_POINTER);
	assert_int_equal(heard.message.u.pointer.x, x);
	assert_int_equal(heard.message.u.pointer.y, y);
	assert_int_equal(heard.message.u.pointer.buttons, buttons);
}

void vnc_host_expect_resume(struct vnc_host *host)
{
	struct vnc_heard heard;
	vnc_host_hear_input(host, &heard);
	assert_int_equal(heard.message.type, VNC_LINK_RESUME);
}

void vnc_host_wait_viewers(struct vnc_host *host, uint32_t viewers, uint32_t controllers)
{
	struct vnc_heard heard;
	do {
		assert_true(vnc_host_hear(host, &heard, VNC_DEADLINE_MS));
	} while (heard.message.type != VNC_LINK_VIEWERS ||
			heard.message.u.viewers.viewers != viewers ||
			heard.message.u.viewers.controllers != controllers);
}

int vnc_test_start(void **state)
{
	struct vnc_host *host = malloc(sizeof(*host));
	assert_non_null(host);
	vnc_host_start(host);
	vnc_host_open(host, VNC_TEST_WIDTH, VNC_TEST_HEIGHT, -1);
	*state = host;
	return 0;
}

int vnc_test_stop(void **state)
{
	int status = vnc_host_stop(*state);
	free(*state);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

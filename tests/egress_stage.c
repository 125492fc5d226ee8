#include "tests/egress_stage.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <sodium.h>

#include "cua/base/file.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "cua/egress/relay.h"
#include "tests/files.h"
#include "tests/waiting.h"

static const char token[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static const char list[] = "*.wild.test,allowed.test,dead.test,inside.test,nosuch.test";

static const char hosts[] = "127.0.0.1 loop.wild.test\n::1 loop6.wild.test\n"
			    "10.0.0.1 private.wild.test\n169.254.169.254 metadata.wild.test\n"
			    "::ffff:127.0.0.1 mapped.wild.test\n64:ff9b::7f00:1 nat64.wild.test\n"
			    "2002:7f00:1:: sixtofour.wild.test\nfe80::1 link.wild.test\n"
			    "fd00:ec2::254 unique.wild.test\n224.0.0.1 multicast.wild.test\n"
			    "10.0.0.1 both.wild.test\n::1 both.wild.test\n127.0.0.1 inside.test\n";

/* --- the plain server --- */

static size_t content_length(const char *head)
{
	const char *field = strcasestr(head, "\r\ncontent-length: ");
	return field ? strtoul(field + 18, NULL, 10) : 0;
}

/* False if the connection ended before. */
static bool read_request(struct origin *origin, int fd)
{
	char part[65536];
	size_t total = 0, wanted = 0;
	while (wanted == 0 || total < wanted) {
		const ssize_t got = recv(fd, part, sizeof(part) - 1, 0);
		if (got <= 0) {
			return false;
		}
		part[got] = '\0';
		const char *end = wanted ? NULL : strstr(part, "\r\n\r\n");
		pthread_mutex_lock(&origin->lock);
		if (total == 0) {
			snprintf(origin->request, sizeof(origin->request), "%.8000s", part);
		}
		origin->received += (size_t)got;
		pthread_mutex_unlock(&origin->lock);
		total += (size_t)got;
		if (end) {
			wanted = (size_t)(end + 4 - part) + content_length(part);
		}
	}
	return true;
}

static void answer(struct origin *origin, int fd)
{
	char head[256];
	pthread_mutex_lock(&origin->lock);
	origin->requests++;
	const size_t len = origin->answer_len;
	pthread_mutex_unlock(&origin->lock);
	CUA_AUTO_FREE char *body = malloc(len);
	memset(body, 'x', len);
	const int head_len = snprintf(head, sizeof(head),
			"HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", len);
	if (cua_write_all(fd, head, (size_t)head_len)) {
		(void)!cua_write_all(fd, body, len);
	}
}

static void *serve(void *data)
{
	struct origin *origin = data;
	int fd = -1;
	while ((fd = accept(origin->listener, NULL, NULL)) >= 0) {
		if (read_request(origin, fd)) {
			answer(origin, fd);
		}
		shutdown(fd, SHUT_WR);
		char rest[64];
		while (recv(fd, rest, sizeof(rest), 0) > 0) {
		}
		close(fd);
	}
	return NULL;
}

static void origin_listen(struct origin *origin)
{
	*origin = (struct origin){ .answer_len = 5 };
	pthread_mutex_init(&origin->lock, NULL);
	origin->listener = tls_server_listen(&origin->port);
}

static void origin_serve(struct origin *origin)
{
	assert_int_equal(pthread_create(&origin->thread, NULL, serve, origin), 0);
}

void origin_start(struct origin *origin)
{
	origin_listen(origin);
	origin_serve(origin);
}

void origin_stop(struct origin *origin)
{
	shutdown(origin->listener, SHUT_RDWR);
	pthread_join(origin->thread, NULL);
	close(origin->listener);
	pthread_mutex_destroy(&origin->lock);
}

void origin_last_request(struct origin *origin, char *text, size_t size)
{
	pthread_mutex_lock(&origin->lock);
	snprintf(text, size, "%s", origin->request);
	pthread_mutex_unlock(&origin->lock);
}

int origin_requests(struct origin *origin)
{
	pthread_mutex_lock(&origin->lock);
	const int requests = origin->requests;
	pthread_mutex_unlock(&origin->lock);
	return requests;
}

/* --- the proxy --- */

static bool find(void *data, const char *host, uint16_t port, struct sockaddr_storage *ret_address)
{
	const struct egress_stage *stage = data;
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
		.sin_port = htons((uint16_t)(port == 80 ? stage->plain.port : stage->tls.port)) };
	const bool is_dead = strcmp(host, "dead.test") == 0;
	const bool is_host = is_dead || strcmp(host, "allowed.test") == 0 ||
			strstr(host, "fixed.wild.test");
	if (is_dead) {
		address.sin_port = htons(1);
	}
	memcpy(ret_address, &address, sizeof(address));
	return is_host;
}

/* Names of our own, in a mount namespace of our own. */
static void replace_hosts(const struct egress_stage *stage)
{
	char map[64];
	const unsigned int uid = getuid();
	const int fd = unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) == 0
			? open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC)
			: -1;
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	if (fd < 0 || (uid != 0 && write(fd, map, strlen(map)) < 0) ||
			mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
			mount(stage->hosts, "/etc/hosts", NULL, MS_BIND, NULL) != 0) {
		perror("own /etc/hosts");
		_exit(1);
	}
	close(fd);
}

static void run_proxy(
		const struct egress_stage *stage, int listen_fd, const struct egress_limits *limits)
{
	const struct egress_proxy_options options = { .listen_fd = listen_fd,
		.log_fd = open(stage->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600),
		.list = list,
		.token = token,
		.peer_uid = getuid(),
		.limits = limits ? *limits : egress_usual_limits,
		.is_confined = true,
		.find = find,
		.find_data = (void *)(uintptr_t)stage };
	struct cua_error why = { 0 };
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* of a test that failed */
	replace_hosts(stage);
	if (egress_proxy_run(&options, NULL, &why) != CUA_OK) {
		fprintf(stderr, "%s\n", why.msg);
		_exit(1);
	}
	_exit(0);
}

void egress_stage_start(struct egress_stage *stage, const struct egress_limits *limits)
{
	int listen_fd = -1;
	*stage = (struct egress_stage){ .dir = "/tmp/cua-egress-XXXXXX" };
	signal(SIGPIPE, SIG_IGN);
	assert_true(sodium_init() >= 0);
	assert_non_null(mkdtemp(stage->dir));
	snprintf(stage->socket, sizeof(stage->socket), "%s/proxy.sock", stage->dir);
	snprintf(stage->log, sizeof(stage->log), "%s/log", stage->dir);
	snprintf(stage->hosts, sizeof(stage->hosts), "%s/hosts", stage->dir);
	assert_int_equal(cua_file_write(stage->hosts, hosts, strlen(hosts), 0644, NULL), CUA_OK);
	assert_int_equal(chmod(stage->dir, 0755), 0);
	assert_int_equal(cua_unix_listen(stage->socket, SOCK_STREAM, 0666, &listen_fd, NULL),
			CUA_OK);
	origin_listen(&stage->plain);
	tls_server_listen_as(&stage->tls, "DNS:allowed.test", 1);
	/* Before there is a thread: a sanitizer's locks that one holds at the fork are held in the
	 * child for ever. */
	stage->proxy = fork();
	assert_true(stage->proxy >= 0);
	if (stage->proxy == 0) {
		run_proxy(stage, listen_fd, limits);
	}
	close(listen_fd);
	origin_serve(&stage->plain);
	tls_server_serve(&stage->tls);
}

void egress_stage_stop(struct egress_stage *stage)
{
	int status = 0;
	kill(stage->proxy, SIGTERM);
	assert_int_equal(waitpid(stage->proxy, &status, 0), stage->proxy);
	origin_stop(&stage->plain);
	tls_server_stop(&stage->tls);
	assert_int_equal(cua_remove_tree(stage->dir, NULL), CUA_OK);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* --- clients --- */

int egress_stage_connect(const struct egress_stage *stage)
{
	int fd = -1;
	assert_int_equal(cua_unix_connect(stage->socket, SOCK_STREAM, &fd, NULL), CUA_OK);
	assert_true(cua_write_all(fd, token, EGRESS_TOKEN_LEN));
	assert_true(cua_write_all(fd, "\n", 1));
	return fd;
}

bool egress_read_to_end(int fd, char *text, size_t size)
{
	size_t len = 0;
	const uint64_t deadline_us = cua_now_us() + DESKTOP_DEADLINE_MS * 1000ULL;
	for (;;) {
		char part[65536];
		struct pollfd readable = { .fd = fd, .events = POLLIN };
		if (poll(&readable, 1, cua_ms_until(deadline_us)) <= 0) {
			return false;
		}
		const ssize_t got = recv(fd, part, sizeof(part), 0);
		if (got <= 0) {
			break;
		}
		const size_t kept = (size_t)got < size - 1 - len ? (size_t)got : size - 1 - len;
		memcpy(text + len, part, kept);
		len += kept;
	}
	text[len] = '\0';
	return true;
}

void egress_stage_ask(
		const struct egress_stage *stage, const char *text, char *answer_text, size_t size)
{
	const int fd = egress_stage_connect(stage);
	assert_true(cua_write_all(fd, text, strlen(text)));
	assert_true(egress_read_to_end(fd, answer_text, size));
	close(fd);
}

char *egress_stage_log(const struct egress_stage *stage)
{
	char *text = read_whole_file(stage->log, NULL);
	assert_non_null(text);
	return text;
}

struct awaited {
	const struct egress_stage *stage;
	const char *text;
};

static bool is_logged(void *data)
{
	const struct awaited *awaited = data;
	CUA_AUTO_FREE char *text = egress_stage_log(awaited->stage);
	return strstr(text, awaited->text) != NULL;
}

void egress_stage_await_log(const struct egress_stage *stage, const char *text)
{
	struct awaited awaited = { stage, text };
	wait_until(is_logged, &awaited, text);
}

/* `cua view`: a native viewer at a desktop, through a server and without one. TigerVNC's is real,
 * on a screen of its own. */

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/live_stage.h"
#include "tests/waiting.h"

static struct serve_stage stage;
static struct program screen; /* Xvfb, for the viewer */
static char token_path[128], display[32], token_option[160], server_option[128];

static bool has_display(void *data)
{
	char line[16] = "";
	(void)data;
	if (pread(screen.out, line, sizeof(line) - 1, 0) <= 0 || !strchr(line, '\n')) {
		return false;
	}
	line[strcspn(line, "\n")] = '\0';
	snprintf(display, sizeof(display), "DISPLAY=:%s", line);
	return true;
}

static int start(void **state)
{
	(void)state;
	static const char *const argv[] = { "Xvfb", "-displayfd", "1", "-screen", "0",
		"1024x768x24", "-nolisten", "tcp", NULL };
	live_stage_open(&stage);
	snprintf(token_path, sizeof(token_path), "%s", world_path(&stage.world, "token"));
	assert_int_equal(cua_file_write(token_path, stage.token, strlen(stage.token), 0600, NULL),
			CUA_OK);
	snprintf(token_option, sizeof(token_option), "--token-file=%s", token_path);
	snprintf(server_option, sizeof(server_option), "--server=%s", stage.base);
	screen = world_begin(&stage.world, argv, NULL, NULL, 0);
	wait_until(has_display, NULL, "Xvfb for the viewer");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	struct output output;
	kill(screen.pid, SIGTERM);
	world_await(&stage.world, &screen, &output);
	output_finish(&output);
	serve_stage_close(&stage);
	return 0;
}

/* `cua view WORD...`; up to a NULL. */
static struct program begin_view(const char *const *words)
{
	const char *argv[12] = { stage.world.program, "view" };
	const char *const extra[] = { display, NULL };
	for (size_t i = 0; words[i]; i++) {
		argv[i + 2] = words[i];
	}
	return world_begin(&stage.world, argv, extra, NULL, 0);
}

struct said {
	const struct program *program;
	const char *name; /* of the word that is wanted */
	char value[256];
};

static bool has_said(void *data)
{
	struct said *said = data;
	char text[1024] = "";
	if (pread(said->program->out, text, sizeof(text) - 1, 0) <= 0) {
		return false;
	}
	const char *at = strstr(text, said->name);
	return at && strchr(at, '\n') &&
			sscanf(at + strlen(said->name), " %255s", said->value) == 1;
}

static void read_said(const struct program *program, const char *name, struct said *ret_said)
{
	*ret_said = (struct said){ .program = program, .name = name };
	wait_until(has_said, ret_said, "what cua view prints");
}

static bool shows_window(void *data)
{
	struct output output;
	const char *const argv[] = { "xwininfo", "-root", "-tree", NULL };
	const char *const extra[] = { display, NULL };
	world_exec(&stage.world, argv, extra, NULL, 0, &output);
	const bool shows = strstr(output.out, data) != NULL;
	output_finish(&output);
	return shows;
}

static void expect_end(struct program *view, int status, const char *says)
{
	struct output output;
	world_await(&stage.world, view, &output);
	expect_status(&output, status, "cua view");
	if (says) {
		assert_says(output.err, says);
	}
	output_finish(&output);
}

static void tigervnc_shows_a_desktop_of_a_server(void **state)
{
	(void)state;
	static char title[] = "seen - TigerVNC";
	const char *const words[] = { "-d", "seen", server_option, token_option, NULL };
	struct program view = begin_view(words);
	live_wait_viewers(&stage, 1);
	wait_until(shows_window, title, "a window of TigerVNC's");
	/* The server ends it, and it says why. */
	cJSON_Delete(serve_json(&stage, "DELETE", "/v1/desktops/seen", NULL, 204));
	expect_end(&view, 6, "the desktop has ended this connection");
	cJSON_Delete(serve_json(&stage, "POST", "/v1/desktops",
			"{\"name\":\"seen\",\"size\":\"800x600\"}", 201));
}

static void tigervnc_shows_a_desktop_of_this_machine(void **state)
{
	(void)state;
	static char title[] = "other - TigerVNC";
	const char *const words[] = { "-d", "other", "--mode=watch", NULL };
	struct program view = begin_view(words);
	wait_until(shows_window, title, "a window of TigerVNC's");
	kill(view.pid, SIGTERM);
	expect_end(&view, 130, NULL);
}

static void the_unix_socket_is_for_one_viewer_of_this_user(void **state)
{
	(void)state;
	const char *const words[] = { "-d", "seen", server_option, token_option, "--no-viewer",
		NULL };
	struct said socket;
	struct vnc_seen seen;
	struct stat info;
	char folder[256];
	struct program view = begin_view(words);
	read_said(&view, "socket", &socket);
	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(socket.value, '/') - socket.value),
			socket.value);
	assert_int_equal(stat(folder, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
	rfbClient *viewer = vnc_viewer_connect(socket.value, 0, "", "tight raw", &seen);
	assert_non_null(viewer);
	assert_int_equal(viewer->width, LIVE_WIDTH);
	live_wait_viewers(&stage, 1);
	assert_int_equal(stat(folder, &info), -1); /* nobody else comes in */
	vnc_viewer_disconnect(viewer);
	expect_end(&view, 0, NULL);
}

static void a_port_on_loopback_wants_its_password(void **state)
{
	(void)state;
	const char *const words[] = { "-d", "seen", server_option, token_option, "--listen", NULL };
	struct said address, password;
	struct vnc_seen seen;
	struct program view = begin_view(words);
	read_said(&view, "address", &address);
	read_said(&view, "password", &password);
	const int port = (int)strtol(strchr(address.value, ':') + 1, NULL, 10);
	assert_null(vnc_viewer_connect("127.0.0.1", port, "mistaken", "raw", &seen));
	assert_null(vnc_viewer_connect("127.0.0.1", port, "", "raw", &seen));
	rfbClient *viewer =
			vnc_viewer_connect("127.0.0.1", port, password.value, "tight raw", &seen);
	assert_non_null(viewer);
	assert_int_equal(viewer->height, LIVE_HEIGHT);
	vnc_viewer_sync(viewer);
	assert_null(vnc_viewer_connect("127.0.0.1", port, password.value, "raw", &seen));
	vnc_viewer_disconnect(viewer);
	expect_end(&view, 0, NULL);
}

static int connect_loopback(int port)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* Connects and says nothing, or as much as gets it to the question for the password. */
static int begin_silence(int port, bool greets)
{
	char banner[12], types[2], challenge[16];
	const int fd = connect_loopback(port);
	assert_true(vnc_raw_read(fd, banner, sizeof(banner)));
	if (greets) {
		vnc_raw_write(fd, "RFB 003.008\n", 12);
		assert_true(vnc_raw_read(fd, types, sizeof(types)));
		vnc_raw_write(fd, "\2", 1);
		assert_true(vnc_raw_read(fd, challenge, sizeof(challenge)));
	}
	return fd;
}

static void silence_holds_nobody_up(void **state)
{
	(void)state;
	const char *const words[] = { "-d", "other", "--listen", NULL };
	struct said address, password;
	struct vnc_seen seen;
	int silent[20];
	struct program view = begin_view(words);
	read_said(&view, "address", &address);
	read_said(&view, "password", &password);
	const int port = (int)strtol(strchr(address.value, ':') + 1, NULL, 10);
	/* One that is at the password, and more than may wait. */
	for (size_t i = 0; i < CUA_ARRAY_LEN(silent); i++) {
		silent[i] = begin_silence(port, i == 0);
	}
	vnc_raw_wait_end(silent[1]);
	/* Whoever comes has its turn beside them. */
	rfbClient *viewer = vnc_viewer_connect("127.0.0.1", port, password.value, "raw", &seen);
	assert_non_null(viewer);
	assert_int_equal(viewer->height, LIVE_HEIGHT);
	for (size_t i = 0; i < CUA_ARRAY_LEN(silent); i++) {
		vnc_raw_wait_end(silent[i]);
		close(silent[i]);
	}
	vnc_viewer_disconnect(viewer);
	expect_end(&view, 0, NULL);
}

static void guesses_close_the_port(void **state)
{
	(void)state;
	const char *const words[] = { "-d", "other", "--listen", NULL };
	struct said address;
	struct vnc_seen seen;
	struct program view = begin_view(words);
	read_said(&view, "address", &address);
	const int port = (int)strtol(strchr(address.value, ':') + 1, NULL, 10);
	for (int i = 0; i < 5; i++) {
		assert_null(vnc_viewer_connect("127.0.0.1", port, "mistaken", "raw", &seen));
	}
	expect_end(&view, 6, "wrong passwords");
}

static void what_is_wrong_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *words[5];
		int status;
		const char *says;
	} calls[] = {
		{ { "-d", "none" }, 1, "no desktop \"none\"" },
		{ { "-d", "none", server_option, token_option }, 1, "no desktop \"none\"" },
		{ { server_option, token_option }, 1, "-d NAME says which" },
		{ { server_option }, 2, "go together" },
		{ { "--mode=own" }, 2, "\"--mode=own\": no such option" },
		{ { "--listen", "--no-viewer" }, 2, "alone" },
		{ { "--server=ftp://x", token_option }, 1, "is not where a server is" },
		{ { "--server=http://127.0.0.1:1", token_option }, 6, "nobody listens" },
		{ { "-d", "seen", "--viewer=/nowhere/viewer" }, 1, "/nowhere/viewer" },
		{ { "-d", "seen", "--viewer=/bin/false" }, 6, "before it had connected" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(calls); i++) {
		struct program view = begin_view(calls[i].words);
		expect_end(&view, calls[i].status, calls[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tigervnc_shows_a_desktop_of_a_server),
		cmocka_unit_test(tigervnc_shows_a_desktop_of_this_machine),
		cmocka_unit_test(the_unix_socket_is_for_one_viewer_of_this_user),
		cmocka_unit_test(a_port_on_loopback_wants_its_password),
		cmocka_unit_test(silence_holds_nobody_up),
		cmocka_unit_test(guesses_close_the_port),
		cmocka_unit_test(what_is_wrong_is_told),
	};
	return cmocka_run_group_tests(tests, start, finish);
}

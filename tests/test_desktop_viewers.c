/* The VNC server of a desktop: there while somebody watches, and not otherwise. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_recorder.h"
#include "tests/processes.h"
#include "tests/vnc_viewers.h"
#include "tests/waiting.h"

static struct world world;
static struct desktop desktop;
static struct vnc_host site; /* where viewers connect to; no more of it is used */
static char view[16], control[16], address[32];

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "seen");
	snprintf(site.path, sizeof(site.path), "%s",
			world_path(&world, "run/desktops/seen/rfb.sock"));
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_stop(&desktop);
	world_destroy(&world);
	return 0;
}

/* POST /v1/vnc; the HTTP status. Passwords and address are kept on success. */
static long listen_on(const char *port)
{
	char body[32];
	struct cua_http_response response;
	snprintf(body, sizeof(body), "{\"listen\":%s}", port);
	const long status = desktop_http(
			&desktop, "POST", "/v1/vnc", body, strlen(body), NULL, &response);
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(response.body.data);
	if (status == 200) {
		snprintf(view, sizeof(view), "%s", json_text(json, "view_password"));
		snprintf(control, sizeof(control), "%s", json_text(json, "control_password"));
		snprintf(address, sizeof(address), "%s", json_text(json, "address"));
		assert_string_equal(json_text(json, "socket"), site.path);
	}
	cua_http_response_finish(&response);
	return status;
}

static bool logs_in(const char *password)
{
	CUA_AUTO_FD int fd = vnc_raw_connect(&site);
	return vnc_raw_login(fd, password);
}

static bool is_over(void *data)
{
	return process_is_gone(*(pid_t *)data);
}

static int port_of_address(void)
{
	const char *colon = strchr(address, ':');
	return colon ? (int)strtol(colon + 1, NULL, 10) : -1;
}

static bool tcp_answers(uint32_t host, int port)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(host) };
	CUA_AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char banner[12];
	return connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 &&
			vnc_raw_read(fd, banner, sizeof(banner)) &&
			memcmp(banner, "RFB 003.008\n", 12) == 0;
}

static bool tcp_is_closed(void *data)
{
	return !tcp_answers(INADDR_LOOPBACK, *(int *)data);
}

static void without_viewers_there_is_no_vnc_process(void **state)
{
	(void)state;
	assert_true(desktop_recorded_pid(&desktop, "vnc") <= 0);
	assert_int_equal(listen_on("null"), 200);
	assert_true(desktop_recorded_pid(&desktop, "vnc") <= 0);
	CUA_AUTO_FD int viewer = vnc_raw_connect(&site);
	assert_true(vnc_raw_login(viewer, view));
	pid_t pid = desktop_recorded_pid(&desktop, "vnc");
	assert_false(process_is_gone(pid));
	close(cua_steal_fd(&viewer));
	wait_until(is_over, &pid, "the VNC server ends after its last viewer");
	/* The next one is served with the passwords of before. */
	assert_true(logs_in(control));
	assert_int_not_equal(desktop_recorded_pid(&desktop, "vnc"), pid);
}

static bool has_click(void *data)
{
	(void)data;
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "press release");
	return cJSON_GetArraySize(events) == 2;
}

static void a_viewer_sees_the_desktop_and_may_use_it(void **state)
{
	struct vnc_seen seen;
	(void)state;
	recorder_start(&desktop);
	assert_int_equal(listen_on("null"), 200);
	recorder_mark(&desktop);
	rfbClient *viewer = vnc_viewer_connect(site.path, 0, control, "raw", &seen);
	assert_non_null(viewer);
	assert_int_equal(viewer->width, 1280);
	assert_int_equal(viewer->height, 800);
	SendPointerEvent(viewer, 300, 200, 1);
	SendPointerEvent(viewer, 300, 200, 0);
	vnc_viewer_sync(viewer);
	vnc_viewer_disconnect(viewer);
	/* The VNC server has read the click; the host passes it on. */
	wait_until(has_click, NULL, "the viewer's click arrives");
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "press release");
	assert_int_equal(json_number(events, "0.x"), 300);
}

static void the_last_of_many_viewers_may_use_it_too(void **state)
{
	struct vnc_seen seen;
	int others[VNC_LINK_VIEWERS_MAX - 1];
	(void)state;
	assert_int_equal(listen_on("null"), 200);
	recorder_mark(&desktop);
	for (size_t i = 0; i < CUA_ARRAY_LEN(others); i++) {
		others[i] = vnc_raw_connect(&site);
		assert_true(vnc_raw_login(others[i], view));
	}
	rfbClient *viewer = vnc_viewer_connect(site.path, 0, control, "raw", &seen);
	assert_non_null(viewer);
	SendPointerEvent(viewer, 300, 200, 1);
	SendPointerEvent(viewer, 300, 200, 0);
	vnc_viewer_sync(viewer);
	wait_until(has_click, NULL, "the last viewer's click arrives");
	vnc_viewer_disconnect(viewer);
	for (size_t i = 0; i < CUA_ARRAY_LEN(others); i++) {
		close(others[i]);
	}
}

static bool has_text(rfbClient *viewer, const void *data)
{
	return strcmp(vnc_viewer_seen(viewer)->text, data) == 0;
}

static void the_clipboard_goes_to_viewers_with_control(void **state)
{
	struct vnc_seen seen, only_looks;
	(void)state;
	assert_int_equal(listen_on("null"), 200);
	rfbClient *viewer = vnc_viewer_connect(site.path, 0, control, "raw", &seen);
	rfbClient *looker = vnc_viewer_connect(site.path, 0, view, "raw", &only_looks);
	assert_non_null(viewer);
	assert_non_null(looker);
	/* Ours, and an application's. */
	cJSON_Delete(desktop_text_action(&desktop, "clipboard_set", "text", "from the model"));
	vnc_viewer_wait(viewer, has_text, "from the model");
	free(desktop_sh(&desktop,
			"printf 'from a program' | xclip -selection clipboard >/dev/null 2>&1"));
	vnc_viewer_wait(viewer, has_text, "from a program");
	/* What is too long for them they do not get; what comes after it they do. */
	free(desktop_sh(&desktop,
			"head -c 70000 /dev/zero | tr '\\0' x | "
			"xclip -selection clipboard >/dev/null 2>&1"));
	cJSON_Delete(desktop_text_action(&desktop, "clipboard_set", "text", "short again"));
	vnc_viewer_wait(viewer, has_text, "short again");
	vnc_viewer_sync(looker);
	assert_string_equal(vnc_viewer_seen(looker)->text, "");
	vnc_viewer_disconnect(looker);
	vnc_viewer_disconnect(viewer);
}

static bool is_small(rfbClient *viewer, const void *data)
{
	(void)data;
	return viewer->width == 800 && viewer->height == 600;
}

static void viewers_follow_the_size_of_the_screen(void **state)
{
	struct vnc_seen seen;
	(void)state;
	assert_int_equal(listen_on("null"), 200);
	rfbClient *viewer = vnc_viewer_connect(site.path, 0, view, "raw", &seen);
	assert_non_null(viewer);
	desktop_do(&desktop, "[{\"action\":\"resize_screen\",\"width\":800,\"height\":600}]");
	vnc_viewer_wait(viewer, is_small, NULL);
	desktop_do(&desktop, "[{\"action\":\"resize_screen\",\"width\":1280,\"height\":800}]");
	vnc_viewer_disconnect(viewer);
}

static void after_a_crash_the_next_viewer_is_served(void **state)
{
	(void)state;
	assert_int_equal(listen_on("null"), 200);
	for (int round = 0; round < 2; round++) {
		CUA_AUTO_FD int viewer = vnc_raw_connect(&site);
		assert_true(vnc_raw_login(viewer, view));
		kill_and_wait(desktop_recorded_pid(&desktop, "vnc"));
		vnc_raw_wait_end(viewer);
		assert_string_equal(desktop_state(&desktop), "running");
		assert_true(logs_in(view));
	}
}

static void new_passwords_replace_the_old_ones(void **state)
{
	char old_view[16];
	(void)state;
	assert_int_equal(listen_on("null"), 200);
	snprintf(old_view, sizeof(old_view), "%s", view);
	CUA_AUTO_FD int viewer = vnc_raw_connect(&site);
	assert_true(vnc_raw_login(viewer, view));
	assert_int_equal(listen_on("null"), 200);
	vnc_raw_wait_end(viewer);
	assert_false(logs_in(old_view));
	assert_true(logs_in(view));
}

static void tcp_listens_on_loopback_alone(void **state)
{
	char port[16];
	(void)state;
	assert_int_equal(listen_on("0"), 200);
	const int first = port_of_address();
	assert_true(first > 0);
	assert_true(tcp_answers(INADDR_LOOPBACK, first)); /* starts the process */
	assert_false(tcp_answers(INADDR_LOOPBACK + 1, first));
	/* The same port again, while the process has it too. */
	snprintf(port, sizeof(port), "%d", first);
	assert_int_equal(listen_on(port), 200);
	assert_int_equal(port_of_address(), first);
	assert_true(tcp_answers(INADDR_LOOPBACK, first));
	assert_int_equal(listen_on("null"), 200);
	assert_string_equal(address, "");
	int port_closed = first;
	wait_until(tcp_is_closed, &port_closed, "the port is closed");
}

static void a_taken_port_is_an_error_and_changes_nothing(void **state)
{
	struct sockaddr_in taken = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(taken);
	char port[16];
	(void)state;
	assert_int_equal(listen_on("null"), 200);
	CUA_AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&taken, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&taken, &len), 0);
	snprintf(port, sizeof(port), "%d", ntohs(taken.sin_port));
	assert_int_equal(listen_on(port), 503);
	assert_true(logs_in(view));
}

int main(void)
{
#define TEST(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		TEST(without_viewers_there_is_no_vnc_process),
		TEST(after_a_crash_the_next_viewer_is_served),
		TEST(new_passwords_replace_the_old_ones),
		TEST(tcp_listens_on_loopback_alone),
		TEST(a_taken_port_is_an_error_and_changes_nothing),
		TEST(a_viewer_sees_the_desktop_and_may_use_it),
		TEST(the_last_of_many_viewers_may_use_it_too),
		TEST(the_clipboard_goes_to_viewers_with_control),
		TEST(viewers_follow_the_size_of_the_screen),
	};
	return cmocka_run_group_tests(tests, start, finish);
}

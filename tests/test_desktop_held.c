/* Whoever is killed, host, caller or agent, and wherever in an action, nothing stays down; and ten
 * thousand actions leave a host as it was. */

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_processes.h"
#include "tests/desktop_recorder.h"
#include "tests/files.h"
#include "tests/test_agent_fake.h"
#include "tests/waiting.h"

#define COMMAND(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define CALL(actions) \
	"{\"type\":\"computer_call\",\"id\":\"cu\",\"call_id\":\"c\",\"status\":\"completed\"," \
	"\"actions\":[" actions "]}"
#define FUNCTION(name, arguments) \
	"{\"type\":\"function_call\",\"call_id\":\"" name "\",\"name\":\"" name \
	"\",\"arguments\":\"" arguments "\"}"

/* Actions of several events, as each kind of caller asks for them. */
static const struct composed {
	const char *actions;
	const char *const *command; /* NULL: one cannot ask for it and be there still */
	const char *turn[2];        /* items of a model's answer */
	int events;                 /* keys and buttons that go up or down, motions */
} composed[] = {
	{ "[{\"action\":\"key\",\"keys\":\"ctrl+shift+t\"}]", COMMAND("key", "ctrl+shift+t"),
			{ CALL("{\"type\":\"keypress\",\"keys\":[\"CTRL\",\"SHIFT\",\"T\"]}") },
			6 },
	{ "[{\"action\":\"click\",\"x\":9,\"y\":9,\"count\":2,\"keys\":\"ctrl\"}]",
			COMMAND("click", "9", "9", "--count=2", "--keys=ctrl"),
			{ CALL("{\"type\":\"double_click\",\"x\":9,\"y\":9,\"keys\":[\"CTRL\"]}") },
			7 },
	{ "[{\"action\":\"drag\",\"path\":[[9,9],[40,40],[9,60]],\"keys\":\"alt\"}]",
			COMMAND("drag", "9,9", "40,40", "9,60", "--keys=alt"),
			{ CALL("{\"type\":\"drag\",\"path\":[{\"x\":9,\"y\":9},"
			       "{\"x\":40,\"y\":40},{\"x\":9,\"y\":60}],\"keys\":[\"ALT\"]}") },
			11 },
	{ "[{\"action\":\"scroll\",\"x\":9,\"y\":9,\"scroll_y\":2,\"keys\":\"shift\"}]",
			COMMAND("scroll", "9", "9", "--scroll_y=2", "--keys=shift"),
			{ CALL("{\"type\":\"scroll\",\"x\":9,\"y\":9,\"scroll_x\":0,"
			       "\"scroll_y\":200,\"keys\":[\"SHIFT\"]}") },
			7 },
	{ "[{\"action\":\"hold_key\",\"keys\":\"shift+b\",\"duration_ms\":20}]",
			COMMAND("hold_key", "shift+b", "20"),
			{ FUNCTION("hold_key",
					"{\\\"keys\\\":[\\\"shift\\\",\\\"b\\\"],"
					"\\\"duration_ms\\\":20}") },
			4 },
	{ "[{\"action\":\"type\",\"text\":\"aB\\u6f22\"}]", COMMAND("type", "aB\u6f22"),
			{ CALL("{\"type\":\"type\",\"text\":\"aB\\u6f22\"}") }, 8 },
	{ "[{\"action\":\"mouse_down\"},{\"action\":\"mouse_up\"}]", NULL,
			{ FUNCTION("mouse_down", "{}"), FUNCTION("mouse_up", "{}") }, 2 },
};

static struct world world;
static struct desktop desktop;

static void start_host(void)
{
	char name[96];
	snprintf(name, sizeof(name), "--name=%s", desktop.name);
	world_expect(&world, 0, "desktop", "start", name, NULL);
}

/* The program that gets a signal at an event takes the place of the usual one. */
static void replace_host(void)
{
	size_t len = 0;
	CUA_AUTO_FREE char *program = read_whole_file(CUA_TEST_SIGNALLED_HOST, &len);
	assert_non_null(program);
	assert_int_equal(unlink(world_path(&world, "cua-host")), 0);
	assert_int_equal(cua_file_write(world_path(&world, "cua-host"), program, len, 0755, NULL),
			CUA_OK);
	desktop_disconnect(&desktop);
	kill_and_wait(desktop_recorded_pid(&desktop, "host"));
	start_host();
}

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "held");
	recorder_start(&desktop);
	replace_host();
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

static bool nothing_is_held(void *data)
{
	(void)data;
	CUA_AUTO_FREE char *held = desktop_probe(&desktop, "held", "");
	return strncmp(held, "keys 0 buttons 0 ", 17) == 0;
}

/* What the host gets when its event of this number has reached the X server. */
static void signal_host_at(int event, int signal_number)
{
	char text[32];
	const int len = snprintf(text, sizeof(text), "%d %d", event, signal_number);
	assert_int_equal(cua_file_write(world_path(&world, "run/at_event"), text, (size_t)len, 0644,
					 NULL),
			CUA_OK);
}

static void leave_host_alone(void)
{
	assert_int_equal(unlink(world_path(&world, "run/at_event")), 0);
}

static int post_and_leave_open(const struct composed *row)
{
	char body[512];
	snprintf(body, sizeof(body), "{\"actions\":%s,\"screenshot\":false,\"settle\":false}",
			row->actions);
	return desktop_post_and_leave_open(&desktop, "/v1/actions", body);
}

/* --- the host is killed --- */

static bool host_is_gone(void *data)
{
	return process_is_gone(*(const pid_t *)data);
}

/* True if the host was killed, false if the action came to its end before. */
static bool kill_host_during(const struct composed *row, int event)
{
	char answer[256];
	pid_t host = desktop_recorded_pid(&desktop, "host");
	signal_host_at(event, SIGKILL);
	CUA_AUTO_FD int fd = post_and_leave_open(row);
	const bool killed = read(fd, answer, sizeof(answer)) <= 0;
	leave_host_alone();
	if (killed) {
		wait_until(host_is_gone, &host, "the end of the host");
	}
	return killed;
}

static void a_host_killed_at_any_event_leaves_nothing_down(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	for (size_t i = 0; i < CUA_ARRAY_LEN(composed); i++) {
		int event = 1;
		for (; kill_host_during(&composed[i], event); event++) {
			/* Before anybody starts another host. */
			wait_until(nothing_is_held, NULL, "everything is up again");
			start_host();
		}
		assert_int_equal(event, composed[i].events + 1);
		assert_nothing_held(&desktop);
	}
}

/* --- the caller is killed, while the host stands still after an event --- */

/* A connection or a process. */
struct caller {
	int fd;    /* -1: a process */
	pid_t pid; /* 0: a connection */
	pid_t host;
};

typedef void (*call_fn)(const struct composed *row, struct caller *ret_caller);

static bool caller_has_ended(const struct caller *caller)
{
	struct pollfd answered = { .fd = caller->fd, .events = POLLIN };
	return caller->pid > 0 ? process_is_gone(caller->pid) : poll(&answered, 1, 0) > 0;
}

static bool host_stands_or_caller_has_ended(void *data)
{
	const struct caller *caller = data;
	return process_is_stopped(caller->host) || caller_has_ended(caller);
}

/* The end of a connection is what the host learns of one that was killed. */
static void kill_caller(const struct caller *caller)
{
	if (caller->pid > 0) {
		int wait_status = 0;
		kill(caller->pid, SIGKILL);
		assert_int_equal(waitpid(caller->pid, &wait_status, 0), caller->pid);
	} else {
		close(caller->fd);
	}
}

/* True if the caller was killed, false if the action came to its end before. */
static bool kill_caller_during(const struct composed *row, call_fn call, int event)
{
	struct caller caller = { -1, 0, desktop_recorded_pid(&desktop, "host") };
	signal_host_at(event, SIGSTOP);
	call(row, &caller);
	wait_until(host_stands_or_caller_has_ended, &caller, "the event or the answer");
	const bool is_killed = process_is_stopped(caller.host);
	kill_caller(&caller);
	leave_host_alone();
	if (is_killed) {
		assert_int_equal(kill(caller.host, SIGCONT), 0);
	}
	return is_killed;
}

static void kill_caller_at_every_event(const struct composed *row, call_fn call)
{
	int event = 1;
	for (; kill_caller_during(row, call, event); event++) {
		/* Answered when the action that lost its caller is over. */
		desktop_do(&desktop, "[{\"action\":\"cursor_position\"}]");
		wait_until(nothing_is_held, NULL, "everything is up again");
	}
	assert_int_equal(event, row->events + 1);
}

static void call_by_connection(const struct composed *row, struct caller *caller)
{
	caller->fd = post_and_leave_open(row);
}

static void a_connection_closed_at_any_event_leaves_nothing_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(composed); i++) {
		kill_caller_at_every_event(&composed[i], call_by_connection);
	}
}

static void call_by_command(const struct composed *row, struct caller *caller)
{
	const char *argv[16] = { world.program };
	int count = 1;
	for (int i = 0; row->command[i]; i++) {
		argv[count++] = row->command[i];
	}
	argv[count] = "--settle-ms=-1";
	caller->pid = world_start(&world, argv, NULL);
}

static void a_command_killed_at_any_event_leaves_nothing_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(composed); i++) {
		if (composed[i].command) {
			kill_caller_at_every_event(&composed[i], call_by_command);
		}
	}
}

/* --- an agent is killed --- */

/* The model of the agents: one turn of actions, then an answer. */
static struct fake_server *model;
static const struct composed *turn;

static void add_item(struct fake_reply *reply, const char *item)
{
	assert_int_equal(cua_buffer_printf(&reply->body, NULL,
					 "event: response.output_item.done\ndata: {\"type\":"
					 "\"response.output_item.done\",\"item\":%s}\n\n",
					 item),
			CUA_OK);
}

static void answer_agent(
		const struct fake_request *request, struct fake_reply *reply, void *user_data)
{
	(void)user_data;
	reply->content_type = "text/event-stream";
	if (strstr(request->body, "call_output")) {
		add_item(reply,
				"{\"type\":\"message\",\"role\":\"assistant\",\"content\":["
				"{\"type\":\"output_text\",\"text\":\"Done.\"}]}");
	} else {
		for (size_t i = 0; i < CUA_ARRAY_LEN(turn->turn) && turn->turn[i]; i++) {
			add_item(reply, turn->turn[i]);
		}
	}
	assert_int_equal(cua_buffer_printf(&reply->body, NULL,
					 "event: response.completed\ndata: {\"type\":"
					 "\"response.completed\",\"response\":{\"status\":"
					 "\"completed\"}}\n\n"),
			CUA_OK);
}

static void call_by_agent(const struct composed *row, struct caller *caller)
{
	char url[64], runs[128];
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1", fake_server_port(model));
	snprintf(runs, sizeof(runs), "CUA_RUNS_DIR=%s", world_path(&world, "runs"));
	const char *const argv[] = { world.program, "run", "--model", "any", "--api", "responses",
		"--base-url", url, "--desktop", desktop.name, "Do it.", NULL };
	const char *const extra[] = { runs, NULL };
	turn = row;
	caller->pid = world_start(&world, argv, extra);
}

static void an_agent_killed_at_any_event_leaves_nothing_down(void **state)
{
	(void)state;
	model = fake_server_start(NULL, answer_agent, NULL);
	for (size_t i = 0; i < CUA_ARRAY_LEN(composed); i++) {
		kill_caller_at_every_event(&composed[i], call_by_agent);
	}
	fake_server_stop(model);
}

/* --- ten thousand actions --- */

static int count_descriptors(pid_t pid)
{
	char path[64];
	int count = 0;
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	while (readdir(dir)) {
		count++;
	}
	closedir(dir);
	return count;
}

/* Of its own: how much of a shared library counts depends on who else has it loaded. */
static long memory_kb(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	CUA_AUTO_FREE char *text = read_whole_file(path, NULL);
	const char *at = text ? strstr(text, "\nAnonymous:") : NULL;
	assert_non_null(at);
	return strtol(at + 11, NULL, 10);
}

static void run_actions(int count, unsigned int seed)
{
	static const struct {
		bool has_at;
		const char *text; /* what follows the place */
	} actions[] = {
		{ true, "\"action\":\"move\"}" },
		{ true, "\"action\":\"click\"}" },
		{ true, "\"action\":\"click\",\"button\":\"right\",\"keys\":\"ctrl\"}" },
		{ true, "\"action\":\"scroll\",\"scroll_y\":1}" },
		{ false, "\"action\":\"key\",\"keys\":\"ctrl+s\"}" },
		{ false, "\"action\":\"type\",\"text\":\"Ab \\u6f22\\u5b57\"}" },
		{ false, "\"action\":\"cursor_position\"}" },
		{ false, "\"action\":\"mouse_down\"},{\"action\":\"mouse_up\"}" },
		{ false, "\"action\":\"clipboard_set\",\"text\":\"some text\"}" },
		{ false, "\"action\":\"list_windows\"}" },
	};
	enum { PER_REQUEST = 100 };
	srand(seed);
	for (int done = 0; done < count; done += PER_REQUEST) {
		char list[PER_REQUEST * 128] = "[", place[64];
		for (int i = 0; i < PER_REQUEST; i++) {
			const int kind = rand() % (int)CUA_ARRAY_LEN(actions);
			snprintf(place, sizeof(place), "\"x\":%d,\"y\":%d,", rand() % 1280,
					rand() % 800);
			strcat(list, i > 0 ? ",{" : "{");
			strcat(list, actions[kind].has_at ? place : "");
			strcat(list, actions[kind].text);
		}
		strcat(list, "]");
		CUA_AUTO_FREE char *body = NULL;
		assert_true(asprintf(&body,
					    "{\"actions\":%s,\"screenshot\":false,\"settle\":"
					    "false}",
					    list) > 0);
		cJSON_Delete(desktop_post(&desktop, body, NULL));
	}
}

static void ten_thousand_actions_leave_a_host_as_it_was(void **state)
{
	(void)state;
	const pid_t host = desktop_recorded_pid(&desktop, "host");
	const pid_t server = desktop_pid(&desktop, "Xvfb");
	run_actions(1000, 1);
	const int host_fds = count_descriptors(host), server_fds = count_descriptors(server);
	const long before_kb = memory_kb(host);
	run_actions(10000, 2);
	/* The server has one descriptor for each client. */
	assert_int_equal(count_descriptors(host), host_fds);
	assert_int_equal(count_descriptors(server), server_fds);
	const long after_kb = memory_kb(host);
	if (after_kb > before_kb + 512) {
		fail_msg("the host grew from %ld to %ld KiB", before_kb, after_kb);
	}
	assert_nothing_held(&desktop);
}

/* --- scripts that wait for leave --- */

static cJSON *post_tool(struct cua_http_client *client, const char *path, const char *body)
{
	char url[64];
	snprintf(url, sizeof(url), "http://desktop%s", path);
	const struct cua_http_request request = { .method = "POST",
		.url = url,
		.body = body,
		.body_len = strlen(body),
		.total_timeout_ms = DESKTOP_DEADLINE_MS };
	struct cua_http_response response = { 0 };
	assert_int_equal(cua_http_perform(client, &request, &response, NULL), CUA_OK);
	cJSON *answer = cJSON_Parse(response.body.data);
	cua_http_response_finish(&response);
	return answer;
}

/* This host waits for its caller's word for a second instead of minutes. */
static void a_script_that_nobody_judges_does_not_keep_others_out(void **state)
{
	(void)state;
	static const char script[] =
			"{\"tool\":\"python\",\"judged\":true,\"arguments\":{\"code\":"
			"\"kept = 'yes'; import pyautogui; pyautogui.keyDown('shift'); "
			"pyautogui.press('a')\"}}";
	static const char other[] = "{\"tool\":\"python\",\"arguments\":{\"code\":"
				    "\"print(kept)\"}}";
	static const char leave[] = "{\"number\":1,\"allowed\":true}";
	struct cua_http_client *idle = NULL, *busy = NULL;
	assert_int_equal(cua_http_client_create(desktop.socket, -1, &idle, NULL), CUA_OK);
	assert_int_equal(cua_http_client_create(desktop.socket, -1, &busy, NULL), CUA_OK);
	CUA_AUTO_JSON cJSON *held = post_tool(idle, "/v1/tools", script);
	assert_string_equal(json_text(held, "act.actions.0.action"), "key");
	CUA_AUTO_JSON cJSON *said = post_tool(busy, "/v1/tools", other);
	assert_string_equal(json_text(said, "content.0.text"), "yes\n");
	CUA_AUTO_JSON cJSON *late = post_tool(idle, "/v1/tools/act", leave);
	assert_non_null(strstr(
			json_text(late, "error.message"), "gets no word for 300 s is ended"));
	wait_until(nothing_is_held, NULL, "released keys");
	cua_http_client_destroy(idle);
	cua_http_client_destroy(busy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_actions_leave_a_host_as_it_was),
		cmocka_unit_test(a_host_killed_at_any_event_leaves_nothing_down),
		cmocka_unit_test(a_connection_closed_at_any_event_leaves_nothing_down),
		cmocka_unit_test(a_command_killed_at_any_event_leaves_nothing_down),
		cmocka_unit_test(an_agent_killed_at_any_event_leaves_nothing_down),
		cmocka_unit_test(a_script_that_nobody_judges_does_not_keep_others_out),
	};
	return cmocka_run_group_tests_name("desktop_held", tests, start, finish);
}

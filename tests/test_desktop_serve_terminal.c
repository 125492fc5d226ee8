/* `cua serve`: a shell in the sandbox of a desktop, over a WebSocket. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/serve_socket.h"
#include "tests/waiting.h"

#define PER_TOKEN 16
#define FLOOD_LEN ((size_t)4 << 20)

static struct serve_stage stage;
static char seen[1 << 16]; /* of the shell, and not yet looked for */

static int begin(void **state)
{
	(void)state;
	serve_stage_open(&stage);
	cJSON_Delete(serve_json(&stage, "POST", "/v1/desktops", "{\"name\":\"shell\"}", 201));
	return 0;
}

static int finish(void **state)
{
	(void)state;
	serve_stage_close(&stage);
	return 0;
}

/* The path with a ticket, the caller's. token: NULL for the admin's. */
static char *get_path_with(const char *token, const char *body)
{
	const struct serve_call call = { "POST", "/v1/desktops/shell/terminals", body, token,
		{ 0 } };
	struct serve_answer answer = serve_send(&stage, &call);
	assert_int_equal(answer.status, 201);
	char *path = strdup(cua_json_text(answer.json, "path"));
	serve_answer_finish(&answer);
	return path;
}

static char *get_path(const char *body)
{
	return get_path_with(NULL, body);
}

static struct serve_socket open_shell(const char *body)
{
	CUA_AUTO_FREE char *path = get_path(body);
	struct serve_socket shell = serve_socket_open(&stage, path, true, "", NULL);
	assert_int_equal(shell.status, 101);
	seen[0] = '\0';
	return shell;
}

static void type(const struct serve_socket *shell, const char *text)
{
	serve_socket_send(shell, SOCKET_BINARY, text, strlen(text));
}

/* Up to this, which comes now or is there. */
static void read_until(const struct serve_socket *shell, const char *part)
{
	size_t len = strlen(seen), got = 0;
	const char *found = NULL;
	while (!(found = strstr(seen, part))) {
		if (serve_socket_read(shell, seen + len, sizeof(seen) - len, &got) !=
				SOCKET_BINARY) {
			fail_msg("it ended before \"%s\": %s", part, seen);
		}
		len += got;
	}
	memmove(seen, found + strlen(part), strlen(found + strlen(part)) + 1);
}

/* Its code and its reason, of a close frame. */
static int read_close(const struct serve_socket *shell, char *reason, size_t size)
{
	static char frame[1 << 18];
	size_t len = 0;
	int opcode = 0;
	do {
		opcode = serve_socket_read(shell, frame, sizeof(frame), &len);
	} while (opcode == SOCKET_BINARY);
	assert_int_equal(opcode, SOCKET_CLOSE);
	assert_true(len >= 2);
	snprintf(reason, size, "%.*s", (int)size - 1, frame + 2);
	return (unsigned char)frame[0] << 8 | (unsigned char)frame[1];
}

static void it_is_a_terminal_of_the_sandbox(void **state)
{
	char reason[128];
	(void)state;
	struct serve_socket shell = open_shell("{\"columns\":100,\"rows\":30}");
	/* What is echoed has not what is computed. */
	type(&shell, "echo $((6*7)) at $(tty) of $(stty size) in $HOME as $(whoami)\n");
	read_until(&shell, "42 at /dev/pts/");
	type(&shell, "stty size; echo $TERM; test -t 0 && echo a''terminal\n");
	read_until(&shell, "30 100");
	read_until(&shell, "xterm-256color");
	read_until(&shell, "aterminal");
	/* Job control, and a signal from its keys: what answers is in the foreground. */
	type(&shell, "sed -u s/ask/an''swer/\n");
	type(&shell, "ask\n");
	read_until(&shell, "answer");
	type(&shell, "\x03");
	read_until(&shell, "^C");
	read_until(&shell, "$ ");
	type(&shell, "echo in''terrupted $?\n");
	read_until(&shell, "interrupted 130");
	type(&shell, "exit 7\n");
	assert_int_equal(read_close(&shell, reason, sizeof(reason)), 1000);
	assert_string_equal(reason, "exit 7");
	serve_socket_close(&shell);
}

static void it_takes_another_size(void **state)
{
	static const char size[] = "{\"columns\":132,\"rows\":43}";
	static const char *const wrong[] = { "{\"columns\":0,\"rows\":1}", "[]", "x",
		"{\"columns\":80}", "{\"columns\":80,\"rows\":65536}" };
	char reason[128];
	(void)state;
	/* Also before the shell is there. */
	struct serve_socket shell = open_shell("{}");
	serve_socket_send(&shell, SOCKET_TEXT, size, strlen(size));
	type(&shell, "stty size\n");
	read_until(&shell, "43 132");
	serve_socket_close(&shell);
	for (size_t i = 0; i < CUA_ARRAY_LEN(wrong); i++) {
		shell = open_shell("{}");
		serve_socket_send(&shell, SOCKET_TEXT, wrong[i], strlen(wrong[i]));
		assert_int_equal(read_close(&shell, reason, sizeof(reason)), 1002);
		assert_says(reason, "columns");
		serve_socket_close(&shell);
	}
}

/* All of it arrives, however slowly it is read, and the server does not keep it meanwhile. */
static void a_flood_waits_for_who_reads(void **state)
{
	char reason[128];
	(void)state;
	struct serve_socket shell = open_shell("{}");
	type(&shell, "stty -echo -onlcr; PS1=; head -c 4194304 /dev/zero | tr '\\0' x; exit\n");
	static char bytes[1 << 18];
	size_t len = 0, count = 0;
	int opcode = 0;
	while ((opcode = serve_socket_read(&shell, bytes, sizeof(bytes), &len)) == SOCKET_BINARY) {
		for (size_t i = 0; i < len; i++) {
			count += bytes[i] == 'x';
		}
	}
	assert_int_equal(opcode, SOCKET_CLOSE);
	snprintf(reason, sizeof(reason), "%.100s", bytes + 2);
	assert_string_equal(reason, "exit 0");
	/* And the one of "exit", as it was typed. */
	assert_in_range(count, FLOOD_LEN, FLOOD_LEN + 8);
	serve_socket_close(&shell);
}

static bool runs_so_many(void *data)
{
	CUA_AUTO_JSON cJSON *said = serve_json(&stage, "POST", "/v1/desktops/shell/tools",
			"{\"tool\":\"bash\",\"arguments\":{\"command\":\"pgrep -fx 'sleep 54[0-9]' "
			"| wc -l\"}}",
			200);
	const cJSON *part = cJSON_GetArrayItem(cua_json_member(said, "content"), 0);
	return strncmp(cua_json_text(part, "text"), data, 1) == 0;
}

static char none[] = "0", one[] = "1", two[] = "2";

/* Nobody reads them: who sends has to wait, others need not. A hang-up is seen all the same. */
static void bytes_that_no_program_reads_wait(void **state)
{
	static char piece[16384];
	(void)state;
	struct serve_socket shell = open_shell("{}");
	type(&shell, "sleep 542 & stty raw -echo; echo rea''dy; kill -STOP $$\n");
	read_until(&shell, "ready");
	memset(piece, 'y', sizeof(piece));
	for (size_t sent = 0; sent < 4 * sizeof(piece); sent += sizeof(piece)) {
		serve_socket_send(&shell, SOCKET_BINARY, piece, sizeof(piece));
	}
	wait_until(runs_so_many, one, "a program of the shell runs");
	serve_socket_close(&shell);
	wait_until(runs_so_many, none, "it has ended with it");
}

static void who_hangs_up_ends_the_shell(void **state)
{
	(void)state;
	struct serve_socket shell = open_shell("{}");
	type(&shell, "sleep 540 & sleep 541\n");
	wait_until(runs_so_many, two, "two programs of the shell run");
	serve_socket_close(&shell);
	wait_until(runs_so_many, none, "they have ended with it");
}

static void a_ticket_opens_one_shell_for_one_client(void **state)
{
	static const struct serve_call get = { "GET", "/v1/desktops/shell/terminal?ticket=x", NULL,
		NULL, { 0 } };
	(void)state;
	CUA_AUTO_FREE char *path = get_path("{}");
	CUA_AUTO_JSON cJSON *other = serve_json(&stage, "POST", "/v1/tokens",
			"{\"name\":\"other\",\"scopes\":[\"act\"]}", 201);
	CUA_AUTO_JSON cJSON *watcher = serve_json(&stage, "POST", "/v1/tokens",
			"{\"name\":\"watcher\",\"scopes\":[\"watch\"]}", 201);
	struct serve_socket shell =
			serve_socket_open(&stage, path, true, cua_json_text(other, "token"), NULL);
	assert_int_equal(shell.status, 403);
	serve_socket_close(&shell);
	/* It is used up by that. */
	shell = serve_socket_open(&stage, path, true, NULL, NULL);
	assert_int_equal(shell.status, 401);
	serve_socket_close(&shell);
	CUA_AUTO_FREE char *fresh = get_path("{}");
	shell = serve_socket_open(&stage, fresh, true, "", "Origin: https://evil.example\r\n");
	assert_int_equal(shell.status, 403);
	serve_socket_close(&shell);
	/* A token is no ticket, and the path is no page. */
	shell = serve_socket_open(&stage, "/v1/desktops/shell/terminal", true, NULL, NULL);
	assert_int_equal(shell.status, 400);
	serve_socket_close(&shell);
	struct serve_answer answer = serve_send(&stage, &get);
	assert_int_equal(answer.status, 426);
	serve_answer_finish(&answer);
	const struct serve_call calls[] = { { "POST", "/v1/desktops/shell/terminals", "{}",
							    cua_json_text(watcher, "token"),
							    { 0 } },
		{ "POST", "/v1/desktops/none/terminals", "{}", NULL, { 0 } },
		{ "POST", "/v1/desktops/shell/terminals", "{\"columns\":1001}", NULL, { 0 } } };
	static const long statuses[] = { 403, 404, 400 };
	for (size_t i = 0; i < CUA_ARRAY_LEN(calls); i++) {
		struct serve_answer refused = serve_send(&stage, &calls[i]);
		assert_int_equal(refused.status, statuses[i]);
		serve_answer_finish(&refused);
	}
}

static struct serve_socket open_with(const char *token)
{
	CUA_AUTO_FREE char *path = get_path_with(token, "{}");
	return serve_socket_open(&stage, path, true, "", NULL);
}

static void one_token_has_not_all_terminals(void **state)
{
	struct serve_socket shells[PER_TOKEN];
	(void)state;
	CUA_AUTO_JSON cJSON *greedy = serve_json(&stage, "POST", "/v1/tokens",
			"{\"name\":\"greedy\",\"scopes\":[\"act\"]}", 201);
	const char *token = cua_json_text(greedy, "token");
	for (int i = 0; i < PER_TOKEN; i++) {
		shells[i] = open_with(token);
		assert_int_equal(shells[i].status, 101);
	}
	struct serve_socket more = open_with(token);
	assert_int_equal(more.status, 429);
	serve_socket_close(&more);
	struct serve_socket other = open_with(NULL);
	assert_int_equal(other.status, 101);
	serve_socket_close(&other);
	for (int i = 0; i < PER_TOKEN; i++) {
		serve_socket_close(&shells[i]);
	}
}

static void expect_status_of(const char *path, const char *body, const char *token, long status)
{
	const struct serve_call call = { "POST", path, body, token, { 0 } };
	struct serve_answer answer = serve_send(&stage, &call);
	assert_int_equal(answer.status, status);
	serve_answer_finish(&answer);
}

/* Programs of the desktop see all that is on its screen. */
static void in_private_it_is_its_owners_alone(void **state)
{
	static const char exec[] = "{\"command\":[\"true\"]}";
	char reason[128];
	(void)state;
	CUA_AUTO_JSON cJSON *owner = serve_json(&stage, "POST", "/v1/tokens",
			"{\"name\":\"owner\",\"scopes\":[\"act\"]}", 201);
	const char *token = cua_json_text(owner, "token");
	struct serve_socket shell = open_shell("{}");
	CUA_AUTO_FREE char *path = get_path("{}");
	type(&shell, "echo rea''dy\n");
	read_until(&shell, "ready");
	expect_status_of("/v1/desktops/shell/control", "{\"do\":\"take\",\"private\":true}", token,
			200);
	assert_int_equal(read_close(&shell, reason, sizeof(reason)), 1000);
	serve_socket_close(&shell);
	shell = serve_socket_open(&stage, path, true, NULL, NULL); /* by a ticket of before */
	assert_int_equal(read_close(&shell, reason, sizeof(reason)), 1011);
	assert_says(reason, "in private");
	serve_socket_close(&shell);
	expect_status_of("/v1/desktops/shell/terminals", "{}", NULL, 423);
	expect_status_of("/v1/desktops/shell/exec", exec, NULL, 423);
	expect_status_of("/v1/desktops/shell/exec", exec, token, 200);
	expect_status_of("/v1/desktops/shell/control", "{\"do\":\"give\"}", token, 200);
	expect_status_of("/v1/desktops/shell/exec", exec, NULL, 200);
}

/* What it passes as a terminal could be anything, with flags that it changes afterwards. */
static void a_program_in_the_place_of_the_session_is_not_believed(void **state)
{
	static const char spoof[] =
			"{\"command\":[\"python3\",\"-c\",\""
			"import os, socket, time\\n"
			"path = '/run/cua/session.sock'\\n"
			"os.rename(path, path + '.real')\\n"
			"other = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\\n"
			"other.bind(path)\\n"
			"other.listen()\\n"
			"if os.fork() == 0:\\n"
			"  os.setsid()\\n"
			"  os.closerange(0, 3)\\n"
			"  time.sleep(600)\\n\"]}";
	char reason[128];
	(void)state;
	cJSON_Delete(serve_json(&stage, "POST", "/v1/desktops", "{\"name\":\"spoof\"}", 201));
	expect_status_of("/v1/desktops/spoof/exec", spoof, NULL, 200);
	CUA_AUTO_JSON cJSON *ticket =
			serve_json(&stage, "POST", "/v1/desktops/spoof/terminals", "{}", 201);
	struct serve_socket shell =
			serve_socket_open(&stage, cua_json_text(ticket, "path"), true, NULL, NULL);
	assert_int_equal(read_close(&shell, reason, sizeof(reason)), 1011);
	assert_says(reason, "is not served by the session");
	serve_socket_close(&shell);
	cJSON_Delete(serve_json(&stage, "DELETE", "/v1/desktops/spoof", NULL, 204));
}

static void a_shell_ends_with_its_desktop(void **state)
{
	char reason[128];
	(void)state;
	struct serve_socket shell = open_shell("{}");
	CUA_AUTO_FREE char *path = get_path("{}");
	type(&shell, "echo rea''dy\n");
	read_until(&shell, "ready");
	cJSON_Delete(serve_json(&stage, "DELETE", "/v1/desktops/shell", NULL, 204));
	const int code = read_close(&shell, reason, sizeof(reason));
	assert_true(code == 1011 || code == 1000);
	serve_socket_close(&shell);
	/* And for a ticket whose desktop is gone. */
	shell = serve_socket_open(&stage, path, true, NULL, NULL);
	assert_int_equal(shell.status, 101);
	assert_int_equal(read_close(&shell, reason, sizeof(reason)), 1011);
	assert_says(reason, "shell");
	serve_socket_close(&shell);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_a_terminal_of_the_sandbox),
		cmocka_unit_test(it_takes_another_size),
		cmocka_unit_test(a_flood_waits_for_who_reads),
		cmocka_unit_test(bytes_that_no_program_reads_wait),
		cmocka_unit_test(who_hangs_up_ends_the_shell),
		cmocka_unit_test(a_ticket_opens_one_shell_for_one_client),
		cmocka_unit_test(one_token_has_not_all_terminals),
		cmocka_unit_test(in_private_it_is_its_owners_alone),
		cmocka_unit_test(a_program_in_the_place_of_the_session_is_not_believed),
		cmocka_unit_test(a_shell_ends_with_its_desktop),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}

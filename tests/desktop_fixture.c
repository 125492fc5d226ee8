#include "tests/desktop_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/http_client.h"
#include "cua/base/util.h"
#include "tests/desktop_processes.h"
#include "tests/files.h"
#include "tests/json_path.h"
#include "tests/leftovers.h"

/* One of many tests, to look at: CUA_TEST_FILTER='a_name*' */
__attribute__((constructor)) static void set_filter(void)
{
	const char *filter = getenv("CUA_TEST_FILTER");
	if (filter) {
		cmocka_set_test_filter(filter);
	}
}

/* --- from start to stop --- */

static cJSON *read_record(const struct desktop *desktop)
{
	char leaf[128];
	snprintf(leaf, sizeof(leaf), "run/desktops/%s/desktop.json", desktop->name);
	char *text = read_whole_file(world_path(desktop->world, leaf), NULL);
	cJSON *record = text ? cJSON_Parse(text) : NULL;
	free(text);
	return record;
}

pid_t desktop_recorded_pid(const struct desktop *desktop, const char *who)
{
	char path[64];
	snprintf(path, sizeof(path), "%s.pid", who);
	CUA_AUTO_JSON cJSON *record = read_record(desktop);
	return (pid_t)json_number(record, path);
}

static void note_namespace(struct desktop *desktop)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/pid",
			(int)desktop_recorded_pid(desktop, "session"));
	const ssize_t len =
			readlink(path, desktop->pid_namespace, sizeof(desktop->pid_namespace) - 1);
	assert_true(len > 0);
	desktop->pid_namespace[len] = '\0';
}

static void start_with_words(
		struct desktop *desktop, struct world *world, const char *name, va_list options)
{
	char name_option[96];
	struct output output;
	*desktop = (struct desktop){ .world = world };
	snprintf(desktop->name, sizeof(desktop->name), "%s", name);
	snprintf(name_option, sizeof(name_option), "--name=%s", name);
	const char *argv[WORLD_WORDS_MAX] = { world->program, "desktop", "start", "--json",
		name_option };
	for (size_t i = 5; i + 1 < WORLD_WORDS_MAX; i++) {
		argv[i] = va_arg(options, const char *);
		if (!argv[i]) {
			break;
		}
	}
	world_exec(world, argv, NULL, NULL, 0, &output);
	expect_status(&output, 0, "cua desktop start");
	CUA_AUTO_JSON cJSON *answer = cJSON_Parse(output.out);
	output_finish(&output);
	assert_string_equal(json_text(answer, "name"), name);
	const bool sandboxed = strcmp(json_text(answer, "sandbox"), "bwrap") == 0;
	snprintf(desktop->home, sizeof(desktop->home), "%s", json_text(answer, "home"));
	snprintf(desktop->socket, sizeof(desktop->socket), "%s", json_text(answer, "socket"));
	snprintf(desktop->inside_home, sizeof(desktop->inside_home), "%s",
			sandboxed ? "/home/agent" : desktop->home);
	CUA_AUTO_JSON cJSON *record = read_record(desktop);
	desktop->uid = (uid_t)json_number(record, "uid");
	if (sandboxed) {
		note_namespace(desktop);
	}
}

void desktop_start_with(struct desktop *desktop, struct world *world, const char *name, ...)
{
	va_list options;
	va_start(options, name);
	start_with_words(desktop, world, name, options);
	va_end(options);
}

void desktop_start(struct desktop *desktop, struct world *world, const char *name)
{
	desktop_start_with(desktop, world, name, NULL);
}

void desktop_disconnect(struct desktop *desktop)
{
	cua_http_client_destroy(desktop->client);
	desktop->client = NULL;
}

const char *desktop_state(const struct desktop *desktop)
{
	static char state[32];
	struct output output;
	world_cua(desktop->world, &output, "desktop", "list", "--json", NULL);
	expect_status(&output, 0, "cua desktop list");
	CUA_AUTO_JSON cJSON *list = cJSON_Parse(output.out);
	output_finish(&output);
	assert_true(cJSON_IsArray(list));
	const cJSON *item = NULL;
	cJSON_ArrayForEach (item, list) {
		if (strcmp(json_text(item, "name"), desktop->name) == 0) {
			snprintf(state, sizeof(state), "%s", json_text(item, "state"));
			return state;
		}
	}
	return "absent";
}

void desktop_stop(struct desktop *desktop)
{
	static pid_t pids[4096];
	static const char *const recorded[] = { "host", "vnc", "bwrap", "session" };
	int count = desktop_pids(desktop, "", pids, (int)CUA_ARRAY_LEN(pids) - 4);
	for (size_t i = 0; i < CUA_ARRAY_LEN(recorded); i++) {
		const pid_t pid = desktop_recorded_pid(desktop, recorded[i]);
		if (pid > 0) {
			pids[count++] = pid;
		}
	}
	desktop_disconnect(desktop);
	world_expect(desktop->world, 0, "desktop", "stop", desktop->name, NULL);
	for (int i = 0; i < count; i++) {
		if (!process_is_gone(pids[i])) {
			fail_msg("process %d outlived its desktop", (int)pids[i]);
		}
	}
	assert_nothing_left(desktop->world, desktop->name, desktop->uid);
}

void desktop_start_alone(struct desktop *desktop, struct world *world, const char *name)
{
	world_create(world, (uid_t)-1);
	desktop_start(desktop, world, name);
}

void desktop_stop_alone(struct desktop *desktop)
{
	desktop_stop(desktop);
	world_destroy(desktop->world);
}

/* --- inside --- */

char *desktop_sh(const struct desktop *desktop, const char *script)
{
	struct output output;
	world_cua(desktop->world, &output, "desktop", "exec", "-d", desktop->name, "--", "sh", "-c",
			script, NULL);
	expect_status(&output, 0, script);
	char *text = CUA_STEAL(output.out);
	output_finish(&output);
	const size_t len = strlen(text);
	if (len > 0 && text[len - 1] == '\n') {
		text[len - 1] = '\0';
	}
	return text;
}

void desktop_sh_expect(const struct desktop *desktop, const char *script, const char *expected)
{
	CUA_AUTO_FREE char *text = desktop_sh(desktop, script);
	if (!strstr(text, expected)) {
		fail_msg("%s: %s", script, text);
	}
}

const char *desktop_tool(const struct desktop *desktop, const char *tool, const char *arguments)
{
	static char said[2][65536];
	static int turn;
	struct output output;
	world_cua(desktop->world, &output, "tools", "call", "-d", desktop->name, tool, arguments,
			NULL);
	turn = !turn;
	snprintf(said[turn], sizeof(said[turn]), "%s%s", output.out, output.err);
	output_finish(&output);
	return said[turn];
}

const char *desktop_install(const struct desktop *desktop, const char *program)
{
	static char inside[512];
	char outside[512];
	const char *leaf = strrchr(program, '/') + 1;
	snprintf(outside, sizeof(outside), "%s/%s", desktop->home, leaf);
	snprintf(inside, sizeof(inside), "%s/%s", desktop->inside_home, leaf);
	if (access(outside, F_OK) != 0) {
		copy_program(program, outside);
	}
	return inside;
}

char *desktop_probe(const struct desktop *desktop, const char *command, const char *argument)
{
	char script[1024];
	snprintf(script, sizeof(script), "exec %s %s %s", desktop_install(desktop, CUA_TEST_PROBE),
			command, argument);
	return desktop_sh(desktop, script);
}

void assert_nothing_held(const struct desktop *desktop)
{
	CUA_AUTO_FREE char *held = desktop_probe(desktop, "held", "");
	assert_int_equal(strncmp(held, "keys 0 buttons 0 ", 17), 0);
}

char *home_file(const struct desktop *desktop, const char *leaf)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", desktop->home, leaf);
	char *text = read_whole_file(path, NULL);
	assert_non_null(text);
	return text;
}

/* Forty secrets, each in eight encodings, in everything that a run meets: output of tools and their
 * errors, a title, what the model says and does. None is in anything that the run leaves or shows.
 * A program that hides nothing is caught by the same search. */

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/desktop_fixture.h"
#include "tests/files.h"
#include "tests/json_path.h"
#include "tests/processes.h"
#include "tests/spellings.h"
#include "tests/test_agent_fake.h"
#include "tests/waiting.h"

#define CANARIES 40
#define TYPED 39 /* the last one is the key */
#define PARTS 4  /* of the file of canaries, each the output of one command */
#define TURNS_MAX 24
#define PIECE 7 /* characters of a part of what the model says */

static struct world world;
static struct desktop desktop;
static struct fake_server *model_server;

static char canaries[CANARIES][64];
static char *needles[CANARIES][SPELLINGS];
static char *printed[CANARIES][SPELLINGS]; /* as they stand in JSON */
static char *turns[TURNS_MAX];
static int turn_count;

/* Under the lock: of the server's thread. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct cua_buffer told; /* all that the model was sent */
static char in_processes[700]; /* where /proc has shown one; "" */
static pid_t to_abort;         /* in the turn before the last; 0: nobody */

/* --- canaries --- */

static void make_canaries(void)
{
	for (int i = 0; i < CANARIES; i++) {
		const char *more = i < TYPED ? " ů&<\"\\>'/?" : "-ABCDEF"; /* a key is ASCII */
		snprintf(canaries[i], sizeof(canaries[i]), "k4nari%02d%08x%s", i,
				(unsigned int)i * 2654435761U, more);
		for (size_t k = 0; k < SPELLINGS; k++) {
			needles[i][k] = spell(k, canaries[i]);
			CUA_AUTO_JSON cJSON *text = cJSON_CreateString(needles[i][k]);
			CUA_AUTO_FREE char *quoted = cJSON_PrintUnformatted(text);
			printed[i][k] = strndup(quoted + 1, strlen(quoted) - 2);
		}
	}
}

/* How many of the 320 are in it; first: the first. */
static int count_in(const char *bytes, size_t len, bool found[CANARIES][SPELLINGS])
{
	int count = 0;
	for (int i = 0; i < CANARIES; i++) {
		for (size_t k = 0; k < SPELLINGS; k++) {
			if (memmem(bytes, len, needles[i][k], strlen(needles[i][k])) ||
					memmem(bytes, len, printed[i][k], strlen(printed[i][k]))) {
				count++;
				if (found) {
					found[i][k] = true;
				}
			}
		}
	}
	return count;
}

static bool (*hits)[SPELLINGS]; /* of the files that are gone through */
static int hit_files;

static int look_at_file(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	size_t len = 0;
	(void)info;
	(void)walk;
	if (type != FTW_F) {
		return 0;
	}
	CUA_AUTO_FREE char *bytes = read_whole_file(path, &len);
	const int count = bytes ? count_in(bytes, len, hits) : 0;
	if (count > 0) {
		hit_files++;
		printf("  %d in %s\n", count, path);
	}
	return 0;
}

/* The files below a folder; how many hold one. */
static int search(const char *folder, bool found[CANARIES][SPELLINGS])
{
	hits = found;
	hit_files = 0;
	assert_int_equal(nftw(folder, look_at_file, 16, FTW_PHYS), 0);
	return hit_files;
}

/* Arguments and environments of every process that there is. */
static void search_processes(void)
{
	static const char *const names[] = { "cmdline", "environ" };
	DIR *proc = opendir("/proc");
	for (const struct dirent *entry; proc && (entry = readdir(proc));) {
		for (size_t i = 0; entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
				i < CUA_ARRAY_LEN(names);
				i++) {
			char path[300];
			size_t len = 0;
			snprintf(path, sizeof(path), "/proc/%s/%s", entry->d_name, names[i]);
			CUA_AUTO_FREE char *bytes = read_whole_file(path, &len);
			if (bytes && count_in(bytes, len, NULL) > 0) {
				snprintf(in_processes, sizeof(in_processes), "%s: %.300s", path,
						bytes);
			}
		}
	}
	closedir(proc);
}

/* --- what the model says --- */

static void put_item(struct cua_buffer *out, cJSON *item)
{
	CUA_AUTO_JSON cJSON *event = cJSON_CreateObject();
	cJSON_AddStringToObject(event, "type", "response.output_item.done");
	cJSON_AddItemToObject(event, "item", item);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(event);
	assert_int_equal(cua_buffer_printf(out, NULL, "data: %s\n\n", text), CUA_OK);
}

/* As it comes from a server: in pieces, whatever is cut by them. */
static void put_words(struct cua_buffer *out, const char *words)
{
	for (const char *at = words; *at;) {
		size_t len = strlen(at) < PIECE ? strlen(at) : PIECE;
		while ((at[len] & 0xc0) == 0x80) {
			len++;
		}
		CUA_AUTO_JSON cJSON *event = cJSON_CreateObject();
		CUA_AUTO_FREE char *piece = strndup(at, len);
		cJSON_AddStringToObject(event, "type", "response.output_text.delta");
		cJSON_AddStringToObject(event, "delta", piece);
		CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(event);
		assert_int_equal(cua_buffer_printf(out, NULL, "data: %s\n\n", text), CUA_OK);
		at += len;
	}
	cJSON *item = cJSON_CreateObject();
	cJSON_AddStringToObject(item, "type", "message");
	cJSON_AddStringToObject(item, "role", "assistant");
	cJSON *part = cJSON_CreateObject();
	cJSON_AddStringToObject(part, "type", "output_text");
	cJSON_AddStringToObject(part, "text", words);
	cJSON_AddItemToArray(cJSON_AddArrayToObject(item, "content"), part);
	put_item(out, item);
}

static void end_turn(struct cua_buffer *out)
{
	assert_int_equal(cua_buffer_printf(out, NULL,
					 "data: {\"type\":\"response.completed\",\"response\":{"
					 "\"status\":\"completed\",\"usage\":{\"input_tokens\":7,"
					 "\"output_tokens\":3}}}\n\n"),
			CUA_OK);
	turns[turn_count++] = CUA_STEAL(out->data);
}

/* A call of a function; words before it may be NULL. */
static void add_call(const char *words, const char *name, const char *argument, const char *value)
{
	struct cua_buffer out;
	char id[16];
	CUA_AUTO_JSON cJSON *arguments = cJSON_CreateObject();
	cua_buffer_init(&out, 1 << 20);
	if (words) {
		put_words(&out, words);
	}
	cJSON_AddStringToObject(arguments, argument, value);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(arguments);
	cJSON *item = cJSON_CreateObject();
	snprintf(id, sizeof(id), "k%d", turn_count);
	cJSON_AddStringToObject(item, "type", "function_call");
	cJSON_AddStringToObject(item, "call_id", id);
	cJSON_AddStringToObject(item, "name", name);
	cJSON_AddStringToObject(item, "arguments", text);
	put_item(&out, item);
	end_turn(&out);
}

/* A text typed with the computer tool. */
static void add_type(const char *typed)
{
	struct cua_buffer out;
	char id[16];
	cJSON *item = cJSON_CreateObject(), *action = cJSON_CreateObject();
	cua_buffer_init(&out, 1 << 20);
	snprintf(id, sizeof(id), "k%d", turn_count);
	cJSON_AddStringToObject(item, "type", "computer_call");
	cJSON_AddStringToObject(item, "id", id);
	cJSON_AddStringToObject(item, "call_id", id);
	cJSON_AddStringToObject(item, "status", "completed");
	cJSON_AddStringToObject(action, "type", "type");
	cJSON_AddStringToObject(action, "text", typed);
	cJSON_AddItemToArray(cJSON_AddArrayToObject(item, "actions"), action);
	put_item(&out, item);
	end_turn(&out);
}

static char *all_canaries(void)
{
	struct cua_buffer text;
	cua_buffer_init(&text, 1 << 20);
	for (int i = 0; i < CANARIES; i++) {
		for (size_t k = 0; k < SPELLINGS; k++) {
			assert_int_equal(cua_buffer_printf(&text, NULL, "%s\n", needles[i][k]),
					CUA_OK);
		}
	}
	return text.data;
}

static void make_turns(void)
{
	static const int lines = CANARIES * SPELLINGS / PARTS;
	CUA_AUTO_FREE char *all = all_canaries();
	CUA_AUTO_FREE char *wrong = NULL;
	char command[160];
	assert_true(asprintf(&wrong, "ls '/no such place/%s'", needles[3][2]) > 0);
	add_call("Beginning.", "open_app", "name", "xterm");
	for (int i = 0; i < PARTS; i++) {
		snprintf(command, sizeof(command), "sed -n %d,%dp ~/canaries", i * lines + 1,
				(i + 1) * lines);
		add_call(NULL, "bash", "command", command);
	}
	add_call(NULL, "bash", "command", "head -60 ~/canaries >&2; exit 3");
	add_call(NULL, "bash", "command", wrong);
	/* A title, which every answer tells. */
	add_type("printf '\\033]0;%s\\007' \"$(sed -n 17p ~/canaries)\"; clear\n");
	add_type("{{secret:S00}}");
	add_type("{{secret:S01}}{{secret:NOBODY}}");
	add_call(NULL, "bash", "command", "echo {{secret:S02}}");
	add_call(all, "open_app", "name", needles[5][0]);
	add_call(NULL, "done", "answer", all);
}

static void model(const struct fake_request *request, struct fake_reply *reply, void *user_data)
{
	int turn = 0;
	(void)user_data;
	for (char call[32]; turn < turn_count - 1; turn++) {
		snprintf(call, sizeof(call), "\"call_id\":\"k%d\"", turn);
		if (!strstr(request->body, call)) {
			break;
		}
	}
	pthread_mutex_lock(&lock);
	assert_int_equal(cua_buffer_append(&told, request->body, strlen(request->body), NULL),
			CUA_OK);
	search_processes();
	if (turn == turn_count - 1 && to_abort > 0) {
		kill(to_abort, SIGABRT);
	}
	pthread_mutex_unlock(&lock);
	reply->content_type = "text/event-stream";
	(void)!cua_buffer_printf(&reply->body, NULL, "%s", turns[turn]);
}

/* --- the world --- */

static void keep(const char *name, const char *value, const char *option)
{
	struct output output;
	const char *argv[] = { world.program, "secret", "set", name, option, NULL };
	world_exec(&world, argv, NULL, value, strlen(value), &output);
	expect_status(&output, 0, "cua secret set");
	output_finish(&output);
}

static int begin(void **state)
{
	char name[16], path[300];
	(void)state;
	make_canaries();
	make_turns();
	cua_buffer_init(&told, (size_t)64 << 20);
	world_create(&world, (uid_t)-1);
	copy_program(CUA_TEST_UNREDACTED, world_path(&world, "cua-run-unredacted"));
	desktop_start(&desktop, &world, "canary");
	CUA_AUTO_FREE char *all = all_canaries();
	snprintf(path, sizeof(path), "%s/canaries", desktop.home);
	assert_int_equal(cua_file_write(path, all, strlen(all), 0644, NULL), CUA_OK);
	for (int i = 0; i < TYPED; i++) {
		snprintf(name, sizeof(name), "S%02d", i);
		keep(name, canaries[i], "--window=XTerm");
	}
	keep("CUA_API_KEY", canaries[TYPED], "--api-key");
	assert_int_equal(cua_file_write(world_path(&world, "policy.yaml"), "default: allow\n", 15,
					 0600, NULL),
			CUA_OK);
	model_server = fake_server_start(NULL, model, NULL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_stop(&desktop);
	fake_server_stop(model_server);
	world_destroy(&world);
	cua_buffer_finish(&told);
	for (int i = 0; i < turn_count; i++) {
		free(turns[i]);
	}
	for (int i = 0; i < CANARIES; i++) {
		for (size_t k = 0; k < SPELLINGS; k++) {
			free(needles[i][k]);
			free(printed[i][k]);
		}
	}
	return 0;
}

static const char *model_url(void)
{
	static char url[64];
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1", fake_server_port(model_server));
	return url;
}

/* All output of a run; the caller finishes it. option: one more, or NULL. */
static void run(const char *program, const char *option, struct output *ret_output)
{
	char policy[300];
	const char *argv[WORLD_WORDS_MAX] = { program };
	size_t count = 1;
	if (strcmp(program, world.program) == 0) {
		argv[count++] = "run";
	}
	snprintf(policy, sizeof(policy), "--policy=%s", world_path(&world, "policy.yaml"));
	const char *const rest[] = { "--model", "m", "--api", "responses", "--base-url",
		model_url(), "--desktop", "canary", "--tools=bash,done", policy, "--max-errors=20",
		option ? option : "--max-steps=50", "Look for canaries.", NULL };
	memcpy(argv + count, rest, sizeof(rest));
	cua_buffer_clear(&told);
	in_processes[0] = '\0';
	world_exec(&world, argv, NULL, NULL, 0, ret_output);
}

static void expect_nowhere(const struct output *output)
{
	static const char *const folders[] = { "state/runs", "run", "state/secrets", "exports" };
	assert_int_equal(count_in(output->out, output->out_len, NULL), 0);
	assert_int_equal(count_in(output->err, strlen(output->err), NULL), 0);
	pthread_mutex_lock(&lock);
	assert_int_equal(count_in(told.data, told.len, NULL), 0);
	assert_string_equal(in_processes, "");
	pthread_mutex_unlock(&lock);
	for (size_t i = 0; i < CUA_ARRAY_LEN(folders); i++) {
		const char *path = world_path(&world, folders[i]);
		if (access(path, F_OK) == 0) {
			assert_int_equal(search(path, NULL), 0);
		}
	}
}

static void export_as(const char *name)
{
	char path[300];
	snprintf(path, sizeof(path), "%s/%s", world_path(&world, "exports"), name);
	world_expect(&world, 0, "runs", "export", "last", "-o", path, NULL);
}

/* --- tests --- */

static void forty_canaries_are_nowhere(void **state)
{
	static const char *const options[] = { "--json", NULL };
	(void)state;
	assert_int_equal(mkdir(world_path(&world, "exports"), 0700), 0);
	for (size_t i = 0; i < CUA_ARRAY_LEN(options); i++) {
		struct output output;
		run(world.program, options[i], &output);
		expect_status(&output, 0, "cua run");
		/* It was met, and is called by its name. */
		pthread_mutex_lock(&lock);
		for (int k = 0; k < CANARIES; k++) {
			char name[32];
			snprintf(name, sizeof(name), "{{secret:%s%02d}}", "S", k);
			assert_true(k >= TYPED || strstr(told.data, name));
		}
		assert_non_null(strstr(told.data, "there is no secret \\\"NOBODY\\\""));
		assert_non_null(strstr(told.data, "tools have no secrets"));
		assert_non_null(strstr(told.data, "the screen is withheld"));
		pthread_mutex_unlock(&lock);
		export_as(i == 0 ? "run.json" : "run-2.json");
		export_as(i == 0 ? "run.webp" : "run-2.webp");
		export_as(i == 0 ? "run" : "run-2");
		expect_nowhere(&output);
		output_finish(&output);
	}
}

/* What one kept after a run: the journal has it, an export has not. */
static void an_export_hides_what_was_set_later(void **state)
{
	struct output output;
	(void)state;
	keep("LATER", "Look for canaries.", "--window=XTerm");
	world_cua(&world, &output, "runs", "export", "last", "-o",
			world_path(&world, "exports/later.json"), NULL);
	expect_status(&output, 0, "export");
	output_finish(&output);
	world_expect(&world, 0, "runs", "export", "last", "-o", world_path(&world, "exports/later"),
			NULL);
	static const char *const names[] = { "exports/later.json", "exports/later/events.jsonl",
		"exports/later/report.html" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		assert_false(file_contains(world_path(&world, names[i]), "Look for canaries."));
		assert_true(file_contains(world_path(&world, names[i]), "{{secret:LATER}}"));
	}
	world_expect(&world, 0, "secret", "remove", "LATER", NULL);
}

static void uses_are_told(void **state)
{
	struct output output;
	(void)state;
	world_cua(&world, &output, "secret", "show-uses", "S00", "--json", NULL);
	expect_status(&output, 0, "show-uses");
	CUA_AUTO_JSON cJSON *uses = cJSON_Parse(output.out);
	assert_int_equal(cJSON_GetArraySize(uses), 2);
	assert_string_equal(json_text(uses, "0.status"), "ok");
	assert_string_equal(json_text(uses, "0.window"), "XTerm");
	output_finish(&output);
	world_cua(&world, &output, "secret", "list", "--json", NULL);
	CUA_AUTO_JSON cJSON *list = cJSON_Parse(output.out);
	assert_int_equal(cJSON_GetArraySize(list), CANARIES);
	assert_int_equal(count_in(output.out, output.out_len, NULL), 0);
	output_finish(&output);
}

static bool is_over(void *data)
{
	return process_is_gone(*(pid_t *)data);
}

static bool is_core(const char *name)
{
	return strncmp(name, "core", 4) == 0 && strspn(name + 4, ".0123456789") == strlen(name + 4);
}

static bool has_core(const char *folder)
{
	DIR *dir = opendir(folder);
	bool found = false;
	for (const struct dirent *entry; dir && (entry = readdir(dir));) {
		found = found || is_core(entry->d_name);
	}
	if (dir) {
		closedir(dir);
	}
	return found;
}

static void nobody_leaves_a_core(void **state)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	char host_folder[64], cwd[300] = "";
	int status = 0;
	(void)state;
	assert_int_equal(setrlimit(RLIMIT_CORE, &all), 0);
	const char *const argv[] = { world.program, "run", "--model", "m", "--api", "responses",
		"--base-url", model_url(), "--desktop", "canary", "--tools=bash,done",
		"--max-errors=20", "Look for canaries.", NULL };
	pthread_mutex_lock(&lock);
	const pid_t agent = world_start(&world, argv, NULL);
	to_abort = agent;
	pthread_mutex_unlock(&lock);
	assert_int_equal(waitpid(agent, &status, 0), agent);
	pthread_mutex_lock(&lock);
	to_abort = 0;
	pthread_mutex_unlock(&lock);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_false(WCOREDUMP(status));
	const pid_t host = desktop_recorded_pid(&desktop, "host");
	snprintf(host_folder, sizeof(host_folder), "/proc/%d/cwd", (int)host);
	assert_true(readlink(host_folder, cwd, sizeof(cwd) - 1) > 0);
	assert_int_equal(kill(host, SIGABRT), 0);
	wait_until(is_over, &(pid_t){ host }, "the host ends");
	assert_false(has_core(cwd));
	assert_false(has_core("."));
}

/* The same run by a program without what hides: each of the 320 is found. */
static void a_program_that_hides_nothing_is_caught(void **state)
{
	static bool found[CANARIES][SPELLINGS], in_words[CANARIES][SPELLINGS];
	struct output output;
	(void)state;
	run(world_path(&world, "cua-run-unredacted"), "--json", &output);
	expect_status(&output, 0, "cua-run-unredacted");
	assert_true(search(world_path(&world, "state/runs"), found) > 0);
	(void)count_in(output.out, output.out_len, in_words);
	for (int i = 0; i < CANARIES; i++) {
		for (size_t k = 0; k < SPELLINGS; k++) {
			if (!found[i][k] && !in_words[i][k]) {
				fail_msg("%s of %d is not found", spelling_name(k), i);
			}
		}
	}
	pthread_mutex_lock(&lock);
	assert_true(count_in(told.data, told.len, NULL) > 0);
	pthread_mutex_unlock(&lock);
	output_finish(&output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forty_canaries_are_nowhere),
		cmocka_unit_test(an_export_hides_what_was_set_later),
		cmocka_unit_test(uses_are_told),
		cmocka_unit_test(a_program_that_hides_nothing_is_caught),
		cmocka_unit_test(nobody_leaves_a_core),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}

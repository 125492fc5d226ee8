/* A model that cannot be asked, as a person meets it who types `cua run`: the exit status, a line
 * on the terminal that says what to do, and the same as class and code in the journal. */

#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/desktop_fixture.h"
#include "tests/files.h"
#include "tests/json_path.h"
#include "tests/standin_process.h"
#include "tests/tls_server.h"

#define KEY "sk-test-0123456789"
#define OTHER_KEY "sk-other-0123456789"
#define NO_ROUTE "https://192.0.2.1/v1" /* RFC 5737: for documentation */

static struct world world;
static struct desktop desktop;

/* --- a run --- */

struct trial {
	const char *api, *model, *base_url, *key; /* key: NULL for none */
	const char *ca_file;                      /* NULL: as this machine has it */
	bool has_no_network;
	const char *code, *said; /* what must come */
	/* While it runs. */
	char runs_dir[160];
	struct program program;
};

static void begin_trial(struct trial *trial)
{
	static int number;
	char key[64], runs_dir[200], ca_file[64];
	size_t count = 0, words = 0;
	snprintf(trial->runs_dir, sizeof(trial->runs_dir), "%s/runs-%d", world.dir, ++number);
	snprintf(runs_dir, sizeof(runs_dir), "CUA_RUNS_DIR=%s", trial->runs_dir);
	const char *env[4] = { runs_dir };
	if (trial->key) {
		snprintf(key, sizeof(key), "CUA_API_KEY=%s", trial->key);
		env[++count] = key;
	}
	if (trial->ca_file) {
		snprintf(ca_file, sizeof(ca_file), "SSL_CERT_FILE=%s", trial->ca_file);
		env[++count] = ca_file;
	}
	static const char *const alone[] = { "/usr/bin/unshare", "--map-current-user", "--net" };
	const char *argv[20] = { NULL };
	for (; trial->has_no_network && words < CUA_ARRAY_LEN(alone); words++) {
		argv[words] = alone[words];
	}
	const char *const command[] = { world.program, "run", "--desktop", desktop.name, "--api",
		trial->api, "--model", trial->model, "--base-url", trial->base_url,
		"Click twice." };
	for (size_t i = 0; i < CUA_ARRAY_LEN(command); i++) {
		argv[words++] = command[i];
	}
	trial->program = world_begin(&world, argv, env, NULL, 0);
}

/* The last event of the only run in the folder; the caller deletes. */
static cJSON *end_of_run(const char *runs_dir)
{
	char pattern[200];
	glob_t found = { 0 };
	snprintf(pattern, sizeof(pattern), "%s/*/events.jsonl", runs_dir);
	if (glob(pattern, 0, NULL, &found) != 0 || found.gl_pathc != 1) {
		fail_msg("%zu runs in %s", found.gl_pathc, runs_dir);
	}
	CUA_AUTO_FREE char *events = read_whole_file(found.gl_pathv[0], NULL);
	globfree(&found);
	assert_non_null(events);
	const char *last = events;
	for (const char *at = events; (at = strchr(at, '\n')) && at[1];) {
		last = ++at;
	}
	return cJSON_Parse(last);
}

static void end_trial(struct trial *trial)
{
	struct output output;
	world_await(&world, &trial->program, &output);
	CUA_AUTO_JSON cJSON *end = end_of_run(trial->runs_dir);
	const char *message = json_text(end, "message");
	char line[400];
	snprintf(line, sizeof(line), "cua run: the model failed: %s\n", message);
	if (output.exit_status != 5 || strcmp(json_text(end, "type"), "run_end") != 0 ||
			strcmp(json_text(end, "outcome"), "model_error") != 0 ||
			strcmp(json_text(end, "class"), "model") != 0 ||
			strcmp(json_text(end, "code"), trial->code) != 0 ||
			!strstr(message, trial->said) || strcmp(output.err, line) != 0) {
		fail_msg("%s, %s at %s: status %d, %s %s: %s; on the terminal: %s", trial->api,
				trial->model, trial->base_url, output.exit_status,
				json_text(end, "class"), json_text(end, "code"), message,
				output.err);
	}
	assert_int_equal(json_number(end, "exit_status"), 5);
	assert_null(strstr(output.out, KEY));
	assert_non_null(strstr(output.out, "report.html\nto go on: cua run --resume "));
	output_finish(&output);
}

/* --- what the server says --- */

static void expect_refusal(const char *api, const char *fault, const struct trial *wanted)
{
	struct standin_process standin;
	struct trial trial = *wanted;
	standin_process_start(&standin, "--quirks", "key", fault ? "--fault" : NULL, fault, NULL);
	trial.api = api;
	trial.base_url = standin.url;
	begin_trial(&trial);
	end_trial(&trial);
	standin_process_stop(&standin);
}

static const char *const apis[] = { "responses", "anthropic", "chat", "gemini" };

static void a_missing_key_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(apis); i++) {
		expect_refusal(apis[i], NULL,
				&(struct trial){ .model = "standin",
						.code = "model_key",
						.said = "a key: set CUA_API_KEY to it" });
	}
}

static void a_wrong_key_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(apis); i++) {
		struct standin_process standin;
		standin_process_start(&standin, "--key", OTHER_KEY, NULL);
		struct trial trial = { .api = apis[i],
			.model = "standin",
			.base_url = standin.url,
			.key = KEY,
			.code = "model_key",
			.said = "the key is not accepted: set the right one" };
		begin_trial(&trial);
		end_trial(&trial);
		trial.key = OTHER_KEY;
		begin_trial(&trial);
		struct output output;
		world_await(&world, &trial.program, &output);
		assert_int_equal(output.exit_status, 0);
		output_finish(&output);
		standin_process_stop(&standin);
	}
}

static void an_unknown_model_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *api, *fault, *said;
	} rows[] = {
		{ "responses", NULL, "does not have this model" },
		{ "anthropic", NULL, "check --model and --base-url" },
		{ "gemini", NULL, "check --model and --base-url" },
		/* vLLM, Ollama; OpenRouter */
		{ "chat", "status=404,message=The model `none` does not exist.",
				"check --model and --base-url" },
		{ "chat", "status=400,code=400,message=none is not a valid model ID",
				"does not have this model" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		expect_refusal(rows[i].api, rows[i].fault,
				&(struct trial){ .model = "none",
						.key = KEY,
						.code = "model_unknown",
						.said = rows[i].said });
	}
}

static void a_quota_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *api, *fault, *said;
	} rows[] = {
		{ "responses", "status=429,code=insufficient_quota", "no credit left" },
		{ "responses", "status=429,x-should-retry=false", "raise its limits" },
		{ "anthropic", "status=402", "no credit left" },
		{ "anthropic",
				"status=400,message=Your credit balance is too low to access the "
				"Anthropic API.",
				"no credit left" },
		{ "anthropic", "status=429,x-should-retry=false", "raise its limits" },
		{ "chat", "status=402", "no credit left" },
		{ "gemini", "status=429,code=GenerateRequestsPerDayPerProjectPerModel",
				"raise its limits" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		expect_refusal(rows[i].api, rows[i].fault,
				&(struct trial){ .model = "standin",
						.key = KEY,
						.code = "model_quota",
						.said = rows[i].said });
	}
}

/* Known before there is a run: no folder, no desktop. */
static void a_key_that_nobody_set_is_told_before_anything_begins(void **state)
{
	(void)state;
	struct output output;
	struct stat info;
	const char *runs_dir = world_path(&world, "runs-none");
	char variable[200];
	snprintf(variable, sizeof(variable), "CUA_RUNS_DIR=%s", runs_dir);
	const char *const argv[] = { world.program, "run", "--model", "gpt-6.1-sol", "Click.",
		NULL };
	const char *const env[] = { variable, NULL };
	world_exec(&world, argv, env, NULL, 0, &output);
	assert_int_equal(output.exit_status, 2);
	assert_string_equal(output.err,
			"cua run: gpt-6.1-sol of openai needs a key: set OPENAI_API_KEY or "
			"CUA_API_KEY to it, or keep it with cua secret set --api-key\n");
	assert_int_equal(stat(runs_dir, &info), -1);
	output_finish(&output);
	world_cua(&world, &output, "desktop", "list", "--json", NULL);
	CUA_AUTO_JSON cJSON *desktops = cJSON_Parse(output.out);
	assert_int_equal(cJSON_GetArraySize(desktops), 1); /* that of the tests */
	output_finish(&output);
}

/* --- nobody who says anything --- */

/* An address on loopback. */
static const char *address(char url[64], const char *scheme, int port)
{
	snprintf(url, 64, "%s://127.0.0.1:%d/v1", scheme, port);
	return url;
}

/* Side by side: most ask again for a quarter of a minute before they say so at last. */
static void nobody_who_answers_is_told(void **state)
{
	(void)state;
	char urls[5][64];
	int port = 0, closed = 0;
	struct tls_server stranger, expired, other;
	struct standin_process standin;
	tls_server_start(&stranger, "IP:127.0.0.1", 1);
	tls_server_start(&expired, "IP:127.0.0.1", -1);
	tls_server_start(&other, "DNS:elsewhere.invalid", 1);
	standin_process_start(&standin, NULL);
	assert_int_equal(sscanf(standin.url, "http://127.0.0.1:%d", &port), 1);
	close(tls_server_listen(&closed));
	const char *at_stranger = address(urls[0], "https", stranger.port);
	struct trial trials[] = {
		{ .base_url = address(urls[1], "http", closed),
				.said = "Does the server run, and is the port right?" },
		{ .base_url = "https://nobody.invalid/v1",
				.said = "Is the name right, and is there a network?" },
		{ .base_url = NO_ROUTE, .has_no_network = true, .said = "no route to it" },
		{ .base_url = address(urls[2], "https", port),
				.said = "Does this server speak https?" },
		{ .base_url = at_stranger, .said = "private CA goes into SSL_CERT_FILE" },
		{ .base_url = at_stranger,
				.ca_file = "/nonexistent/ca.pem",
				.said = "Is the file in SSL_CERT_FILE there" },
		{ .base_url = address(urls[3], "https", expired.port),
				.ca_file = expired.ca_file,
				.said = "its certificate has expired" },
		{ .base_url = address(urls[4], "https", other.port),
				.ca_file = other.ca_file,
				.said = "its certificate is for another name" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(trials); i++) {
		trials[i].api = apis[i % CUA_ARRAY_LEN(apis)];
		trials[i].model = "standin";
		trials[i].key = KEY;
		trials[i].code = "model_unreachable";
		begin_trial(&trials[i]);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(trials); i++) {
		end_trial(&trials[i]);
	}
	standin_process_stop(&standin);
	tls_server_stop(&stranger);
	tls_server_stop(&expired);
	tls_server_stop(&other);
}

static int begin(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN); /* of clients that hang up at the sight of a certificate */
	desktop_start_alone(&desktop, &world, "model_errors");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_stop_alone(&desktop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_missing_key_is_told),
		cmocka_unit_test(a_wrong_key_is_told),
		cmocka_unit_test(an_unknown_model_is_told),
		cmocka_unit_test(a_quota_is_told),
		cmocka_unit_test(a_key_that_nobody_set_is_told_before_anything_begins),
		cmocka_unit_test(nobody_who_answers_is_told),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}

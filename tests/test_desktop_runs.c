/* What is kept of a run, and what can be done with it: cua runs, and cua run --resume as a person
 * types it. */

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <webp/demux.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/desktop_fixture.h"
#include "tests/files.h"
#include "tests/json_path.h"
#include "tests/processes.h"
#include "tests/test_agent_fake.h"
#include "tests/waiting.h"

static struct world world;
static struct fake_server *model_server;
static atomic_bool is_silent;  /* the model answers no more */
static atomic_bool kills_host; /* the model kills the host of desktop-1 before it answers */

#define ITEM(item) "data: {\"type\":\"response.output_item.done\",\"item\":" item "}\n\n"
#define END \
	"data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"," \
	"\"usage\":{\"input_tokens\":7,\"output_tokens\":3}}}\n\n"
#define CALL(id, actions) \
	ITEM("{\"type\":\"computer_call\",\"id\":\"i\",\"call_id\":\"" id \
	     "\",\"status\":\"completed\",\"actions\":[" actions "]}") \
	END

static void kill_host(void)
{
	CUA_AUTO_FREE char *text = read_whole_file(
			world_path(&world, "run/desktops/desktop-1/desktop.json"), NULL);
	CUA_AUTO_JSON cJSON *record = text ? cJSON_Parse(text) : NULL;
	const pid_t host = (pid_t)json_number(record, "host.pid");
	if (host > 1) {
		kill_and_wait(host);
	}
}

/* Opens xterm, types into it, and is done. */
static void model(const struct fake_request *request, struct fake_reply *reply, void *user_data)
{
	static const char *const turns[] = {
		ITEM("{\"type\":\"function_call\",\"call_id\":\"k0\",\"name\":\"open_app\","
		     "\"arguments\":\"{\\\"name\\\":\\\"xterm -fullscreen +bc\\\"}\"}") END,
		CALL("k1", "{\"type\":\"type\",\"text\":\"clear; echo one two three\\n\"}"),
		CALL("k2", "{\"type\":\"click\",\"button\":\"left\",\"x\":600,\"y\":400}"),
		ITEM("{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":"
		     "\"output_text\",\"text\":\"It says so.\"}]}") END,
	};
	size_t turn = 0;
	(void)user_data;
	for (const char *id = "k0"; turn < 3; id = turn == 1 ? "k1" : "k2") {
		char call[32];
		snprintf(call, sizeof(call), "\"call_id\":\"%s\"", id);
		if (!strstr(request->body, call)) {
			break;
		}
		turn++;
	}
	reply->stays_silent = turn > 1 && atomic_load(&is_silent);
	if (turn == 1 && atomic_exchange(&kills_host, false)) {
		kill_host();
	}
	reply->content_type = "text/event-stream";
	(void)!cua_buffer_printf(&reply->body, NULL, "%s", turns[turn]);
}

static int begin(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	atomic_store(&is_silent, false);
	model_server = fake_server_start(NULL, model, NULL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	fake_server_stop(model_server);
	world_destroy(&world);
	return 0;
}

static const char *model_url(void)
{
	static char url[64];
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1", fake_server_port(model_server));
	return url;
}

static void run_to_the_end(void)
{
	world_expect(&world, 0, "run", "--model", "m", "--api", "responses", "--base-url",
			model_url(), "Say one two.", NULL);
}

/* The newest run as list has it; the caller deletes. */
static cJSON *newest(void)
{
	struct output output;
	world_cua(&world, &output, "runs", "list", "--json", NULL);
	assert_int_equal(output.exit_status, 0);
	char *end = output.out + strlen(output.out);
	while (end > output.out && end[-1] == '\n') {
		*--end = '\0';
	}
	const char *line = strrchr(output.out, '\n');
	cJSON *run = cJSON_Parse(line ? line + 1 : output.out);
	output_finish(&output);
	return run;
}

static int count_runs(void)
{
	struct output output;
	int count = 0;
	world_cua(&world, &output, "runs", "list", "--json", NULL);
	for (const char *at = output.out; (at = strchr(at, '\n')); at++) {
		count++;
	}
	output_finish(&output);
	return count;
}

/* --- reading --- */

static void a_run_is_listed_shown_and_verified(void **state)
{
	(void)state;
	struct output output;
	run_to_the_end();
	CUA_AUTO_JSON cJSON *run = newest();
	assert_string_equal(json_text(run, "state"), "done");
	assert_string_equal(json_text(run, "task"), "Say one two.");
	assert_string_equal(json_text(run, "model"), "m");
	assert_int_equal(json_number(run, "steps"), 4);
	assert_int_equal(json_number(run, "actions"), 3);
	assert_true(json_number(run, "bytes") > 1000);
	const char *id = json_text(run, "id");
	world_cua(&world, &output, "runs", "list", NULL);
	assert_non_null(strstr(output.out, id));
	output_finish(&output);
	world_cua(&world, &output, "runs", "show", id, NULL);
	assert_int_equal(output.exit_status, 0);
	assert_non_null(strstr(output.out, "click at 600, 400"));
	assert_non_null(strstr(output.out, "\nIt says so.\n\ndone: 4 steps"));
	output_finish(&output);
	world_cua(&world, &output, "runs", "report", "last", NULL);
	assert_int_equal(output.exit_status, 0);
	output.out[strcspn(output.out, "\n")] = '\0';
	assert_int_equal(access(output.out, R_OK), 0);
	output_finish(&output);
	world_cua(&world, &output, "runs", "verify", id, NULL);
	assert_int_equal(output.exit_status, 0);
	assert_non_null(strstr(output.out, "the key of this machine"));
	output_finish(&output);
	world_expect(&world, 1, "runs", "verify", "none", NULL);
	world_expect(&world, 2, "runs", "frobnicate", NULL);
}

static void expect_hidden(const char *where, const char *text)
{
	if (strstr(text, "Say one two.") || !strstr(text, "{{secret:LATER}}")) {
		fail_msg("%s shows it: %s", where, text);
	}
}

/* The run did not know it, and its folder holds it. */
static void what_became_a_secret_after_the_run_is_not_shown(void **state)
{
	(void)state;
	static const char *const shown[][5] = { { "runs", "list", NULL },
		{ "runs", "list", "--json", NULL }, { "runs", "show", "last", NULL },
		{ "runs", "show", "last", "--json", NULL },
		{ "runs", "attach", "last", "--json", NULL } };
	const char *const keep[] = { world.program, "secret", "set", "LATER", "--window=*xterm*",
		NULL };
	struct output output;
	run_to_the_end();
	world_exec(&world, keep, NULL, "Say one two.", strlen("Say one two."), &output);
	expect_status(&output, 0, "cua secret set");
	output_finish(&output);
	for (size_t i = 0; i < CUA_ARRAY_LEN(shown); i++) {
		world_cua(&world, &output, shown[i][0], shown[i][1], shown[i][2], shown[i][3],
				NULL);
		expect_status(&output, 0, shown[i][1]);
		expect_hidden(shown[i][1], output.out);
		output_finish(&output);
	}
	world_cua(&world, &output, "runs", "report", "last", NULL);
	expect_status(&output, 0, "report");
	output.out[strcspn(output.out, "\n")] = '\0';
	CUA_AUTO_BUFFER struct cua_buffer page;
	cua_buffer_init(&page, 16 << 20);
	assert_int_equal(cua_file_read(output.out, &page, NULL), CUA_OK);
	expect_hidden("report", page.data);
	output_finish(&output);
	world_expect(&world, 0, "runs", "verify", "last", NULL);
}

static void a_changed_run_is_found_out(void **state)
{
	(void)state;
	struct output output;
	run_to_the_end();
	CUA_AUTO_JSON cJSON *run = newest();
	char path[600];
	snprintf(path, sizeof(path), "%s/events.jsonl", json_text(run, "run_dir"));
	size_t len = 0;
	CUA_AUTO_FREE char *text = read_whole_file(path, &len);
	char *place = strstr(text, "one two three");
	assert_non_null(place);
	place[0] = 'O';
	assert_int_equal(cua_file_write(path, text, len, 0600, NULL), CUA_OK);
	world_cua(&world, &output, "runs", "verify", "last", NULL);
	assert_int_equal(output.exit_status, 1);
	assert_non_null(strstr(output.err, "was changed or torn"));
	output_finish(&output);
}

/* --- export --- */

static void a_run_is_exported(void **state)
{
	(void)state;
	char json_path[200], webp_path[200], folder[200], path[300];
	run_to_the_end();
	snprintf(json_path, sizeof(json_path), "%s", world_path(&world, "run.json"));
	snprintf(webp_path, sizeof(webp_path), "%s", world_path(&world, "run.webp"));
	snprintf(folder, sizeof(folder), "%s", world_path(&world, "copy"));
	world_expect(&world, 0, "runs", "export", "last", "-o", json_path, NULL);
	world_expect(&world, 0, "runs", "export", "last", "-o", webp_path, "--frame-ms=250", NULL);
	world_expect(&world, 0, "runs", "export", "last", "-o", folder, NULL);

	CUA_AUTO_JSON cJSON *run = newest();
	CUA_AUTO_FREE char *text = read_whole_file(json_path, NULL);
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(text);
	const cJSON *screenshots = json_at(json, "screenshots");
	const int pictures = cJSON_GetArraySize(screenshots);
	assert_string_equal(json_text(json, "run"), json_text(run, "id"));
	assert_string_equal(json_text(json, "events.0.type"), "run_start");
	assert_true(pictures >= 2);
	assert_int_equal(strncmp(screenshots->child->valuestring, "iVBORw0KGgo", 11), 0);

	size_t len = 0;
	CUA_AUTO_FREE char *webp = read_whole_file(webp_path, &len);
	const WebPData data = { (const uint8_t *)webp, len };
	WebPDemuxer *demuxer = WebPDemux(&data);
	assert_non_null(demuxer);
	assert_int_equal(WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH), 1280);
	assert_true(WebPDemuxGetI(demuxer, WEBP_FF_FRAME_COUNT) >= 2);
	WebPDemuxDelete(demuxer);

	snprintf(path, sizeof(path), "%s/events.jsonl", folder);
	CUA_AUTO_FREE char *copied = read_whole_file(path, NULL);
	snprintf(path, sizeof(path), "%s/events.jsonl", json_text(run, "run_dir"));
	CUA_AUTO_FREE char *original = read_whole_file(path, NULL);
	assert_string_equal(copied, original);
	snprintf(path, sizeof(path), "%s/report.html", folder);
	assert_int_equal(access(path, R_OK), 0);
}

static void without_ffmpeg_there_is_no_video(void **state)
{
	(void)state;
	struct output output;
	run_to_the_end();
	const char *const argv[] = { world.program, "runs", "export", "last", "--format=mp4", "-o",
		"/tmp/cua-test-never.mp4", NULL };
	snprintf(world.path, sizeof(world.path), "/nonexistent");
	world_exec(&world, argv, NULL, NULL, 0, &output);
	world.path[0] = '\0';
	assert_int_equal(output.exit_status, 6);
	assert_non_null(strstr(output.err, "ffmpeg, which is not installed"));
	output_finish(&output);
	world_expect(&world, 1, "runs", "export", "last", "--format=gif", NULL);
}

/* Who makes it stands in for ffmpeg: its last argument is the file. */
static void a_video_is_its_owners_alone(void **state)
{
	(void)state;
	static const char script[] = "#!/bin/sh\nfor file; do :; done\n: >\"$file\"\n";
	const char *ffmpeg = world_path(&world, "ffmpeg"), *video = world_path(&world, "run.mp4");
	struct stat info;
	run_to_the_end();
	assert_int_equal(cua_file_write(ffmpeg, script, sizeof(script) - 1, 0700, NULL), CUA_OK);
	snprintf(world.path, sizeof(world.path), "%s", world.dir);
	world_expect(&world, 0, "runs", "export", "last", "-o", video, NULL);
	world.path[0] = '\0';
	assert_int_equal(stat(video, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
}

/* --- replay --- */

static void a_replay_compares_screens(void **state)
{
	(void)state;
	struct output output;
	run_to_the_end();
	world_cua(&world, &output, "runs", "replay", "last", "--json", NULL);
	assert_true(output.exit_status == 0 || output.exit_status == 1);
	int calls = 0;
	char *rest = NULL;
	for (char *line = strtok_r(output.out, "\n", &rest); line;
			line = strtok_r(NULL, "\n", &rest)) {
		CUA_AUTO_JSON cJSON *call = cJSON_Parse(line);
		/* A new xterm starts with the same prompt; what differs is at most the pointer and
		 * the caret. */
		const char *result = json_text(call, "result");
		assert_true(strcmp(result, "equal") == 0 || strcmp(result, "differs") == 0);
		assert_true(json_number(call, "differing_pixels") < 1280 * 800 / 20);
		calls++;
	}
	assert_int_equal(calls, 3);
	output_finish(&output);
	/* It stopped the desktop that it had started. */
	world_cua(&world, &output, "desktop", "list", "--json", NULL);
	assert_null(strstr(output.out, "\"name\""));
	output_finish(&output);
}

/* --- delete --- */

static void runs_are_deleted_by_name_and_by_rule(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		run_to_the_end();
	}
	assert_int_equal(count_runs(), 3);
	world_expect(&world, 2, "runs", "delete", NULL);
	world_expect(&world, 2, "runs", "delete", "last", "--keep=1", NULL);
	world_expect(&world, 2, "runs", "delete", "--older-than=soon", NULL);
	world_expect(&world, 0, "runs", "delete", "--older-than=1h", NULL);
	assert_int_equal(count_runs(), 3);
	CUA_AUTO_JSON cJSON *kept = newest();
	world_expect(&world, 0, "runs", "delete", "--keep=2", NULL);
	assert_int_equal(count_runs(), 2);
	CUA_AUTO_JSON cJSON *still = newest();
	assert_string_equal(json_text(still, "id"), json_text(kept, "id"));
	world_expect(&world, 0, "runs", "delete", "last", NULL);
	assert_int_equal(count_runs(), 1);
	assert_int_not_equal(access(json_text(kept, "run_dir"), F_OK), 0);
	/* Made two hours old, it goes. */
	CUA_AUTO_JSON cJSON *old = newest();
	char path[600];
	snprintf(path, sizeof(path), "%s/events.jsonl", json_text(old, "run_dir"));
	const struct timespec then = { .tv_sec = time(NULL) - 7200 };
	assert_int_equal(utimensat(AT_FDCWD, path, (const struct timespec[]){ then, then }, 0), 0);
	world_expect(&world, 0, "runs", "delete", "--older-than=1h", NULL);
	assert_int_equal(count_runs(), 0);
	run_to_the_end();
	world_expect(&world, 0, "runs", "delete", "--max-size=1G", NULL);
	assert_int_equal(count_runs(), 1);
	world_expect(&world, 0, "runs", "delete", "--max-size=1K", NULL);
	assert_int_equal(count_runs(), 0);
}

/* --- going on --- */

static bool waits_for_model(void *data)
{
	(void)data;
	CUA_AUTO_JSON cJSON *run = newest();
	return strcmp(json_text(run, "state"), "running") == 0 && json_number(run, "steps") >= 2;
}

/* Kills a run of which two steps are done. */
static void kill_a_run(const char *desktop)
{
	const char *const argv[] = { world.program, "run", "--model", "m", "--api", "responses",
		"--base-url", model_url(), "Say one two.", desktop ? "--desktop" : NULL, desktop,
		NULL };
	atomic_store(&is_silent, true);
	const pid_t pid = world_start(&world, argv, NULL);
	wait_until(waits_for_model, NULL, "two steps of the run are done");
	world_expect(&world, 1, "runs", "delete", "last", NULL); /* it is at work */
	kill_and_wait(pid);
	atomic_store(&is_silent, false);
}

static void a_killed_run_goes_on_where_it_was(void **state)
{
	(void)state;
	struct output output;
	kill_a_run(NULL);
	CUA_AUTO_JSON cJSON *killed = newest();
	assert_string_equal(json_text(killed, "state"), "broken_off");
	world_cua(&world, &output, "run", "--resume", "last", NULL);
	assert_int_equal(output.exit_status, 0);
	assert_null(strstr(output.err, "is gone"));
	assert_non_null(strstr(output.out, "cua run goes on, on desktop-1"));
	output_finish(&output);
	CUA_AUTO_JSON cJSON *done = newest();
	assert_string_equal(json_text(done, "id"), json_text(killed, "id"));
	assert_string_equal(json_text(done, "state"), "done");
	assert_int_equal(json_number(done, "steps"), 4);
	world_expect(&world, 0, "runs", "verify", "last", NULL);
	/* Its own desktop is stopped at its end, whoever brought it there. */
	world_cua(&world, &output, "desktop", "list", "--json", NULL);
	assert_null(strstr(output.out, "\"name\""));
	output_finish(&output);
	world_cua(&world, &output, "run", "--resume", "last", NULL);
	assert_int_equal(output.exit_status, 2);
	assert_non_null(strstr(output.err, "the run is over: done"));
	output_finish(&output);
}

/* The desktop is the run's own, to be stopped at its end; but its applications live. */
static void after_its_host_was_killed_a_run_goes_on(void **state)
{
	(void)state;
	struct output output;
	atomic_store(&kills_host, true);
	world_cua(&world, &output, "run", "--model", "m", "--api", "responses", "--base-url",
			model_url(), "Say one two.", NULL);
	assert_int_equal(output.exit_status, 6);
	assert_non_null(strstr(output.err, "the host of desktop desktop-1 is gone"));
	assert_non_null(strstr(output.err, "cua run --resume 2"));
	output_finish(&output);
	world_cua(&world, &output, "desktop", "list", "--json", NULL);
	assert_non_null(strstr(output.out, "\"detached\""));
	output_finish(&output);
	world_cua(&world, &output, "run", "--resume", "last", NULL);
	assert_int_equal(output.exit_status, 0);
	assert_null(strstr(output.err, "is gone"));
	output_finish(&output);
	world_expect(&world, 0, "runs", "verify", "last", NULL);
	world_cua(&world, &output, "desktop", "list", "--json", NULL);
	assert_null(strstr(output.out, "\"name\""));
	output_finish(&output);
}

static void expect_settings(const char *name, int width, int max_width, int dpi)
{
	char leaf[64];
	snprintf(leaf, sizeof(leaf), "run/desktops/%s/desktop.json", name);
	CUA_AUTO_FREE char *text = read_whole_file(world_path(&world, leaf), NULL);
	CUA_AUTO_JSON cJSON *record = text ? cJSON_Parse(text) : NULL;
	assert_int_equal(json_number(record, "width"), width);
	assert_int_equal(json_number(record, "max_width"), max_width);
	assert_int_equal(json_number(record, "dpi"), dpi);
}

static void a_run_starts_the_desktop_that_is_asked_for(void **state)
{
	(void)state;
	world_expect(&world, 2, "run", "--model", "m", "--size=10x10", "Say one two.", NULL);
	world_expect(&world, 2, "run", "--model", "m", "--desktop=one", "--dpi=96", "Say it.",
			NULL);
	world_expect(&world, 0, "run", "--model", "m", "--api", "responses", "--base-url",
			model_url(), "--keep", "--size=1024x768", "--dpi=96", "Say one two.", NULL);
	expect_settings("desktop-1", 1024, 1024, 96);
}

static bool has_host_again(void *data)
{
	return !process_is_gone(desktop_recorded_pid(data, "host"));
}

static void without_its_desktop_a_run_goes_on_on_another(void **state)
{
	(void)state;
	struct output output;
	world_expect(&world, 0, "desktop", "start", "--name=first", "--size=1024x700",
			"--max-size=1100x700", "--dpi=120", NULL);
	kill_a_run("first");
	world_expect(&world, 0, "desktop", "stop", "first", NULL);
	world_expect(&world, 2, "run", "--resume", "last", "--dpi=96", NULL);
	world_cua(&world, &output, "run", "--resume", "last", "--keep", NULL);
	assert_int_equal(output.exit_status, 0);
	expect_settings("desktop-1", 1024, 1100, 120);
	assert_non_null(strstr(output.err, "the run's desktop first is gone"));
	output_finish(&output);
	world_expect(&world, 0, "runs", "verify", "last", NULL);
}

/* Its applications have what the run has done so far: another desktop knows nothing of it. */
static void a_desktop_that_lives_and_gets_no_host_is_not_left(void **state)
{
	(void)state;
	struct output output;
	struct desktop first = { .world = &world, .name = "first" };
	world_expect(&world, 0, "desktop", "start", "--name=first", NULL);
	kill_a_run("first");
	kill_and_wait(desktop_recorded_pid(&first, "host"));
	CUA_AUTO_FD int lock = open(world_path(&world, "run/desktops/first"),
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(lock, LOCK_EX), 0); /* as if a host was being started */
	world_cua(&world, &output, "run", "--resume", "last", NULL);
	assert_int_equal(output.exit_status, 6);
	assert_says(output.err, "the run's desktop first gets no host");
	output_finish(&output);
	/* What lets go of it in time is waited for. */
	const char *const resume[] = { world.program, "run", "--resume", "last", NULL };
	struct program run = world_begin(&world, resume, NULL, NULL, 0);
	assert_false(waits_until(has_host_again, &first, 500));
	assert_int_equal(flock(lock, LOCK_UN), 0);
	world_await(&world, &run, &output);
	assert_int_equal(output.exit_status, 0);
	assert_null(strstr(output.err, "is gone"));
	output_finish(&output);
	world_cua(&world, &output, "desktop", "list", NULL);
	assert_null(strstr(output.out, "desktop-1"));
	output_finish(&output);
	world_expect(&world, 0, "runs", "verify", "last", NULL);
}

/* As a shell would: three at once, each on a desktop of its own. */
static void detached_runs_go_on_side_by_side(void **state)
{
	(void)state;
	char names[3][64];
	struct output output;
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		world_cua(&world, &output, "run", "--detach", "--model", "m", "--api", "responses",
				"--base-url", model_url(), "Say one two.", NULL);
		assert_int_equal(output.exit_status, 0);
		snprintf(names[i], sizeof(names[i]), "%.*s", (int)strcspn(output.out, "\n"),
				output.out);
		assert_int_equal(strlen(output.out), strlen(names[i]) + 1); /* its name alone */
		output_finish(&output);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		world_cua(&world, &output, "runs", "attach", names[i], NULL);
		assert_int_equal(output.exit_status, 0);
		assert_non_null(strstr(output.out, "clear; echo one two three"));
		assert_non_null(strstr(output.out, "\nIt says so.\n\ndone: 4 steps"));
		assert_non_null(strstr(output.out, names[i]));
		output_finish(&output);
		world_expect(&world, 0, "runs", "verify", names[i], NULL);
	}
	assert_int_equal(count_runs(), CUA_ARRAY_LEN(names));
}

static void who_cannot_begin_says_so_before_detaching(void **state)
{
	(void)state;
	struct output output;
	world_cua(&world, &output, "run", "--detach", "--model", "m", "--api", "responses",
			"--base-url", model_url(), "--desktop", "none", "Say one two.", NULL);
	assert_int_equal(output.exit_status, 6);
	assert_non_null(strstr(output.err, "none"));
	assert_string_equal(output.out, "");
	output_finish(&output);
}

static void attaching_to_a_killed_run_tells_how_to_go_on(void **state)
{
	(void)state;
	struct output output;
	kill_a_run(NULL);
	world_cua(&world, &output, "runs", "attach", "last", NULL);
	assert_int_equal(output.exit_status, 1);
	assert_non_null(strstr(output.err, "cua run --resume"));
	output_finish(&output);
}

static void the_cost_of_a_run_is_explained(void **state)
{
	(void)state;
	struct output output;
	world_cua(&world, &output, "run", "--explain-cost", "--model", "m", "--api", "responses",
			"--base-url", model_url(), "Say one two.", NULL);
	assert_int_equal(output.exit_status, 0);
	const char *rows = strstr(output.out, "step        new");
	assert_non_null(rows);
	assert_non_null(strstr(rows, "\n sum         28          0          0         12"));
	world_expect(&world, 0, "runs", "cost", "last", NULL);
	output_finish(&output);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_run_is_listed_shown_and_verified),
		TEST(what_became_a_secret_after_the_run_is_not_shown),
		TEST(a_changed_run_is_found_out),
		TEST(a_run_is_exported),
		TEST(without_ffmpeg_there_is_no_video),
		TEST(a_video_is_its_owners_alone),
		TEST(a_replay_compares_screens),
		TEST(runs_are_deleted_by_name_and_by_rule),
		TEST(a_killed_run_goes_on_where_it_was),
		TEST(after_its_host_was_killed_a_run_goes_on),
		TEST(a_run_starts_the_desktop_that_is_asked_for),
		TEST(without_its_desktop_a_run_goes_on_on_another),
		TEST(a_desktop_that_lives_and_gets_no_host_is_not_left),
		TEST(detached_runs_go_on_side_by_side),
		TEST(who_cannot_begin_says_so_before_detaching),
		TEST(attaching_to_a_killed_run_tells_how_to_go_on),
		TEST(the_cost_of_a_run_is_explained),
	};
	return cmocka_run_group_tests_name("desktop_runs", tests, NULL, NULL);
}

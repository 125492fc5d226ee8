/* `cua serve` whose disk is full, or whose store is gone: what runs goes on, it says so, and it
 * recovers. On a small file system of the test's own, which only root can have. */

#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/serve_stage.h"
#include "tests/waiting.h"

#define DISK "size=160m,mode=755"

static struct serve_stage stage;
static char state_dir[256];

static int begin(void **state)
{
	struct output output;
	(void)state;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	world_create(&stage.world, (uid_t)-1);
	snprintf(state_dir, sizeof(state_dir), "%s", world_path(&stage.world, "state"));
	(void)mkdir(state_dir, 0755);
	if (mount("tmpfs", state_dir, "tmpfs", 0, DISK) != 0) {
		return -1;
	}
	serve_stage_begin(&stage);
	world_cua(&stage.world, &output, "serve", "token", "test", "--scopes=admin", NULL);
	expect_status(&output, 0, "cua serve token");
	assert_int_equal(sscanf(output.out, "%127s", stage.token), 1);
	output_finish(&output);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	serve_stage_end(&stage);
	world_expect(&stage.world, 0, "desktop", "stop", "--all", NULL);
	if (umount2(state_dir, MNT_DETACH) != 0) {
		return -1;
	}
	world_destroy(&stage.world);
	curl_global_cleanup();
	return 0;
}

static long get_status(const char *path)
{
	const struct serve_call call = { .method = "GET", .path = path };
	struct serve_answer answer = serve_send(&stage, &call);
	const long status = answer.status;
	serve_answer_finish(&answer);
	return status;
}

/* The problem with this in its words is among those that are told. */
static bool has_problem(const char *words)
{
	CUA_AUTO_JSON cJSON *health = serve_json(&stage, "GET", "/health/detailed", NULL, 200);
	const cJSON *problem = NULL;
	cJSON_ArrayForEach (problem, cua_json_member(health, "problems")) {
		if (strstr(problem->valuestring, words)) {
			assert_string_equal(cua_json_text(health, "status"), "degraded");
			return true;
		}
	}
	return false;
}

static void fill(const char *path)
{
	static char piece[65536];
	memset(piece, 'x', sizeof(piece));
	CUA_AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (size_t size = sizeof(piece); size > 0;) {
		if (write(fd, piece, size) < 0) {
			size /= 2;
		}
	}
}

static void a_full_disk_is_told_and_got_over(void **state)
{
	char filler[300];
	(void)state;
	world_expect(&stage.world, 0, "desktop", "start", "--name=kept", NULL);
	cJSON_Delete(serve_json(&stage, "POST", "/v1/projects", "{\"name\":\"before\"}", 201));
	assert_int_equal(get_status("/health"), 200);
	snprintf(filler, sizeof(filler), "%s/filler", state_dir);
	fill(filler);
	const struct serve_call call = { "POST", "/v1/projects", "{\"name\":\"lost\"}", NULL,
		{ 0 } };
	struct serve_answer answer = serve_send(&stage, &call);
	assert_in_range(answer.status, 500, 599);
	assert_non_null(strstr(answer.text, "full"));
	serve_answer_finish(&answer);
	assert_true(has_problem("full"));
	assert_int_equal(get_status("/health"), 503);
	/* What was there is, and what runs goes on. */
	cJSON_Delete(serve_json(&stage, "GET", "/v1/projects", NULL, 200));
	assert_int_equal(get_status("/v1/desktops/kept/screenshot"), 200);
	assert_int_equal(unlink(filler), 0);
	/* Nobody but /health has tried to write meanwhile. */
	assert_int_equal(get_status("/health"), 200);
	assert_false(has_problem("full"));
	cJSON_Delete(serve_json(&stage, "POST", "/v1/projects", "{\"name\":\"after\"}", 201));
	assert_int_equal(get_status("/v1/desktops/kept/screenshot"), 200);
}

static int count_projects(void)
{
	CUA_AUTO_JSON cJSON *list = serve_json(&stage, "GET", "/v1/projects", NULL, 200);
	return cJSON_GetArraySize(cua_json_member(list, "items"));
}

static void a_store_that_was_deleted_is_written_anew(void **state)
{
	char path[300], beside[320];
	struct stat info;
	(void)state;
	const int count = count_projects();
	snprintf(path, sizeof(path), "%s/server.db", state_dir);
	assert_int_equal(unlink(path), 0);
	cJSON_Delete(serve_json(&stage, "POST", "/v1/projects", "{\"name\":\"unlinked\"}", 201));
	assert_int_equal(get_status("/health"), 200);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	cJSON_Delete(serve_json(&stage, "POST", "/v1/projects", "{\"name\":\"anew\"}", 201));
	/* All of it is there for the next server, tokens included. */
	serve_stage_kill_and_start(&stage);
	assert_int_equal(count_projects(), count + 2);
	/* With what SQLite puts beside it, too. */
	for (const char *const *end = (const char *const[]){ "", "-wal", "-shm", NULL }; *end;
			end++) {
		snprintf(beside, sizeof(beside), "%s%s", path, *end);
		unlink(beside);
	}
	assert_int_equal(get_status("/health"), 200);
	serve_stage_kill_and_start(&stage);
	assert_int_equal(count_projects(), count + 2);
}

static void a_file_in_its_place_is_left_alone(void **state)
{
	char path[300], other[320];
	(void)state;
	const int count = count_projects();
	snprintf(path, sizeof(path), "%s/server.db", state_dir);
	snprintf(other, sizeof(other), "%s.other", path);
	assert_int_equal(cua_file_write(other, "mine", 4, 0600, NULL), CUA_OK);
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(get_status("/health"), 503);
	assert_true(has_problem("another file is in the place"));
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(get_status("/health"), 200);
	serve_stage_kill_and_start(&stage);
	assert_int_equal(count_projects(), count);
}

static void a_damaged_store_is_not_overwritten(void **state)
{
	char path[300];
	struct output output;
	(void)state;
	serve_stage_end(&stage);
	snprintf(path, sizeof(path), "%s/server.db", state_dir);
	char kept[320];
	snprintf(kept, sizeof(kept), "%s.kept", path);
	assert_int_equal(rename(path, kept), 0);
	assert_int_equal(cua_file_write(path, "no database", 11, 0600, NULL), CUA_OK);
	world_cua(&stage.world, &output, "serve", "--port=0", NULL);
	assert_int_equal(output.exit_status, 6);
	assert_says(output.err, "/server.db: the server's store: file is not a database");
	output_finish(&output);
	assert_int_equal(rename(kept, path), 0);
	serve_stage_begin(&stage);
	assert_int_equal(get_status("/health"), 200);
}

int main(void)
{
	if (geteuid() != 0) {
		print_message("skipped: only root can have a disk of its own\n");
		return 77;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_disk_is_told_and_got_over),
		cmocka_unit_test(a_store_that_was_deleted_is_written_anew),
		cmocka_unit_test(a_file_in_its_place_is_left_alone),
		cmocka_unit_test(a_damaged_store_is_not_overwritten),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}

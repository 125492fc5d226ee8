/* A person takes a desktop in private in the middle of a run: what is on the screen then, and on
 * the clipboard, is in no request to the model, in no picture, and nowhere in what is kept of the
 * run. */

#include <dirent.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <png.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/json_path.h"
#include "tests/test_agent_fake.h"
#include "tests/waiting.h"

#define CANARY "zq7-canary-of-the-person"
#define RED 0x7b
#define GREEN 0x3f
#define BLUE 0x9e

#define STREAM(item) \
	"data: {\"type\":\"response.output_item.done\",\"item\":" item "}\n\n" \
	"data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"," \
	"\"usage\":{\"input_tokens\":7,\"output_tokens\":3}}}\n\n"

static const char *const turns[] = {
	STREAM("{\"type\":\"computer_call\",\"id\":\"i1\",\"call_id\":\"c1\",\"status\":"
	       "\"completed\","
	       "\"actions\":[{\"type\":\"click\",\"button\":\"left\",\"x\":600,\"y\":400}]}"),
	STREAM("{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_"
	       "text\","
	       "\"text\":\"Done.\"}]}"),
};

static struct world world;
static struct desktop desktop;
static struct fake_server *model_server;
static sem_t may_answer;
static atomic_int requests;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct cua_buffer asked; /* all bodies */

static void model(const struct fake_request *request, struct fake_reply *reply, void *user_data)
{
	(void)user_data;
	pthread_mutex_lock(&mutex);
	(void)!cua_buffer_append(&asked, request->body, strlen(request->body), NULL);
	pthread_mutex_unlock(&mutex);
	const int number = atomic_fetch_add(&requests, 1);
	while (sem_wait(&may_answer) != 0) {
	}
	reply->content_type = "text/event-stream";
	(void)!cua_buffer_printf(&reply->body, NULL, "%s", turns[number]);
}

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "own");
	sem_init(&may_answer, 0, 0);
	cua_buffer_init(&asked, (size_t)64 << 20);
	model_server = fake_server_start(NULL, model, NULL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	sem_post(&may_answer);
	sem_post(&may_answer);
	desktop_stop(&desktop);
	world_destroy(&world);
	fake_server_stop(model_server);
	cua_buffer_finish(&asked);
	sem_destroy(&may_answer);
	return 0;
}

static bool was_asked(void *data)
{
	return atomic_load(&requests) >= *(const int *)data;
}

static void expect_asked(int count)
{
	wait_until(was_asked, &count, "a request to the model");
}

static bool was_told(const char *text)
{
	pthread_mutex_lock(&mutex);
	const bool was = memmem(asked.data, asked.len, text, strlen(text));
	pthread_mutex_unlock(&mutex);
	return was;
}

static void begin_run(void)
{
	char url[64], policy[300];
	struct output output;
	static const char text[] = "include: default\n";
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1", fake_server_port(model_server));
	snprintf(policy, sizeof(policy), "%s", world_path(&world, "policy.yaml"));
	assert_int_equal(cua_file_write(policy, text, strlen(text), 0644, NULL), CUA_OK);
	world_cua(&world, &output, "run", "--desktop=own", "--policy", policy, "--model", "m",
			"--api", "responses", "--base-url", url, "--detach", "Click.", NULL);
	expect_status(&output, 0, "cua run");
	output_finish(&output);
}

/* How it ended, in the words of the terminal; the caller finishes. */
static void await_end(struct output *output)
{
	world_cua(&world, output, "runs", "attach", "last", NULL);
	expect_status(output, 0, "cua runs attach");
}

static bool is_waiting(void *data)
{
	struct output output;
	(void)data;
	world_cua(&world, &output, "runs", "show", "last", "--json", NULL);
	const bool is = output.exit_status == 0 && strstr(output.out, "has_desktop");
	output_finish(&output);
	return is;
}

/* --- what the person has on the screen --- */

static void show_canary(void)
{
	free(desktop_sh(&desktop,
			"printf '" CANARY "' | xclip -selection clipboard >/dev/null 2>&1"));
	free(desktop_sh(&desktop,
			"xterm -T '" CANARY "' -fullscreen -bg '#7b3f9e' -e "
			"'echo " CANARY "; touch ~/shown; sleep 600' >/dev/null 2>&1 &"));
	free(desktop_sh(&desktop, "while [ ! -e ~/shown ]; do :; done"));
}

static void hide_canary(void)
{
	free(desktop_sh(&desktop, "pkill xterm; while pgrep xterm >/dev/null; do :; done"));
}

/* --- what is kept --- */

static bool picture_has_canary(const char *path)
{
	png_image image = { .version = PNG_IMAGE_VERSION };
	assert_true(png_image_begin_read_from_file(&image, path));
	image.format = PNG_FORMAT_RGB;
	CUA_AUTO_FREE uint8_t *pixels = malloc(PNG_IMAGE_SIZE(image));
	assert_non_null(pixels);
	assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
	for (size_t i = 0; i < PNG_IMAGE_SIZE(image); i += 3) {
		if (pixels[i] == RED && pixels[i + 1] == GREEN && pixels[i + 2] == BLUE) {
			return true;
		}
	}
	return false;
}

/* Of files and folders beneath; *pictures: how many PNGs there were. */
static void expect_none(const char *dir, int *pictures)
{
	DIR *stream = opendir(dir);
	assert_non_null(stream);
	for (struct dirent *entry; (entry = readdir(stream));) {
		char path[1024];
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (entry->d_name[0] == '.') {
			continue;
		}
		if (entry->d_type == DT_DIR) {
			expect_none(path, pictures);
			continue;
		}
		CUA_AUTO_BUFFER struct cua_buffer bytes;
		cua_buffer_init(&bytes, (size_t)64 << 20);
		assert_int_equal(cua_file_read(path, &bytes, NULL), CUA_OK);
		if (bytes.len > 0 && memmem(bytes.data, bytes.len, CANARY, strlen(CANARY))) {
			fail_msg("%s has what was private", path);
		}
		if (strstr(path, ".png")) {
			assert_false(picture_has_canary(path));
			(*pictures)++;
		}
	}
	closedir(stream);
}

static void what_is_private_is_nowhere(void **state)
{
	(void)state;
	struct output output;
	int pictures = 0;
	begin_run();
	expect_asked(1);
	world_expect(&world, 0, "take", "--desktop=own", "--private", NULL);
	show_canary();
	sem_post(&may_answer); /* the model clicks */
	wait_until(is_waiting, NULL, "the run waits for the person");
	hide_canary();
	world_expect(&world, 0, "give", "--desktop=own", "--note=I have paid.", NULL);
	expect_asked(2);
	sem_post(&may_answer);
	await_end(&output);
	assert_non_null(strstr(output.out, "a person has the desktop in private"));
	output_finish(&output);
	assert_true(was_told("in private: what was done is not told"));
	assert_true(was_told("I have paid."));
	assert_false(was_told(CANARY));
	/* The canary would be found. */
	expect_none(world_path(&world, "state"), &pictures);
	assert_true(pictures >= 1);
	CUA_AUTO_JSON cJSON *copied = desktop_act(&desktop, "[{\"action\":\"clipboard_get\"}]");
	assert_null(strstr(json_text(copied, "results.0.text"), CANARY));
	world_cua(&world, &output, "runs", "show", "last", "--json", NULL);
	assert_non_null(strstr(output.out, "\"private\":true"));
	output_finish(&output);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_private_is_nowhere) };
	return cmocka_run_group_tests(tests, start, finish);
}

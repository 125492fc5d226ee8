#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/journal.h"
#include "agent/report.h"
#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/test_agent_picture.h"

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct fixture {
	char dir[64];
	struct agent_journal journal;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	strcpy(fixture->dir, "/tmp/cua-test-journal-XXXXXX");
	assert_true(sodium_init() >= 0);
	assert_non_null(mkdtemp(fixture->dir));
	assert_int_equal(setenv("CUA_STATE_DIR", fixture->dir, true), 0);
	assert_int_equal(agent_journal_create(&fixture->journal, fixture->dir, NULL, NULL), CUA_OK);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	agent_journal_finish(&fixture->journal);
	assert_int_equal(cua_remove_tree(fixture->dir, NULL), CUA_OK);
	free(fixture);
	return 0;
}

static char *read_back(struct fixture *fixture, const char *name)
{
	char path[300];
	struct cua_buffer text;
	cua_buffer_init(&text, 1 << 20);
	snprintf(path, sizeof(path), "%s/%s", fixture->journal.path, name);
	assert_int_equal(cua_file_read(path, &text, NULL), CUA_OK);
	return text.data ? text.data : strdup("");
}

static void append(struct fixture *fixture, const char *json)
{
	assert_int_equal(agent_journal_append(&fixture->journal, cJSON_Parse(json), true, NULL),
			CUA_OK);
}

static void events_are_numbered_and_dated(void **state)
{
	struct fixture *fixture = *state;
	append(fixture, "{\"type\":\"a\",\"text\":\"x\\ny\"}");
	append(fixture, "{\"type\":\"b\"}");
	CUA_AUTO_FREE char *text = read_back(fixture, "events.jsonl");
	char *second = strchr(text, '\n') + 1;
	assert_int_equal(strncmp(text, "{\"seq\":1,\"time\":\"20", 19), 0);
	assert_int_equal(strncmp(second, "{\"seq\":2,\"time\":\"20", 19), 0);
	assert_string_equal(strchr(second, '\n'), "\n");
	CUA_AUTO_JSON cJSON *event = cJSON_Parse(text);
	const char *time = cJSON_GetObjectItem(event, "time")->valuestring;
	assert_int_equal(strlen(time), strlen("2026-11-21T00:00:00.000Z"));
	assert_int_equal(time[23], 'Z');
	assert_string_equal(cJSON_GetObjectItem(event, "text")->valuestring, "x\ny");
}

static void only_the_owner_may_read(void **state)
{
	struct fixture *fixture = *state;
	struct stat info;
	assert_int_equal(stat(fixture->journal.path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
	assert_int_equal(fstat(fixture->journal.events_fd, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
}

static void keys_are_blotted_out(void **state)
{
	struct fixture *fixture = *state;
	struct agent_redactor *redactor = NULL;
	assert_int_equal(agent_redactor_create(NULL, &redactor, NULL), CUA_OK);
	assert_int_equal(agent_redactor_add(redactor, "KEY", "sk-secret-0123456789", NULL), CUA_OK);
	fixture->journal.redactor = redactor;
	append(fixture,
			"{\"type\":\"a\",\"message\":\"Incorrect API key: "
			"sk-secret-0123456789.\"}");
	CUA_AUTO_FREE char *text = read_back(fixture, "events.jsonl");
	assert_null(strstr(text, "sk-secret-0123456789"));
	assert_non_null(strstr(text, "Incorrect API key: {{secret:KEY}}."));
	fixture->journal.redactor = NULL;
	agent_redactor_destroy(redactor);
}

static void a_screenshot_is_kept_once(void **state)
{
	struct fixture *fixture = *state;
	struct stat first, second;
	char path[300];
	snprintf(path, sizeof(path), "%s/screenshots/" SHA ".png", fixture->journal.path);
	assert_int_equal(file_png(&fixture->journal, SHA), CUA_OK);
	assert_int_equal(stat(path, &first), 0);
	assert_int_equal(file_png(&fixture->journal, SHA), CUA_OK);
	assert_int_equal(stat(path, &second), 0);
	assert_int_equal(first.st_ino, second.st_ino);
	assert_int_equal(first.st_size, 70);
}

/* RLIMIT_FSIZE stands for a full disk: writes past it fail. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_picture_comes_back_as_what_it_is(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *sha256, *bytes, *media_type;
		size_t len;
	} rows[] = {
		{ "a1", "\x89PNG\r\n\x1a\nxyz", "image/png", 11 },
		{ "b2", "RIFF....WEBPVP8L", "image/webp", 16 },
		{ "c3", "\xff\xd8\xff\xe0", "image/jpeg", 4 },
	};
	struct agent_image image;
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		assert_int_equal(agent_journal_screenshot(&fixture->journal, rows[i].sha256,
						 (const unsigned char *)rows[i].bytes, rows[i].len,
						 NULL),
				CUA_OK);
		assert_int_equal(agent_journal_read_screenshot(
						 &fixture->journal, rows[i].sha256, &image, NULL),
				CUA_OK);
		assert_string_equal(image.media_type, rows[i].media_type);
		assert_int_equal(image.len, rows[i].len);
		assert_memory_equal(image.bytes, rows[i].bytes, rows[i].len);
		agent_image_finish(&image);
	}
	static const unsigned char none[] = "no picture";
	assert_int_equal(agent_journal_screenshot(&fixture->journal, "d4", none, 10, NULL), CUA_OK);
	assert_int_equal(agent_journal_read_screenshot(&fixture->journal, "d4", &image, NULL),
			CUA_ERR_POLICY);
	assert_int_equal(agent_journal_read_screenshot(&fixture->journal, "e5", &image, NULL),
			CUA_ERR_NOT_FOUND);
}

static void a_full_disk_leaves_whole_lines_and_files(void **state)
{
	struct fixture *fixture = *state;
	struct cua_error why = { 0 };
	signal(SIGXFSZ, SIG_IGN);
	append(fixture, "{\"type\":\"run_start\",\"task\":\"t\"}");
	CUA_AUTO_FREE char *before = read_back(fixture, "events.jsonl");
	limit_files(strlen(before) + 10);
	enum cua_status appended = agent_journal_append(
			&fixture->journal, cJSON_Parse("{\"type\":\"b\"}"), true, &why);
	limit_files(10);
	enum cua_status filed = file_png(&fixture->journal, SHA);
	struct cua_error report_why = { 0 };
	enum cua_status reported = agent_report_write(fixture->journal.dir_fd, NULL, &report_why);
	limit_files(RLIM_INFINITY);

	assert_int_equal(appended, CUA_ERR_IO);
	assert_int_equal(cua_status_class(why.status), CUA_CLASS_ENVIRONMENT);
	assert_non_null(strstr(why.msg, "events.jsonl"));
	assert_int_equal(filed, CUA_ERR_IO);
	assert_int_equal(reported, CUA_ERR_IO);
	CUA_AUTO_FREE char *after = read_back(fixture, "events.jsonl");
	assert_string_equal(after, before);
	assert_int_not_equal(faccessat(fixture->journal.dir_fd, "report.html", F_OK, 0), 0);
	assert_int_not_equal(faccessat(fixture->journal.dir_fd, ".report.html.part", F_OK, 0), 0);
	assert_int_not_equal(faccessat(fixture->journal.screenshots_fd, SHA ".png", F_OK, 0), 0);
	assert_int_not_equal(
			faccessat(fixture->journal.screenshots_fd, "." SHA ".png.part", F_OK, 0),
			0);
	append(fixture, "{\"type\":\"c\"}"); /* and it goes on when there is room again */
}

static void a_folder_that_cannot_be_made_is_an_error(void **state)
{
	(void)state;
	struct agent_journal journal;
	struct cua_error why = { 0 };
	assert_int_not_equal(agent_journal_create(&journal, "/proc/none/runs", NULL, &why), CUA_OK);
	assert_non_null(strstr(why.msg, "journal"));
	agent_journal_finish(&journal);
}

/* --- report --- */

#define EVIL "<script>alert(1)</script>\\\"'&"

static void fill(struct fixture *fixture)
{
	append(fixture,
			"{\"type\":\"run_start\",\"task\":\"" EVIL "\",\"model\":\"" EVIL
			"\",\"desktop\":\"d\",\"run\":\"r\"}");
	assert_int_equal(file_png(&fixture->journal, SHA), CUA_OK);
	append(fixture,
			"{\"type\":\"look\",\"screenshot\":\"" SHA
			"\",\"width\":1280,\"height\":800}");
	append(fixture, "{\"type\":\"turn\",\"step\":1,\"words\":\"" EVIL "\",\"ms\":1500}");
	append(fixture,
			"{\"type\":\"intent\",\"step\":1,\"actions\":["
			"{\"action\":\"click\",\"x\":412,\"y\":230},"
			"{\"action\":\"type\",\"text\":\"" EVIL "\"},"
			"{\"action\":\"drag\",\"path\":[[1,2],{\"x\":30,\"y\":40}]},"
			"{\"action\":\"scroll\",\"x\":5,\"y\":6,\"scroll_y\":3}]}");
	append(fixture,
			"{\"type\":\"result\",\"step\":1,\"status\":\"failed\",\"message\":\"" EVIL
			"\",\"ms\":30,\"settle\":{\"reason\":\"" EVIL "\",\"ms\":7},\"results\":[{"
			"\"action\":\"" EVIL "\",\"status\":\"no_visible_effect\"}],"
			"\"person_note\":\"" EVIL "\"}");
	append(fixture, "{\"type\":\"safety\",\"step\":1,\"checks\":[{\"message\":\"" EVIL "\"}]}");
	append(fixture, "{\"type\":\"look\",\"screenshot\":\"../../etc/passwd\",\"width\":7}");
}

static void reports_show_steps_and_escape_text(void **state)
{
	struct fixture *fixture = *state;
	fill(fixture);
	append(fixture, "{\"type\":\"run_end\",\"outcome\":\"done\",\"answer\":\"" EVIL "\"}");
	assert_int_equal(agent_report_write(fixture->journal.dir_fd, NULL, NULL), CUA_OK);
	CUA_AUTO_FREE char *html = read_back(fixture, "report.html");
	assert_null(strstr(html, "<script"));
	assert_null(strstr(html, "passwd"));
	assert_non_null(strstr(html, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"));
	assert_non_null(strstr(html,
			".p0{background-image:url(data:image/png;base64," PICTURE_BASE64 ")}"));
	assert_non_null(strstr(html, "viewBox=\"0 0 1280 800\""));
	assert_non_null(strstr(html, "cx=\"412\" cy=\"230\""));
	assert_non_null(strstr(html, "<li>click at 412, 230</li>"));
	assert_non_null(strstr(html, "aria-label=\"What the model saw before step 1"));
	assert_non_null(strstr(html, "Outcome: done"));
	assert_non_null(strstr(html, "</body></html>"));
	assert_null(strstr(html, "http://"));
	assert_null(strstr(html, "https://"));
}

static size_t count(const char *text, const char *what)
{
	size_t found = 0;
	for (const char *at = text; (at = strstr(at, what)); at++) {
		found++;
	}
	return found;
}

/* Three steps on one screen, one of which failed and one of which only waits; a request that failed
 * belongs to the step that it asked for; the second went on after a crash. */
static void reports_tell_steps_apart(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(file_png(&fixture->journal, SHA), CUA_OK);
	append(fixture, "{\"type\":\"run_start\",\"task\":\"t\",\"desktop\":\"d\"}");
	append(fixture,
			"{\"type\":\"look\",\"step\":0,\"screenshot\":\"" SHA
			"\",\"width\":8,\"height\":8}");
	append(fixture, "{\"type\":\"turn\",\"step\":1,\"words\":\"one\",\"cost_usd\":0.25}");
	append(fixture,
			"{\"type\":\"intent\",\"step\":1,\"call_id\":\"a\",\"actions\":[{"
			"\"action\":"
			"\"click\",\"x\":1,\"y\":2}]}");
	append(fixture,
			"{\"type\":\"result\",\"step\":1,\"call_id\":\"a\",\"status\":\"ok\","
			"\"ms\":5,"
			"\"screenshot\":\"" SHA "\",\"width\":8,\"height\":8}");
	append(fixture, "{\"type\":\"retry\",\"step\":2,\"message\":\"busy\"}");
	append(fixture, "{\"type\":\"turn\",\"step\":2,\"words\":\"two\"}");
	append(fixture,
			"{\"type\":\"intent\",\"step\":2,\"call_id\":\"b\",\"actions\":[{"
			"\"action\":"
			"\"key\",\"keys\":\"a\"}]}");
	append(fixture, "{\"type\":\"run_resume\",\"step\":2,\"desktop\":\"e\"}");
	append(fixture,
			"{\"type\":\"result\",\"step\":2,\"call_id\":\"b\",\"status\":"
			"\"uncertain\","
			"\"message\":\"not known\"}");
	append(fixture, "{\"type\":\"turn\",\"step\":3,\"words\":\"three\"}");
	append(fixture,
			"{\"type\":\"intent\",\"step\":3,\"call_id\":\"c\",\"actions\":[{"
			"\"action\":"
			"\"wait\",\"duration_ms\":9}]}");
	append(fixture,
			"{\"type\":\"run_end\",\"outcome\":\"done\",\"steps\":3,\"cost_usd\":0."
			"75}");
	assert_int_equal(agent_report_write(fixture->journal.dir_fd, NULL, NULL), CUA_OK);
	CUA_AUTO_FREE char *html = read_back(fixture, "report.html");
	assert_int_equal(count(html, PICTURE_BASE64), 1);
	assert_int_equal(count(html, "class=\"pic p0\""), 4); /* and at the end */
	assert_non_null(strstr(html, "<section id=\"s1\" class=\"step acts\""));
	assert_non_null(strstr(html, "<section id=\"s2\" class=\"step problem acts\""));
	assert_non_null(strstr(html, "<section id=\"s3\" class=\"step\""));
	assert_non_null(strstr(html, "All steps <b>3</b>"));
	assert_non_null(strstr(html, "Acting <b>2</b>"));
	assert_non_null(strstr(html, "Problems <b>1</b>"));
	assert_non_null(strstr(html, "Asked again: busy"));
	assert_non_null(strstr(html, "Uncertain: not known"));
	assert_non_null(strstr(html, "Here the run broke off"));
	assert_non_null(strstr(html, "0.2500 USD"));
	assert_non_null(strstr(html, "<dd>0.7500 USD</dd>"));
}

/* More than there is room for at first, each with a screen of its own. */
static void reports_take_hundreds_of_steps(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 1; i <= 200; i++) {
		char event[200];
		snprintf(event, sizeof(event),
				"{\"type\":\"look\",\"screenshot\":\"%064x\",\"width\":8,"
				"\"height\":8}",
				(unsigned)i);
		append(fixture, event);
		snprintf(event, sizeof(event),
				"{\"type\":\"turn\",\"step\":%d,\"words\":\"word %d.\"}", i, i);
		append(fixture, event);
	}
	assert_int_equal(agent_report_write(fixture->journal.dir_fd, NULL, NULL), CUA_OK);
	CUA_AUTO_FREE char *html = read_back(fixture, "report.html");
	assert_non_null(strstr(html, "All steps <b>200</b>"));
	assert_int_equal(count(html, "<section id=\"s"), 200);
	for (int i = 1; i <= 200; i++) {
		char shown[32], said[32];
		snprintf(shown, sizeof(shown), "pic p%d\"", i - 1);
		snprintf(said, sizeof(said), "<blockquote>word %d.", i);
		assert_int_equal(count(html, shown), i < 200 ? 1 : 2); /* and at the end */
		const char *step = strstr(html, shown);
		assert_ptr_equal(strstr(step, "<blockquote>"), strstr(html, said));
	}
}

static void a_broken_off_run_has_a_report(void **state)
{
	struct fixture *fixture = *state;
	fill(fixture);
	assert_int_equal(write(fixture->journal.events_fd, "{\"type\":\"tur", 12), 12);
	assert_int_equal(agent_report_write(fixture->journal.dir_fd, NULL, NULL), CUA_OK);
	CUA_AUTO_FREE char *html = read_back(fixture, "report.html");
	assert_non_null(strstr(html, "broken off"));
	assert_non_null(strstr(html, "Step 1"));
}

static void an_empty_journal_has_a_report(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(agent_report_write(fixture->journal.dir_fd, NULL, NULL), CUA_OK);
	CUA_AUTO_FREE char *html = read_back(fixture, "report.html");
	assert_non_null(strstr(html, "broken off"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(events_are_numbered_and_dated),
		TEST(only_the_owner_may_read),
		TEST(keys_are_blotted_out),
		TEST(a_screenshot_is_kept_once),
		TEST(a_picture_comes_back_as_what_it_is),
		TEST(a_full_disk_leaves_whole_lines_and_files),
		TEST(a_folder_that_cannot_be_made_is_an_error),
		TEST(reports_show_steps_and_escape_text),
		TEST(reports_tell_steps_apart),
		TEST(reports_take_hundreds_of_steps),
		TEST(a_broken_off_run_has_a_report),
		TEST(an_empty_journal_has_a_report),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

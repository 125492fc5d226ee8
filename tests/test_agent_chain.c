/* What was written shows when it is changed; what a crash tore is cut off; a full disk is waited
 * for. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/journal.h"
#include "agent/journal_read.h"
#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/test_agent_picture.h"

struct fixture {
	char dir[64], path[256];
	char sha256[65];
	struct agent_journal journal;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	unsigned char hash[crypto_hash_sha256_BYTES];
	strcpy(fixture->dir, "/tmp/cua-test-chain-XXXXXX");
	assert_true(sodium_init() >= 0);
	assert_non_null(mkdtemp(fixture->dir));
	assert_int_equal(setenv("CUA_STATE_DIR", fixture->dir, true), 0);
	assert_int_equal(agent_journal_create(&fixture->journal, fixture->dir, NULL, NULL), CUA_OK);
	snprintf(fixture->path, sizeof(fixture->path), "%s", fixture->journal.path);
	crypto_hash_sha256(hash, picture_png, sizeof(picture_png));
	sodium_bin2hex(fixture->sha256, sizeof(fixture->sha256), hash, sizeof(hash));
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

static void append(struct agent_journal *journal, const char *text)
{
	cJSON *event = cJSON_CreateObject();
	cJSON_AddStringToObject(event, "type", "note");
	cJSON_AddStringToObject(event, "text", text);
	assert_int_equal(agent_journal_append(journal, event, false, NULL), CUA_OK);
}

/* A run of so many events, the last but one naming a screenshot, and its end. */
static void fill(struct fixture *fixture, int events)
{
	char text[64];
	for (int i = 0; i < events; i++) {
		snprintf(text, sizeof(text), "\"screenshot\":\"%d\\ \xc3\xbc", i);
		append(&fixture->journal, text);
	}
	assert_int_equal(file_png(&fixture->journal, fixture->sha256), CUA_OK);
	cJSON *look = cJSON_CreateObject();
	cJSON_AddStringToObject(look, "type", "look");
	cJSON_AddStringToObject(look, "screenshot", fixture->sha256);
	assert_int_equal(agent_journal_append(&fixture->journal, look, true, NULL), CUA_OK);
	cJSON *end = cJSON_CreateObject();
	cJSON_AddStringToObject(end, "type", "run_end");
	assert_int_equal(agent_journal_end(&fixture->journal, end, NULL), CUA_OK);
	agent_journal_finish(&fixture->journal);
}

static enum cua_status verify(const struct fixture *fixture, const char *head_path,
		struct agent_journal_verdict *verdict, struct cua_error *why)
{
	CUA_AUTO_FD int dir_fd = open(fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return agent_journal_verify(
			dir_fd, strrchr(fixture->path, '/') + 1, head_path, verdict, why);
}

static char *file_in(const struct fixture *fixture, const char *leaf, char *path)
{
	snprintf(path, 400, "%s/%s", fixture->path, leaf);
	return path;
}

static void read_file(const char *path, struct cua_buffer *text)
{
	cua_buffer_init(text, 1 << 20);
	assert_int_equal(cua_file_read(path, text, NULL), CUA_OK);
}

static void write_file(const char *path, const char *data, size_t len)
{
	assert_int_equal(cua_file_write(path, data, len, 0600, NULL), CUA_OK);
}

/* --- changes --- */

static void a_whole_journal_verifies(void **state)
{
	struct fixture *fixture = *state;
	struct agent_journal_verdict verdict;
	struct stat info;
	char path[400];
	fill(fixture, 250);
	assert_int_equal(verify(fixture, NULL, &verdict, NULL), CUA_OK);
	assert_int_equal(verdict.events, 252);
	assert_int_equal(verdict.signed_seq, 252);
	assert_int_equal(verdict.screenshots, 1);
	assert_true(verdict.is_own_key);
	snprintf(path, sizeof(path), "%s/journal.key", fixture->dir);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
}

struct lines {
	size_t at[400], count;
};

static void find_lines(const struct cua_buffer *text, struct lines *lines)
{
	lines->count = 0;
	for (size_t at = 0; at < text->len; at++) {
		if (at == 0 || text->data[at - 1] == '\n') {
			lines->at[lines->count++] = at;
		}
	}
	lines->at[lines->count] = text->len;
}

/* One change of a kind at a random place. */
static void change(struct cua_buffer *text, int kind)
{
	struct lines lines;
	find_lines(text, &lines);
	const size_t i = randombytes_uniform((uint32_t)lines.count - 1);
	const size_t at = lines.at[i], next = lines.at[i + 1], after = lines.at[i + 2];
	CUA_AUTO_FREE char *line = strndup(text->data + at, next - at);
	switch (kind) {
	case 0: /* a bit */
		text->data[randombytes_uniform((uint32_t)text->len)] ^=
				(char)(1U << randombytes_uniform(8));
		break;
	case 1: /* a line less */
		memmove(text->data + at, text->data + next, text->len - next);
		text->len -= next - at;
		break;
	case 2: /* two lines change places */
		memmove(text->data + at, text->data + next, after - next);
		memcpy(text->data + at + (after - next), line, next - at);
		break;
	case 3: /* a line twice */
		assert_int_equal(cua_buffer_append(text, line, next - at, NULL), CUA_OK);
		memmove(text->data + next, text->data + at, text->len - next);
		break;
	default: /* the end is gone */
		text->len = randombytes_uniform((uint32_t)text->len);
	}
}

static void every_change_is_found(void **state)
{
	struct fixture *fixture = *state;
	struct agent_journal_verdict verdict;
	char path[400];
	fill(fixture, 120);
	file_in(fixture, "events.jsonl", path);
	CUA_AUTO_BUFFER struct cua_buffer whole;
	read_file(path, &whole);
	for (int trial = 0; trial < 1000; trial++) {
		CUA_AUTO_BUFFER struct cua_buffer text;
		cua_buffer_init(&text, 1 << 20);
		assert_int_equal(cua_buffer_append(&text, whole.data, whole.len, NULL), CUA_OK);
		change(&text, trial % 5);
		write_file(path, text.data, text.len);
		if (verify(fixture, NULL, &verdict, NULL) != CUA_ERR_POLICY) {
			fail_msg("a change of kind %d was not found", trial % 5);
		}
	}
	write_file(path, whole.data, whole.len);
	assert_int_equal(verify(fixture, NULL, &verdict, NULL), CUA_OK);
}

/* Whoever can write the folder can compute a chain; the signature they cannot. */
static void a_journal_written_anew_is_found(void **state)
{
	struct fixture *fixture = *state;
	struct agent_journal_verdict verdict;
	struct cua_error why = { 0 };
	char path[400];
	fill(fixture, 5);
	struct agent_chain chain = { 0 };
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, 1 << 20);
	for (int seq = 1; seq <= 7; seq++) {
		char object[64], *line = NULL;
		size_t len = 0;
		snprintf(object, sizeof(object), "{\"seq\":%d,\"type\":\"note\"}", seq);
		assert_int_equal(agent_chain_seal(&chain, object, &chain, &line, &len, NULL),
				CUA_OK);
		assert_int_equal(cua_buffer_append(&text, line, len, NULL), CUA_OK);
		free(line);
	}
	write_file(file_in(fixture, "events.jsonl", path), text.data, text.len);
	assert_int_equal(verify(fixture, NULL, &verdict, &why), CUA_ERR_POLICY);
	assert_non_null(strstr(why.msg, "written anew"));
	assert_int_equal(unlink(file_in(fixture, "head.json", path)), 0);
	assert_int_equal(verify(fixture, NULL, &verdict, NULL), CUA_OK);
	assert_int_equal(verdict.signed_seq, 0); /* and that is what it says */
}

static void a_copied_head_shows_that_the_end_is_gone(void **state)
{
	struct fixture *fixture = *state;
	struct agent_journal_verdict verdict;
	char path[400], copy[400];
	for (int i = 0; i < 100; i++) {
		append(&fixture->journal, "x"); /* the hundredth is signed */
	}
	CUA_AUTO_BUFFER struct cua_buffer early;
	CUA_AUTO_BUFFER struct cua_buffer early_head;
	read_file(file_in(fixture, "events.jsonl", path), &early);
	read_file(file_in(fixture, "head.json", path), &early_head);
	fill(fixture, 3);
	CUA_AUTO_BUFFER struct cua_buffer head;
	read_file(file_in(fixture, "head.json", path), &head);
	snprintf(copy, sizeof(copy), "%s/copy.json", fixture->dir);
	write_file(copy, head.data, head.len);
	assert_int_equal(verify(fixture, copy, &verdict, NULL), CUA_OK);

	write_file(path, early_head.data, early_head.len);
	write_file(file_in(fixture, "events.jsonl", path), early.data, early.len);
	assert_int_equal(verify(fixture, NULL, &verdict, NULL), CUA_OK); /* alone it cannot tell */
	assert_int_equal(verify(fixture, copy, &verdict, NULL), CUA_ERR_POLICY);
}

static void a_screenshot_that_changed_is_found(void **state)
{
	struct fixture *fixture = *state;
	struct agent_journal_verdict verdict;
	char path[400], leaf[128];
	fill(fixture, 1);
	snprintf(leaf, sizeof(leaf), "screenshots/%s.png", fixture->sha256);
	write_file(file_in(fixture, leaf, path), "other", 5);
	assert_int_equal(verify(fixture, NULL, &verdict, NULL), CUA_ERR_POLICY);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(verify(fixture, NULL, &verdict, NULL), CUA_ERR_POLICY);
}

static void a_key_that_others_can_read_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct agent_journal second;
	struct cua_error why = { 0 };
	char path[400];
	snprintf(path, sizeof(path), "%s/journal.key", fixture->dir);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(agent_journal_create(&second, fixture->dir, NULL, &why), CUA_ERR_POLICY);
	assert_non_null(strstr(why.msg, "chmod 600"));
	agent_journal_finish(&second);
}

/* --- going on --- */

static void a_torn_line_is_cut_off_and_kept(void **state)
{
	struct fixture *fixture = *state;
	struct agent_journal_verdict verdict;
	char path[400];
	int64_t cut = 0;
	append(&fixture->journal, "one");
	append(&fixture->journal, "two");
	assert_int_equal(write(fixture->journal.events_fd, "{\"seq\":3,\"ty", 12), 12);
	agent_journal_finish(&fixture->journal);
	assert_int_equal(agent_journal_open(&fixture->journal, fixture->path, &cut, NULL), CUA_OK);
	assert_int_equal(cut, 12);
	assert_int_equal(fixture->journal.seq, 2);
	append(&fixture->journal, "three");
	assert_int_equal(verify(fixture, NULL, &verdict, NULL), CUA_OK);
	assert_int_equal(verdict.events, 3);
	CUA_AUTO_BUFFER struct cua_buffer kept;
	read_file(file_in(fixture, "events.cut-3", path), &kept);
	assert_int_equal(kept.len, 12);
}

static void what_was_signed_is_never_cut_off(void **state)
{
	struct fixture *fixture = *state;
	struct cua_error why = { 0 };
	char path[400];
	int64_t cut = 0;
	fill(fixture, 3);
	CUA_AUTO_BUFFER struct cua_buffer text;
	read_file(file_in(fixture, "events.jsonl", path), &text);
	text.data[text.len / 2] ^= 1;
	write_file(path, text.data, text.len);
	assert_int_equal(agent_journal_open(&fixture->journal, fixture->path, &cut, &why),
			CUA_ERR_POLICY);
	assert_non_null(strstr(why.msg, "was changed"));
	CUA_AUTO_BUFFER struct cua_buffer after;
	read_file(path, &after);
	assert_int_equal(after.len, text.len);
}

static void a_journal_has_one_writer(void **state)
{
	struct fixture *fixture = *state;
	struct agent_journal second;
	int64_t cut = 0;
	append(&fixture->journal, "one");
	assert_true(agent_journal_is_held(fixture->journal.dir_fd));
	assert_int_equal(agent_journal_open(&second, fixture->path, &cut, NULL), CUA_ERR_EXISTS);
	agent_journal_finish(&second);
	CUA_AUTO_FD int dir_fd = dup(fixture->journal.dir_fd);
	agent_journal_finish(&fixture->journal);
	assert_false(agent_journal_is_held(dir_fd));
	assert_int_equal(agent_journal_open(&second, fixture->path, &cut, NULL), CUA_OK);
	agent_journal_finish(&second);
}

/* --- a full disk --- */

/* A small disk in a namespace of a child's own; skips where there is none to be had. */
static void on_small_disk(struct fixture *fixture, void (*play)(struct fixture *fixture))
{
	const pid_t pid = fork();
	if (pid == 0) {
		if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0 ||
				mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
				mount("none", fixture->dir, "tmpfs", 0, "size=20m") != 0) {
			_exit(77);
		}
		assert_int_equal(agent_journal_create(&fixture->journal, fixture->dir, NULL, NULL),
				CUA_OK);
		snprintf(fixture->path, sizeof(fixture->path), "%s", fixture->journal.path);
		play(fixture);
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		skip();
	}
	assert_int_equal(status, 0);
}

/* In the child a failed assertion has nobody to longjmp to. */
static void expect(bool is_true, int line)
{
	if (!is_true) {
		fprintf(stderr, "line %d does not hold\n", line);
		_exit(1);
	}
}
#define EXPECT(condition) expect(condition, __LINE__)

static void fill_disk(const struct fixture *fixture)
{
	static const char zeros[65536];
	char path[400];
	snprintf(path, sizeof(path), "%s/filler", fixture->dir);
	CUA_AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	for (size_t size = sizeof(zeros); size > 0; size /= 2) {
		while (write(fd, zeros, size) > 0) {
		}
	}
}

static int pauses;

static void make_room(const cJSON *event, void *user_data)
{
	const struct fixture *fixture = user_data;
	char path[400];
	if (cJSON_GetObjectItem(event, "seq")->valuedouble < 1) {
		pauses++;
		snprintf(path, sizeof(path), "%s/filler", fixture->dir);
		EXPECT(unlink(path) == 0);
	}
}

/* Appends lines of 4 KiB until the disk is full, and what the last one came to. */
static enum cua_status append_until_full(struct agent_journal *journal)
{
	CUA_AUTO_FREE char *text = malloc(4096);
	memset(text, 'x', 4095);
	text[4095] = '\0';
	for (int i = 0; i < 64; i++) {
		cJSON *event = cJSON_CreateObject();
		cJSON_AddStringToObject(event, "type", "note");
		cJSON_AddStringToObject(event, "text", text);
		enum cua_status status = agent_journal_append(journal, event, true, NULL);
		if (status != CUA_OK || pauses > 0) {
			return status;
		}
	}
	return CUA_OK;
}

static void play_room_comes(struct fixture *fixture)
{
	struct agent_journal_verdict verdict;
	fixture->journal.on_event = make_room;
	fixture->journal.user_data = fixture;
	fill_disk(fixture);
	EXPECT(append_until_full(&fixture->journal) == CUA_OK);
	EXPECT(pauses == 1);
	CUA_AUTO_JSON cJSON *events = NULL;
	EXPECT(agent_journal_events(fixture->journal.dir_fd, &events, NULL) == CUA_OK);
	const cJSON *last = cJSON_GetArrayItem(events, cJSON_GetArraySize(events) - 1);
	EXPECT(strcmp(cJSON_GetObjectItem(last, "type")->valuestring, "pause") == 0);
	EXPECT(cJSON_GetObjectItem(last, "ms")->valuedouble >= 1000);
	EXPECT(verify(fixture, NULL, &verdict, NULL) == CUA_OK);
}

static void a_full_disk_is_waited_for(void **state)
{
	on_small_disk(*state, play_room_comes);
}

static void play_screenshot(struct fixture *fixture)
{
	struct agent_journal_verdict verdict;
	fixture->journal.on_event = make_room;
	fixture->journal.user_data = fixture;
	fill_disk(fixture);
	EXPECT(file_png(&fixture->journal, fixture->sha256) == CUA_OK);
	EXPECT(pauses == 1);
	append(&fixture->journal, "after");
	EXPECT(verify(fixture, NULL, &verdict, NULL) == CUA_OK);
	EXPECT(verdict.events == 2);
}

static void a_screenshot_waits_for_room_too(void **state)
{
	on_small_disk(*state, play_screenshot);
}

/* Nobody makes room, and a person has had enough. */
static void play_no_room(struct fixture *fixture)
{
	struct agent_journal_verdict verdict;
	const uint64_t one = 1;
	fixture->journal.cancel_fd = eventfd(0, EFD_CLOEXEC);
	EXPECT(write(fixture->journal.cancel_fd, &one, sizeof(one)) == sizeof(one));
	fill_disk(fixture);
	EXPECT(append_until_full(&fixture->journal) == CUA_ERR_CANCELLED);
	cJSON *end = cJSON_CreateObject();
	cJSON_AddStringToObject(end, "type", "run_end");
	EXPECT(agent_journal_end(&fixture->journal, end, NULL) == CUA_OK);
	EXPECT(verify(fixture, NULL, &verdict, NULL) == CUA_OK);
	EXPECT(verdict.signed_seq == verdict.events);
}

static void the_end_is_written_on_a_full_disk(void **state)
{
	on_small_disk(*state, play_no_room);
}

static void play_no_ballast(struct fixture *fixture)
{
	struct agent_journal second;
	struct cua_error why = { 0 };
	EXPECT(agent_journal_create(&second, fixture->dir, NULL, &why) == CUA_ERR_IO);
	EXPECT(strstr(why.msg, "16 MiB of free disk") != NULL);
}

static void a_run_does_not_begin_without_room_for_its_end(void **state)
{
	on_small_disk(*state, play_no_ballast);
}

/* --- pictures that a power loss has torn --- */

static void append_type(struct agent_journal *journal, const char *type, const char *sha256)
{
	cJSON *event = cJSON_CreateObject();
	cJSON_AddStringToObject(event, "type", type);
	if (sha256) {
		cJSON_AddStringToObject(event, "screenshot", sha256);
	}
	assert_int_equal(agent_journal_append(journal, event, false, NULL), CUA_OK);
}

/* Events of a run that broke off; its picture is torn. How many are left when it goes on. */
static uint64_t count_left(struct fixture *fixture, const char *const *types, int64_t *ret_cut)
{
	char leaf[128], path[400];
	struct agent_journal *journal = &fixture->journal;
	assert_int_equal(file_png(journal, fixture->sha256), CUA_OK);
	for (; *types; types++) {
		append_type(journal, *types,
				strcmp(*types, "result") == 0 ? fixture->sha256 : NULL);
	}
	agent_journal_finish(journal);
	snprintf(leaf, sizeof(leaf), "screenshots/%s.png", fixture->sha256);
	write_file(file_in(fixture, leaf, path), "\x89PNG", 4);
	assert_int_equal(agent_journal_open(journal, fixture->path, ret_cut, NULL), CUA_OK);
	return journal->seq;
}

static void a_journal_ends_before_a_torn_picture(void **state)
{
	static const char *const types[] = { "turn", "intent", "note", "result", "answers", NULL };
	struct fixture *fixture = *state;
	struct agent_journal_verdict verdict;
	int64_t cut = 0;
	assert_int_equal(count_left(fixture, types, &cut), 3);
	assert_true(cut > 0);
	/* The same picture comes again, and is whole. */
	assert_int_equal(file_png(&fixture->journal, fixture->sha256), CUA_OK);
	append_type(&fixture->journal, "result", fixture->sha256);
	assert_int_equal(agent_journal_sync(&fixture->journal, NULL), CUA_OK);
	assert_int_equal(verify(fixture, NULL, &verdict, NULL), CUA_OK);
	assert_int_equal(verdict.screenshots, 1);
}

/* What a turn or an intent follows was on the disk: no power loss tore it. */
static void a_picture_that_was_on_the_disk_cuts_nothing(void **state)
{
	static const char *const types[] = { "result", "answers", "turn", "note", NULL };
	int64_t cut = 0;
	assert_int_equal(count_left(*state, types, &cut), 4);
	assert_int_equal(cut, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_whole_journal_verifies),
		TEST(every_change_is_found),
		TEST(a_journal_written_anew_is_found),
		TEST(a_copied_head_shows_that_the_end_is_gone),
		TEST(a_screenshot_that_changed_is_found),
		TEST(a_key_that_others_can_read_is_refused),
		TEST(a_torn_line_is_cut_off_and_kept),
		TEST(what_was_signed_is_never_cut_off),
		TEST(a_journal_has_one_writer),
		TEST(a_full_disk_is_waited_for),
		TEST(a_screenshot_waits_for_room_too),
		TEST(the_end_is_written_on_a_full_disk),
		TEST(a_run_does_not_begin_without_room_for_its_end),
		TEST(a_journal_ends_before_a_torn_picture),
		TEST(a_picture_that_was_on_the_disk_cuts_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* `cua serve`: the files of a project, in a folder into which agents put what they like. */

#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/serve_stage.h"

#define FILES "/v1/projects/default/files"
#define CONTENT FILES "/content?path="

static struct serve_stage stage;
static char token[128]; /* of this test: all together ask more often than one may */

static int begin(void **state)
{
	(void)state;
	serve_stage_open(&stage);
	cJSON_Delete(serve_json(&stage, "GET", FILES, NULL, 200)); /* makes the folder */
	return 0;
}

static int finish(void **state)
{
	(void)state;
	serve_stage_close(&stage);
	return 0;
}

static int take_token(void **state)
{
	static int count;
	char body[100];
	(void)state;
	snprintf(body, sizeof(body), "{\"name\":\"files %d\",\"scopes\":[\"watch\",\"act\"]}",
			count++);
	CUA_AUTO_JSON cJSON *made = serve_json(&stage, "POST", "/v1/tokens", body, 201);
	snprintf(token, sizeof(token), "%s", cua_json_text(made, "token"));
	return 0;
}

/* What an agent does, in the folder itself. */
static const char *inside(const char *name)
{
	char leaf[512];
	snprintf(leaf, sizeof(leaf), "state/projects/default/workspace/%s", name);
	return world_path(&stage.world, leaf);
}

static struct serve_answer send_with(const char *method, const char *target, const char *body,
		const char *header, const char *other)
{
	const struct serve_call call = { method, target, body, token,
		{ "Content-Type: application/octet-stream", header, header ? other : NULL } };
	return serve_send(&stage, &call);
}

static const char *body_of(const char *method)
{
	return strcmp(method, "PUT") == 0 ? "x" : NULL;
}

static void expect_text(const char *target, const char *expected)
{
	struct serve_answer answer = send_with("GET", target, NULL, NULL, NULL);
	if (answer.status != 200 || strcmp(answer.text ? answer.text : "", expected) != 0) {
		fail_msg("%s: %ld %s", target, answer.status, answer.text ? answer.text : "");
	}
	serve_answer_finish(&answer);
}

static void expect_status_of(
		const char *method, const char *target, const char *body, long expected)
{
	struct serve_answer answer = send_with(method, target, body, NULL, NULL);
	if (answer.status != expected) {
		fail_msg("%s %s: %ld %s", method, target, answer.status,
				answer.text ? answer.text : "");
	}
	serve_answer_finish(&answer);
}

/* --- what it is for --- */

static void files_are_written_read_listed_and_deleted(void **state)
{
	(void)state;
	expect_status_of("PUT", CONTENT "docs/deep/a%20%26b%3D.txt", "one", 200);
	expect_text(CONTENT "docs/deep/a%20%26b%3D.txt", "one");
	expect_status_of("PUT", CONTENT "docs/deep/a%20%26b%3D.txt", "two", 200);
	expect_text(CONTENT "docs/deep/a%20%26b%3D.txt", "two");
	expect_status_of("POST", FILES "/folders?path=docs/empty/x", NULL, 204);
	expect_status_of("POST", FILES "/folders?path=docs/empty/x", NULL, 204);
	CUA_AUTO_JSON cJSON *list = serve_json(&stage, "GET", FILES "?path=docs", NULL, 200);
	const cJSON *items = cua_json_member(list, "items");
	assert_int_equal(cJSON_GetArraySize(items), 2);
	assert_string_equal(cua_json_text(items->child, "name"), "deep");
	assert_string_equal(cua_json_text(items->child, "type"), "folder");
	CUA_AUTO_JSON cJSON *deep = serve_json(&stage, "GET", FILES "?path=docs/deep", NULL, 200);
	const cJSON *file = cua_json_member(deep, "items")->child;
	assert_string_equal(cua_json_text(file, "name"), "a &b=.txt");
	assert_string_equal(cua_json_text(file, "type"), "file");
	assert_int_equal(cua_json_int(file, "bytes"), 3);
	assert_null(file->next); /* what is written beside it is gone */
	expect_status_of("PUT", CONTENT "docs/deep", "x", 409);
	expect_status_of("PUT", CONTENT "docs/deep/a%20%26b%3D.txt/b", "x", 400);
	expect_status_of("GET", CONTENT "docs/deep", NULL, 400);
	expect_status_of("DELETE", FILES "?path=docs", NULL, 204);
	expect_status_of("DELETE", FILES "?path=docs", NULL, 404);
	expect_status_of("GET", FILES "?path=docs", NULL, 404);
	expect_status_of("GET", "/v1/projects/none/files", NULL, 404);
}

static void who_watches_changes_nothing(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *watcher = serve_json(&stage, "POST", "/v1/tokens",
			"{\"name\":\"files\",\"scopes\":[\"watch\"]}", 201);
	static const struct {
		const char *method, *target;
		long status;
	} calls[] = { { "GET", FILES, 200 }, { "PUT", CONTENT "a", 403 },
		{ "DELETE", FILES "?path=a", 403 }, { "POST", FILES "/folders?path=a", 403 },
		{ "GET", FILES "/upload?path=a", 200 }, { "GET", CONTENT "a", 404 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(calls); i++) {
		const struct serve_call call = { calls[i].method, calls[i].target, NULL,
			cua_json_text(watcher, "token"), { 0 } };
		struct serve_answer answer = serve_send(&stage, &call);
		if (answer.status != calls[i].status) {
			fail_msg("%s %s: %ld", call.method, call.path, answer.status);
		}
		serve_answer_finish(&answer);
	}
}

static void lists_come_in_pages(void **state)
{
	(void)state;
	char target[400], after[256] = "", name[32];
	int count = 0;
	for (int i = 0; i < 23; i++) {
		snprintf(target, sizeof(target), CONTENT "many/%02d", (i * 7) % 23);
		expect_status_of("PUT", target, "x", 200);
	}
	do {
		snprintf(target, sizeof(target), FILES "?path=many&limit=5&after=%s", after);
		CUA_AUTO_JSON cJSON *page = serve_json(&stage, "GET",
				after[0] ? target : FILES "?path=many&limit=5", NULL, 200);
		const cJSON *item = NULL;
		cJSON_ArrayForEach (item, cua_json_member(page, "items")) {
			snprintf(name, sizeof(name), "%02d", count++);
			assert_string_equal(cua_json_text(item, "name"), name);
		}
		snprintf(after, sizeof(after), "%s", cua_json_text(page, "next"));
	} while (after[0]);
	assert_int_equal(count, 23);
}

static void parts_are_read_by_range(void **state)
{
	(void)state;
	static const struct {
		const char *range;
		long status;
		const char *text, *says;
	} ranges[] = { { "Range: bytes=0-0", 206, "0", "content-range: bytes 0-0/10\r\n" },
		{ "Range: bytes=7-", 206, "789", "bytes 7-9/10" },
		{ "Range: bytes=-2", 206, "89", "bytes 8-9/10" },
		{ "Range: bytes=-99", 206, "0123456789", "bytes 0-9/10" },
		{ "Range: bytes=3-999999999999999999999999", 206, "3456789", "bytes 3-9/10" },
		{ "Range: bytes=10-", 416, NULL, "content-range: bytes */10\r\n" },
		{ "Range: bytes=-0", 416, NULL, "bytes */10" },
		{ "Range: bytes=0-1,3-4", 200, "0123456789", "accept-ranges: bytes" },
		{ "Range: bytes=5-3", 200, "0123456789", "" },
		{ "Range: lines=1-2", 200, "0123456789", "" },
		{ "Range: bytes=-", 200, "0123456789", "" },
		{ "Range: bytes=+1-2", 200, "0123456789", "" } };
	expect_status_of("PUT", CONTENT "ten", "0123456789", 200);
	for (size_t i = 0; i < CUA_ARRAY_LEN(ranges); i++) {
		struct serve_answer answer =
				send_with("GET", CONTENT "ten", NULL, ranges[i].range, NULL);
		if (answer.status != ranges[i].status || !strstr(answer.headers, ranges[i].says) ||
				(ranges[i].text && strcmp(answer.text, ranges[i].text) != 0)) {
			fail_msg("%s: %ld %s %s", ranges[i].range, answer.status, answer.headers,
					answer.text);
		}
		serve_answer_finish(&answer);
	}
}

static void a_tag_says_whether_it_has_changed(void **state)
{
	(void)state;
	char tag[128] = "", header[160], other[160];
	expect_status_of("PUT", CONTENT "tagged", "abc", 200);
	struct serve_answer answer = send_with("GET", CONTENT "tagged", NULL, NULL, NULL);
	assert_int_equal(sscanf(strstr(answer.headers, "etag: "), "etag: %127s", tag), 1);
	serve_answer_finish(&answer);
	snprintf(header, sizeof(header), "If-None-Match: %s", tag);
	snprintf(other, sizeof(other), "If-Range: %s", tag);
	answer = send_with("GET", CONTENT "tagged", NULL, header, NULL);
	assert_int_equal(answer.status, 304);
	serve_answer_finish(&answer);
	answer = send_with("GET", CONTENT "tagged", NULL, "Range: bytes=1-1", other);
	assert_int_equal(answer.status, 206);
	serve_answer_finish(&answer);
	/* The rest of what it was is not the rest of what it is. */
	expect_status_of("PUT", CONTENT "tagged", "abd", 200);
	answer = send_with("GET", CONTENT "tagged", NULL, "Range: bytes=1-1", other);
	assert_int_equal(answer.status, 200);
	serve_answer_finish(&answer);
	answer = send_with("GET", CONTENT "tagged", NULL, header, NULL);
	assert_int_equal(answer.status, 200);
	serve_answer_finish(&answer);
}

static void a_large_file_is_read_in_parts(void **state)
{
	(void)state;
	const off_t size = ((off_t)1 << 40) + 3;
	expect_status_of("PUT", CONTENT "large", "x", 200);
	assert_int_equal(truncate(inside("large"), size), 0);
	struct serve_answer answer = send_with("GET", CONTENT "large", NULL, NULL, NULL);
	assert_int_equal(answer.status, 413);
	assert_says(answer.text, "Range: bytes=0-33554431");
	serve_answer_finish(&answer);
	answer = send_with("GET", CONTENT "large", NULL, "Range: bytes=-3", NULL);
	assert_int_equal(answer.status, 206);
	assert_says(answer.headers,
			"content-range: bytes 1099511627776-1099511627778/1099511627779");
	serve_answer_finish(&answer);
	const struct serve_call head = { "GET", CONTENT "large", NULL, NULL,
		{ "Range: bytes=5-40000000" } };
	answer = serve_send(&stage, &head);
	assert_says(answer.headers, "content-range: bytes 5-33554436/");
	serve_answer_finish(&answer);
	expect_status_of("DELETE", FILES "?path=large", NULL, 204);
}

/* --- pieces --- */

static void expect_piece(
		const char *offset, const char *target, const char *body, long status, int ends_at)
{
	struct serve_answer answer = send_with("PUT", target, body, offset, NULL);
	if (answer.status != status || cua_json_int(answer.json, "offset") != ends_at) {
		fail_msg("%s %s: %ld %s", offset, target, answer.status, answer.text);
	}
	serve_answer_finish(&answer);
}

static void expect_offset(int expected)
{
	CUA_AUTO_JSON cJSON *upload =
			serve_json(&stage, "GET", FILES "/upload?path=up/big.bin", NULL, 200);
	assert_int_equal(cua_json_int(upload, "offset"), expected);
}

static void an_upload_goes_on_after_a_sigkill(void **state)
{
	(void)state;
	const char *target = CONTENT "up/big.bin";
	expect_offset(0);
	expect_piece("Upload-Offset: 5", target, "x", 409, 0);
	expect_piece("Upload-Offset: 0", target, "first ", 200, 6);
	expect_status_of("GET", target, NULL, 404);
	serve_stage_kill_and_start(&stage);
	expect_offset(6);
	expect_piece("Upload-Offset: 3", target, "wrong", 409, 6);
	expect_piece("Upload-Offset: 6", target, "second ", 200, 13);
	CUA_AUTO_JSON cJSON *list = serve_json(&stage, "GET", FILES "?path=up", NULL, 200);
	assert_null(cua_json_member(list, "items")->child);
	expect_piece("Upload-Offset: 13", CONTENT "up/big.bin&complete=true", "third", 200, 18);
	expect_text(target, "first second third");
	expect_offset(0);
	/* Begun again, and given up. */
	expect_piece("Upload-Offset: 0", target, "other", 200, 5);
	expect_text(target, "first second third");
	expect_status_of("DELETE", FILES "?path=up/big.bin", NULL, 204);
	expect_offset(0);
	struct serve_answer answer = send_with("PUT", target, "x", "Upload-Offset: -1", NULL);
	assert_int_equal(answer.status, 400);
	serve_answer_finish(&answer);
}

/* What is kept may be exchanged for a link by who knows its name. */
static void a_link_in_the_place_of_an_upload_is_not_written_to(void **state)
{
	(void)state;
	char secret[512], kept[512];
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, 100);
	snprintf(secret, sizeof(secret), "%s", world_path(&stage.world, "kept-secret"));
	assert_int_equal(cua_file_write(secret, "abc", 3, 0600, NULL), CUA_OK);
	expect_piece("Upload-Offset: 0", CONTENT "swapped", "abc", 200, 3);
	snprintf(kept, sizeof(kept), "find %.400s -maxdepth 1 -name '.cua-upload-*'", inside(""));
	FILE *found = popen(kept, "r");
	assert_non_null(found);
	assert_int_equal(fscanf(found, "%511s", kept), 1);
	pclose(found);
	assert_int_equal(unlink(kept), 0);
	assert_int_equal(symlink(secret, kept), 0);
	expect_piece("Upload-Offset: 3", CONTENT "swapped", "def", 409, 0);
	expect_piece("Upload-Offset: 0", CONTENT "swapped&complete=true", "new", 200, 3);
	expect_text(CONTENT "swapped", "new");
	assert_int_equal(cua_file_read(secret, &text, NULL), CUA_OK);
	assert_string_equal(text.data, "abc");
}

/* --- what agents put there --- */

static void paths_that_are_none_are_refused(void **state)
{
	(void)state;
	char long_name[256 + 8] = "", long_path[1600] = "a";
	memset(long_name, 'n', 256);
	for (size_t len = 1; len < 1550; len += 2) {
		snprintf(long_path + len, sizeof(long_path) - len, "/a");
	}
	const char *const paths[] = { "", "/", "//", "/etc/passwd", "%2Fetc%2Fpasswd", "..", ".",
		"../x", "a/../../x", "a/..", "a/.", "./a", "a//b", "a/", "/a", "%2e%2e",
		"%2e%2e%2fx", "a%2f..%2fb", "a%0ab", "a%0d%0ab", "a%01", "a%7f", "a%09b", "%ff",
		"a%c3", "%c0%ae%c0%ae/x", "%ed%a0%80", ".cua-upload-", ".cua-upload-00",
		"a/.cua-upload-00/b", long_name, long_path };
	static const struct {
		const char *method, *target;
	} calls[] = { { "GET", FILES "/content" }, { "PUT", FILES "/content" }, { "DELETE", FILES },
		{ "POST", FILES "/folders" }, { "GET", FILES "/upload" } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(paths); i++) {
		for (size_t k = 0; k < CUA_ARRAY_LEN(calls); k++) {
			char target[1800];
			snprintf(target, sizeof(target), "%s?path=%s", calls[k].target, paths[i]);
			expect_status_of(calls[k].method, target, body_of(calls[k].method), 400);
		}
	}
	expect_status_of("GET", FILES "?path=../..", NULL, 400);
	expect_status_of("DELETE", FILES, NULL, 400);
}

/* libwebsockets hangs up on some of these, before anything of ours sees them. */
static void a_zero_byte_ends_no_path(void **state)
{
	(void)state;
	static const char *const paths[] = { "cut%00", "cut%00.txt", "%00cut" };
	expect_status_of("PUT", CONTENT "cut", "whole", 200);
	for (size_t i = 0; i < CUA_ARRAY_LEN(paths); i++) {
		char url[256], header[200];
		long status = 0;
		CURL *curl = curl_easy_init();
		snprintf(url, sizeof(url), "%s" CONTENT "%s", stage.base, paths[i]);
		snprintf(header, sizeof(header), "Authorization: Bearer %s", token);
		struct curl_slist *headers = curl_slist_append(NULL, header);
		curl_easy_setopt(curl, CURLOPT_URL, url);
		curl_easy_setopt(curl, CURLOPT_PROXY, "");
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		assert_int_equal(curl_easy_perform(curl), CURLE_OK);
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		curl_slist_free_all(headers);
		curl_easy_cleanup(curl);
		assert_int_equal(status, 400);
	}
	expect_text(CONTENT "cut", "whole");
}

static void nothing_is_reached_through_a_link(void **state)
{
	(void)state;
	char outside[512];
	struct stat info;
	snprintf(outside, sizeof(outside), "%s", world_path(&stage.world, "outside"));
	assert_int_equal(mkdir(outside, 0755), 0);
	const char *file = world_path(&stage.world, "outside/file");
	assert_int_equal(cua_file_write(file, "kept", 4, 0600, NULL), CUA_OK);
	assert_int_equal(symlink("/etc/passwd", inside("passwd")), 0);
	assert_int_equal(symlink(outside, inside("out")), 0);
	assert_int_equal(symlink("/proc/self/root", inside("magic")), 0);
	static const struct {
		const char *method, *target;
	} calls[] = { { "GET", CONTENT "passwd" }, { "GET", CONTENT "out/file" },
		{ "GET", FILES "?path=out" }, { "PUT", CONTENT "out/new" },
		{ "DELETE", FILES "?path=out/file" }, { "POST", FILES "/folders?path=out/new" },
		{ "POST", FILES "/folders?path=out" }, { "GET", FILES "?path=magic" },
		{ "GET", CONTENT "magic/etc/passwd" } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(calls); i++) {
		struct serve_answer answer = send_with(calls[i].method, calls[i].target,
				body_of(calls[i].method), NULL, NULL);
		if ((answer.status != 403 && answer.status != 400) ||
				strstr(answer.text, "root:x")) {
			fail_msg("%s %s: %ld %s", calls[i].method, calls[i].target, answer.status,
					answer.text);
		}
		serve_answer_finish(&answer);
	}
	/* A write takes a link's place; a link is deleted itself. */
	expect_status_of("PUT", CONTENT "passwd", "mine", 200);
	expect_text(CONTENT "passwd", "mine");
	expect_status_of("PUT", CONTENT "tree/a/b", "x", 200);
	assert_int_equal(symlink(outside, inside("tree/a/out")), 0);
	expect_status_of("DELETE", FILES "?path=tree", NULL, 204);
	expect_status_of("DELETE", FILES "?path=out", NULL, 204);
	expect_status_of("DELETE", FILES "?path=magic", NULL, 204);
	assert_int_equal(stat(world_path(&stage.world, "outside/file"), &info), 0);
	assert_int_equal(access("/etc/passwd", F_OK), 0);
}

/* A folder and a link change places all the time, until the write end of the pipe is closed. */
static pid_t begin_swapping(int *ret_end)
{
	int ends[2];
	char folder[512], link[512], byte;
	snprintf(folder, sizeof(folder), "%s", inside("swap"));
	snprintf(link, sizeof(link), "%s", inside("swap-link"));
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(ends[1]);
		while (read(ends[0], &byte, 1) < 0) {
			renameat2(AT_FDCWD, folder, AT_FDCWD, link, RENAME_EXCHANGE);
		}
		_exit(0);
	}
	close(ends[0]);
	*ret_end = ends[1];
	return pid;
}

static void a_swapped_folder_leads_nowhere(void **state)
{
	(void)state;
	static const struct {
		const char *method, *target;
	} calls[] = { { "PUT", CONTENT "swap/a/b" }, { "GET", CONTENT "swap/victim" },
		{ "DELETE", FILES "?path=swap/victim" }, { "POST", FILES "/folders?path=swap/c/d" },
		{ "DELETE", FILES "?path=swap/a" } };
	char outside[512], target[512];
	int end = -1, status = 0, led_astray = 0, done = 0;
	snprintf(outside, sizeof(outside), "%s", world_path(&stage.world, "elsewhere"));
	snprintf(target, sizeof(target), "%s", world_path(&stage.world, "elsewhere/victim"));
	assert_int_equal(mkdir(outside, 0755), 0);
	assert_int_equal(cua_file_write(target, "secret", 6, 0644, NULL), CUA_OK);
	assert_int_equal(mkdir(inside("swap"), 0755), 0);
	assert_int_equal(symlink(outside, inside("swap-link")), 0);
	const pid_t pid = begin_swapping(&end);
	for (size_t i = 0; i < 300; i++) {
		const size_t k = i % CUA_ARRAY_LEN(calls);
		struct serve_answer answer = send_with(calls[k].method, calls[k].target,
				body_of(calls[k].method), NULL, NULL);
		led_astray += answer.text && strstr(answer.text, "secret");
		done += answer.status < 300;
		serve_answer_finish(&answer);
	}
	close(end);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(led_astray, 0);
	assert_true(done > 0);
	/* Nothing was made there, and what was there is. */
	assert_int_equal(unlink(target), 0);
	assert_int_equal(rmdir(outside), 0);
}

static void what_is_no_file_is_never_opened(void **state)
{
	(void)state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	assert_int_equal(mkfifo(inside("fifo"), 0600), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", inside("socket"));
	CUA_AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	expect_status_of("GET", CONTENT "fifo", NULL, 400);
	expect_status_of("GET", CONTENT "socket", NULL, 400);
	expect_status_of("GET", FILES "?path=fifo", NULL, 400);
	CUA_AUTO_JSON cJSON *list =
			serve_json(&stage, "GET", FILES "?limit=1&after=fife", NULL, 200);
	assert_string_equal(cua_json_text(cua_json_member(list, "items")->child, "type"), "other");
	expect_status_of("PUT", CONTENT "fifo", "now a file", 200);
	expect_text(CONTENT "fifo", "now a file");
	expect_status_of("DELETE", FILES "?path=socket", NULL, 204);
}

static void nasty_names_are_told_safely(void **state)
{
	(void)state;
	static const struct {
		const char *path, *says;
	} names[] = {
		{ "a%22%3B%20filename%3Dx.html",
				"filename=\"a_; filename=x.html\"; "
				"filename*=UTF-8''a%22%3B%20filename%3Dx.html\r\n" },
		{ "%C3%A9%E2%82%AC.txt",
				"filename=\"_____.txt\"; "
				"filename*=UTF-8''%C3%A9%E2%82%AC.txt\r\n" },
		{ "b%5C%25%27%2A.html", "filename=\"b__'*.html\"; filename*=UTF-8''b%5C%25%27%2A" },
	};
	expect_status_of("POST", FILES "/folders?path=nasty", NULL, 204);
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		char target[200];
		snprintf(target, sizeof(target), CONTENT "nasty/%s", names[i].path);
		expect_status_of("PUT", target, "<script>", 200);
		struct serve_answer answer = send_with("GET", target, NULL, NULL, NULL);
		assert_int_equal(answer.status, 200);
		assert_says(answer.headers, names[i].says);
		assert_says(answer.headers, "content-disposition: attachment;");
		assert_says(answer.headers, "content-type: application/octet-stream");
		assert_says(answer.headers, "x-content-type-options: nosniff");
		serve_answer_finish(&answer);
	}
	/* Which no path can name, but every list. */
	assert_int_equal(cua_file_write(inside("nasty/1\r\nx: y"), "", 0, 0600, NULL), CUA_OK);
	assert_int_equal(cua_file_write(inside("nasty/2\xff\"<"), "", 0, 0600, NULL), CUA_OK);
	CUA_AUTO_JSON cJSON *list = serve_json(&stage, "GET", FILES "?path=nasty", NULL, 200);
	const cJSON *first = cua_json_member(list, "items")->child;
	assert_string_equal(cua_json_text(first, "name"), "1??x: y");
	assert_true(cJSON_IsFalse(cua_json_member(first, "reachable")));
	assert_string_equal(cua_json_text(first->next, "name"), "2?\"<");
	expect_status_of("DELETE", FILES "?path=nasty", NULL, 204);
}

/* On a disk of 8 MiB. */
static void some_of_the_disk_stays_free(void **state)
{
	(void)state;
	expect_status_of("POST", FILES "/folders?path=small", NULL, 204);
	if (mount("tmpfs", inside("small"), "tmpfs", 0, "size=8m") != 0) {
		skip();
	}
	struct serve_answer answer = send_with("PUT", CONTENT "small/a", "x", NULL, NULL);
	umount(inside("small"));
	assert_int_equal(answer.status, 507);
	assert_says(answer.text, "256 MiB");
	serve_answer_finish(&answer);
}

#define TEST(test) cmocka_unit_test_setup(test, take_token)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_are_written_read_listed_and_deleted),
		TEST(who_watches_changes_nothing),
		TEST(lists_come_in_pages),
		TEST(parts_are_read_by_range),
		TEST(a_tag_says_whether_it_has_changed),
		TEST(a_large_file_is_read_in_parts),
		TEST(an_upload_goes_on_after_a_sigkill),
		TEST(a_link_in_the_place_of_an_upload_is_not_written_to),
		TEST(paths_that_are_none_are_refused),
		TEST(a_zero_byte_ends_no_path),
		TEST(nothing_is_reached_through_a_link),
		TEST(a_swapped_folder_leads_nowhere),
		TEST(what_is_no_file_is_never_opened),
		TEST(nasty_names_are_told_safely),
		TEST(some_of_the_disk_stays_free),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}

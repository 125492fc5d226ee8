/* `cua serve`: the files of a project as an archive, and back; archives that lead elsewhere. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/files.h"
#include "tests/serve_socket.h"

#define LARGE_LEN ((size_t)24 << 20)
#define SPARSE_LEN ((off_t)8 << 40)
#define SPARSE_EARLY ((off_t)1 << 20)
#define SPARSE_LATE ((off_t)5 << 40)

static struct serve_stage stage;
static char from[200], into[200]; /* folders of projects */

/* A new project, and its folder. */
static void make_project(const char *name, char id[64], char folder[200])
{
	char body[100], path[200];
	snprintf(body, sizeof(body), "{\"name\":\"%s\"}", name);
	CUA_AUTO_JSON cJSON *project = serve_json(&stage, "POST", "/v1/projects", body, 201);
	snprintf(id, 64, "%s", cua_json_text(project, "id"));
	snprintf(path, sizeof(path), "/v1/projects/%s/files/folders?path=made", id);
	cJSON_Delete(serve_json(&stage, "POST", path, NULL, 204));
	snprintf(path, sizeof(path), "state/projects/%s/workspace", id);
	snprintf(folder, 200, "%s", world_path(&stage.world, path));
}

static char source[64], target[64]; /* their ids */

static int begin(void **state)
{
	(void)state;
	serve_stage_open(&stage);
	make_project("from", source, from);
	make_project("into", target, into);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	serve_stage_close(&stage);
	return 0;
}

static const char *path_in(const char *folder, const char *name)
{
	static char paths[4][400];
	static int next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void write_in(
		const char *folder, const char *name, const void *data, size_t len, mode_t mode)
{
	assert_int_equal(cua_file_write(path_in(folder, name), data, len, mode, NULL), CUA_OK);
}

static bool holds(const char *folder, const char *name, const void *data, size_t len)
{
	struct cua_buffer bytes;
	cua_buffer_init(&bytes, LARGE_LEN + 1);
	const bool is_same = cua_file_read(path_in(folder, name), &bytes, NULL) == CUA_OK &&
			bytes.len == len && (len == 0 || memcmp(bytes.data, data, len) == 0);
	cua_buffer_finish(&bytes);
	return is_same;
}

static bool is_there(const char *folder, const char *name)
{
	struct stat info;
	return lstat(path_in(folder, name), &info) == 0;
}

/* The archive of a project, into a file of another; up to so many bytes. */
static void back_up(const char *id, const char *to, size_t most)
{
	static char bytes[1 << 16];
	char path[200];
	size_t count = 0;
	ssize_t got = 0;
	CUA_AUTO_FD int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	snprintf(path, sizeof(path), "/v1/projects/%s/backup", id);
	struct serve_socket socket = serve_socket_open(&stage, path, false, NULL, NULL);
	assert_int_equal(socket.status, 200);
	while (count < most && (got = read(socket.fd, bytes, sizeof(bytes))) > 0) {
		assert_true(cua_write_all(fd, bytes, (size_t)got));
		count += (size_t)got;
	}
	serve_socket_close(&socket);
}

static cJSON *restore(const char *name, long expected)
{
	char path[200];
	snprintf(path, sizeof(path), "/v1/projects/%s/restore?path=%s", target, name);
	return serve_json(&stage, "POST", path, NULL, expected);
}

static void what_was_there_comes_back(void **state)
{
	static const char text[] = "caf\xc3\xa9\n";
	struct stat info;
	char link[64] = "";
	(void)state;
	CUA_AUTO_FREE char *large = malloc(LARGE_LEN);
	assert_non_null(large);
	for (size_t i = 0; i < LARGE_LEN; i++) {
		large[i] = (char)(i * 2654435761u >> 13);
	}
	assert_int_equal(mkdir(path_in(from, "docs"), 0755), 0);
	assert_int_equal(mkdir(path_in(from, "docs/empty"), 0755), 0);
	write_in(from, "docs/caf\xc3\xa9.txt", text, strlen(text), 0644);
	write_in(from, "run.sh", "#!/bin/sh\n", 10, 0755);
	write_in(from, "large", large, LARGE_LEN, 0600);
	write_in(from, "nothing", "", 0, 0644);
	assert_int_equal(symlink("../run.sh", path_in(from, "docs/link")), 0);
	assert_int_equal(symlink("/etc", path_in(from, "away")), 0);
	assert_int_equal(mkfifo(path_in(from, "pipe"), 0644), 0);
	back_up(source, path_in(into, "all.tar"), SIZE_MAX);
	CUA_AUTO_JSON cJSON *restored = restore("all.tar", 200);
	assert_int_equal(cua_json_int(restored, "files"), 4);
	assert_int_equal(cua_json_int(restored, "folders"), 3);
	assert_int_equal(cua_json_int(restored, "links"), 2);
	assert_int_equal(cua_json_int(restored, "left_out"), 0);
	assert_true(holds(into, "docs/caf\xc3\xa9.txt", text, strlen(text)));
	assert_true(holds(into, "large", large, LARGE_LEN));
	assert_true(holds(into, "nothing", "", 0));
	assert_int_equal(stat(path_in(into, "run.sh"), &info), 0);
	assert_int_equal(info.st_mode & 07777, 0755);
	assert_true(is_there(into, "docs/empty"));
	assert_false(is_there(into, "pipe"));
	assert_true(readlink(path_in(into, "docs/link"), link, sizeof(link) - 1) > 0);
	assert_string_equal(link, "../run.sh");
	/* Over what is there, again. */
	write_in(into, "run.sh", "changed", 7, 0644);
	cJSON_Delete(restore("all.tar", 200));
	assert_true(holds(into, "run.sh", "#!/bin/sh\n", 10));
}

/* Nothing, data, nothing, data, nothing: all of it 8 TiB. */
static void make_sparse(const char *path)
{
	CUA_AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	assert_int_equal(ftruncate(fd, SPARSE_LEN), 0);
	assert_int_equal(pwrite(fd, "early", 5, SPARSE_EARLY), 5);
	assert_int_equal(pwrite(fd, "late", 4, SPARSE_LATE), 4);
}

static void expect_sparse(const char *path, off_t early, const char *text)
{
	char bytes[8] = "";
	struct stat info;
	CUA_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &info), 0);
	assert_int_equal(info.st_size, SPARSE_LEN);
	assert_true(info.st_blocks * 512 < 1 << 20);
	assert_int_equal(pread(fd, bytes, strlen(text), early), strlen(text));
	assert_string_equal(bytes, text);
	assert_int_equal(pread(fd, bytes, 1, early - 1), 1);
	assert_int_equal(bytes[0], 0);
}

static void holes_are_no_bytes(void **state)
{
	struct stat info;
	(void)state;
	make_sparse(path_in(from, "made/sparse"));
	CUA_AUTO_FD int fd = open(path_in(from, "made/hole"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(ftruncate(fd, SPARSE_LEN), 0);
	back_up(source, path_in(into, "sparse.tar"), SIZE_MAX);
	assert_int_equal(stat(path_in(into, "sparse.tar"), &info), 0);
	assert_true(info.st_size < (off_t)LARGE_LEN + (1 << 20));
	cJSON_Delete(restore("sparse.tar", 200));
	expect_sparse(path_in(into, "made/sparse"), SPARSE_EARLY, "early");
	expect_sparse(path_in(into, "made/sparse"), SPARSE_LATE, "late");
	assert_int_equal(stat(path_in(into, "made/hole"), &info), 0);
	assert_int_equal(info.st_size, SPARSE_LEN);
	assert_int_equal(info.st_blocks, 0);
	(void)unlink(path_in(from, "made/sparse"));
	(void)unlink(path_in(from, "made/hole"));
}

struct entry {
	const char *path;
	mode_t type;
	const char *target; /* of a link; of a hard link with type 0 */
};

static void write_archive(const char *name, const struct entry *entries, size_t count)
{
	struct archive *archive = archive_write_new();
	assert_int_equal(archive_write_set_format_ustar(archive), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(archive, path_in(into, name)), ARCHIVE_OK);
	for (size_t i = 0; i < count; i++) {
		struct archive_entry *entry = archive_entry_new();
		archive_entry_set_pathname(entry, entries[i].path);
		archive_entry_set_filetype(entry, entries[i].type ? entries[i].type : AE_IFREG);
		archive_entry_set_perm(entry, 04777);
		const bool is_file = entries[i].type == AE_IFREG;
		archive_entry_set_size(entry, is_file ? 4 : 0);
		if (entries[i].type == AE_IFLNK) {
			archive_entry_set_symlink(entry, entries[i].target);
		} else if (!entries[i].type) {
			archive_entry_set_hardlink(entry, entries[i].target);
		}
		assert_true(archive_write_header(archive, entry) >= ARCHIVE_WARN);
		if (is_file) {
			assert_int_equal(archive_write_data(archive, "evil", 4), 4);
		}
		archive_entry_free(entry);
	}
	assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
}

static void nothing_leaves_the_folder(void **state)
{
	static const struct entry entries[] = { { "../evil", AE_IFREG, NULL },
		{ "/tmp/cua-evil", AE_IFREG, NULL }, { "a/../../evil", AE_IFREG, NULL },
		{ ".cua-upload-x", AE_IFREG, NULL }, { "hard", 0, "/etc/passwd" },
		{ "device", AE_IFCHR, NULL }, { "fifo", AE_IFIFO, NULL },
		{ "./good/file", AE_IFREG, NULL } };
	struct stat info;
	(void)state;
	write_archive("evil.tar", entries, CUA_ARRAY_LEN(entries));
	CUA_AUTO_JSON cJSON *restored = restore("evil.tar", 200);
	assert_int_equal(cua_json_int(restored, "files"), 1);
	assert_int_equal(cua_json_int(restored, "left_out"), 7);
	assert_string_equal(cua_json_text(restored, "left_first"), "../evil");
	assert_true(holds(into, "good/file", "evil", 4));
	assert_false(is_there(into, "../evil"));
	assert_int_not_equal(lstat("/tmp/cua-evil", &info), 0);
	/* No bit that makes a program run as its owner. */
	assert_int_equal(stat(path_in(into, "good/file"), &info), 0);
	assert_int_equal(info.st_mode & 07777, 0755);
}

static void no_link_is_followed(void **state)
{
	const struct entry through[] = { { "way", AE_IFLNK, from }, { "way/in", AE_IFREG, NULL } };
	static const struct entry over[] = { { "away", AE_IFREG, NULL } };
	(void)state;
	write_archive("link.tar", through, CUA_ARRAY_LEN(through));
	CUA_AUTO_JSON cJSON *refused = restore("link.tar", 403);
	assert_string_equal(cua_json_text(refused, "code"), "policy");
	assert_int_equal(cua_json_int(refused, "links"), 1);
	assert_false(is_there(from, "in"));
	/* One that is there is replaced, and not written through. */
	assert_int_equal(symlink(path_in(from, "run.sh"), path_in(into, "over")), 0);
	const struct entry file[] = { { "over", AE_IFREG, NULL } };
	write_archive("over.tar", file, CUA_ARRAY_LEN(file));
	cJSON_Delete(restore("over.tar", 200));
	assert_true(holds(into, "over", "evil", 4));
	assert_true(holds(from, "run.sh", "#!/bin/sh\n", 10));
	/* A folder is not. */
	assert_int_equal(unlink(path_in(into, "away")) == 0 &&
					mkdir(path_in(into, "away"), 0755) == 0,
			1);
	write_archive("folder.tar", over, CUA_ARRAY_LEN(over));
	cJSON_Delete(restore("folder.tar", 409));
}

static void what_is_no_archive_is_refused(void **state)
{
	(void)state;
	write_in(into, "text.tar", "no archive\n", 11, 0644);
	write_in(into, "empty.tar", "", 0, 0644);
	cJSON_Delete(restore("text.tar", 400));
	cJSON_Delete(restore("empty.tar", 400));
	cJSON_Delete(restore("none.tar", 404));
	cJSON_Delete(restore("docs", 400));
	cJSON_Delete(restore("../server.db", 400));
	/* Cut off in the middle of a file. */
	back_up(source, path_in(into, "cut.tar"), 1 << 20);
	cJSON_Delete(restore("cut.tar", 400));
	cJSON_Delete(serve_json(&stage, "GET", "/v1/projects/none/backup", NULL, 404));
}

/* A head of ustar; the name of pax has a fixed length. */
static size_t put_head(char *head, char type, const char *name, size_t len)
{
	unsigned int sum = 0;
	memset(head, 0, 512);
	snprintf(head, 100, "%s", name);
	memcpy(head + 100, "0000644\0000000000\0000000000", 23);
	snprintf(head + 124, 12, "%011zo", len);
	memcpy(head + 136, "00000000000", 11);
	memset(head + 148, ' ', 8);
	head[156] = type;
	memcpy(head + 257, "ustar\00000", 8);
	for (int i = 0; i < 512; i++) {
		sum += (unsigned char)head[i];
	}
	snprintf(head + 148, 8, "%06o", sum);
	return 512;
}

static void write_gzip(const char *name, const char *bytes, size_t len)
{
	struct archive *archive = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	archive_entry_set_filetype(entry, AE_IFREG);
	assert_int_equal(archive_write_set_format_raw(archive), ARCHIVE_OK);
	assert_int_equal(archive_write_add_filter_gzip(archive), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(archive, path_in(into, name)), ARCHIVE_OK);
	assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(archive, bytes, len), (la_ssize_t)len);
	archive_entry_free(entry);
	assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
}

/* A few KiB say that a file has millions of holes, each of which takes memory. */
static void a_map_without_end_is_refused(void **state)
{
	static const char pax[] = "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
				  "24 GNU.sparse.name=bomb\n32 GNU.sparse.realsize=10000000\n";
	static const char good[] = "well\n";
	const size_t map_len = (size_t)16 << 20;
	(void)state;
	CUA_AUTO_FREE char *bytes = calloc(1, map_len + 4096);
	assert_non_null(bytes);
	size_t len = put_head(bytes, '0', "packed", strlen(good));
	memcpy(bytes + len, good, strlen(good));
	write_gzip("good.tgz", bytes, len + 512 + 1024);
	CUA_AUTO_JSON cJSON *restored = restore("good.tgz", 200);
	assert_int_equal(cua_json_int(restored, "files"), 1);
	assert_true(holds(into, "packed", good, strlen(good)));
	memset(bytes, 0, 2048);
	len = put_head(bytes, 'x', "PaxHeaders/x", strlen(pax));
	memcpy(bytes + len, pax, strlen(pax));
	len += 512;
	len += put_head(bytes + len, '0', "GNUSparseFile.0/bomb", map_len);
	const size_t end = len + map_len;
	len += (size_t)sprintf(bytes + len, "4000000\n");
	while (len + 2 <= end) {
		len += (size_t)sprintf(bytes + len, "0\n");
	}
	write_gzip("bomb.tgz", bytes, end + 1024);
	CUA_AUTO_JSON cJSON *refused = restore("bomb.tgz", 413);
	assert_non_null(strstr(cua_json_text(refused, "detail"), "the map of a sparse file"));
}

/* Who hangs up, and who does not read, keeps nothing: as many as may be at once begin again. */
static void who_hangs_up_ends_a_backup(void **state)
{
	(void)state;
	for (int i = 0; i < 12; i++) {
		back_up(source, path_in(into, "cut.tar"), 1);
	}
	back_up(source, path_in(into, "whole.tar"), SIZE_MAX);
	cJSON_Delete(restore("whole.tar", 409)); /* over a folder, up to which it is whole */
	cJSON_Delete(serve_json(&stage, "GET", "/health", NULL, 200));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_there_comes_back),
		cmocka_unit_test(holes_are_no_bytes),
		cmocka_unit_test(nothing_leaves_the_folder),
		cmocka_unit_test(no_link_is_followed),
		cmocka_unit_test(what_is_no_archive_is_refused),
		cmocka_unit_test(a_map_without_end_is_refused),
		cmocka_unit_test(who_hangs_up_ends_a_backup),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}

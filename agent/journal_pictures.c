#include "agent/journal_pictures.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/event.h"
#include "agent/journal_disk.h"
#include "cua/base/file.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"

#define SCREENSHOT_MAX ((size_t)64 << 20)
#define NAME_SIZE 80

/* The PNG is the usual one. */
static const char *const media_types[] = { "image/png", "image/webp", "image/jpeg" };

static void print_name(char *name, const char *sha256, const char *media_type)
{
	snprintf(name, NAME_SIZE, "%s.%s", sha256, agent_image_suffix(media_type));
}

/* --- writing --- */

int journal_pictures_sync(struct agent_journal *journal)
{
	int failed = 0;
	const bool any = journal->picture_count > 0;
	while (journal->picture_count > 0) {
		int *fd = &journal->picture_fds[--journal->picture_count];
		if (fsync(*fd) != 0 && !failed) {
			failed = errno;
		}
		cua_closep(fd);
	}
	if (any && fsync(journal->screenshots_fd) != 0 && !failed) {
		failed = errno;
	}
	return failed;
}

static enum cua_status write_picture(struct agent_journal *journal, const char *name,
		const unsigned char *bytes, size_t len, int *ret_fd, struct cua_error *err)
{
	const uint64_t since_us = cua_now_us();
	enum cua_status status = CUA_OK, waited = CUA_OK;
	struct cua_error why = { 0 };
	do {
		status = cua_file_write_unsynced(
				journal->screenshots_fd, name, bytes, len, ret_fd, &why);
		if (status == CUA_OK || waited != CUA_OK || !journal_disk_is_full(&why) ||
				journal->space_wait_s <= 0) {
			break;
		}
		waited = journal_disk_wait(journal, since_us, err);
	} while (true);
	if (status != CUA_OK && err) {
		*err = why;
		cua_error_prefix(err, "%s/screenshots", journal->path);
	}
	return status == CUA_OK ? waited : status;
}

/* -1 unless it is there. A name alone says nothing: before a run went on, a power loss may have
 * left it. */
static int open_same(const struct agent_journal *journal, const char *name,
		const unsigned char *bytes, size_t len)
{
	struct stat info;
	CUA_AUTO_FD int fd =
			openat(journal->screenshots_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &info) != 0 || info.st_size != (off_t)len) {
		return -1;
	}
	CUA_AUTO_FREE unsigned char *found = malloc(len);
	return found && read(fd, found, len) == (ssize_t)len && memcmp(found, bytes, len) == 0
			? cua_steal_fd(&fd)
			: -1;
}

enum cua_status agent_journal_screenshot(struct agent_journal *journal, const char *sha256,
		const unsigned char *bytes, size_t len, struct cua_error *err)
{
	char name[NAME_SIZE];
	if (strcmp(journal->last_picture, sha256) == 0) {
		return CUA_OK; /* mostly a result names it, and then the answer */
	}
	print_name(name, sha256, agent_image_type(bytes, len));
	enum cua_status status = agent_journal_sync_end(journal, err);
	if (status == CUA_OK && journal->picture_count == JOURNAL_UNSYNCED_MAX) {
		status = agent_journal_sync(journal, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	int fd = open_same(journal, name, bytes, len);
	status = fd >= 0 ? CUA_OK : write_picture(journal, name, bytes, len, &fd, err);
	if (fd >= 0) {
		journal->picture_fds[journal->picture_count++] = fd;
		snprintf(journal->last_picture, sizeof(journal->last_picture), "%s", sha256);
	}
	return status;
}

/* --- reading --- */

enum cua_status agent_journal_read_screenshot(const struct agent_journal *journal,
		const char *sha256, struct agent_image *ret_image, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer bytes;
	cua_buffer_init(&bytes, SCREENSHOT_MAX);
	enum cua_status status = CUA_ERR_NOT_FOUND;
	for (size_t i = 0; status == CUA_ERR_NOT_FOUND && i < CUA_ARRAY_LEN(media_types); i++) {
		char name[NAME_SIZE], path[CUA_PATH_MAX + NAME_SIZE + 16];
		print_name(name, sha256, media_types[i]);
		snprintf(path, sizeof(path), "%s/screenshots/%s", journal->path, name);
		status = cua_file_read(path, &bytes, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	struct agent_image image = { .len = bytes.len,
		.media_type = agent_image_type((unsigned char *)bytes.data, bytes.len) };
	if (!image.media_type) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0, "the screenshot %.12s... is no picture",
				sha256);
	}
	const size_t size = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_ORIGINAL);
	image.base64 = malloc(size);
	if (!image.base64) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "screenshot");
	}
	image.bytes = (unsigned char *)CUA_STEAL(bytes.data);
	snprintf(image.sha256, sizeof(image.sha256), "%s", sha256);
	sodium_bin2base64(
			image.base64, size, image.bytes, image.len, sodium_base64_VARIANT_ORIGINAL);
	*ret_image = image;
	return CUA_OK;
}

/* --- checking --- */

enum cua_status journal_picture_check(
		int screenshots_fd, const char *sha256, bool syncs, struct cua_error *err)
{
	char name[NAME_SIZE], hex[2 * crypto_hash_sha256_BYTES + 1];
	unsigned char part[65536], hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	ssize_t len = 0;
	CUA_AUTO_FD int fd = -1;
	for (size_t i = 0; fd < 0 && i < CUA_ARRAY_LEN(media_types); i++) {
		print_name(name, sha256, media_types[i]);
		fd = openat(screenshots_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	}
	crypto_hash_sha256_init(&state);
	while (fd >= 0 && (len = read(fd, part, sizeof(part))) > 0) {
		crypto_hash_sha256_update(&state, part, (unsigned long long)len);
	}
	if (fd < 0 || len < 0 || (syncs && fsync(fd) != 0)) {
		return CUA_FAIL(err, errno == ENOENT ? CUA_ERR_POLICY : CUA_ERR_IO, errno,
				"the screenshot %.12s...", sha256);
	}
	crypto_hash_sha256_final(&state, hash);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	return strcmp(hex, sha256) == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_POLICY, 0,
					  "screenshots/%s is not the picture it was", name);
}

/* The member is found in the text: parsing a million lines would take as long as hashing them ten
 * times. What a model says has its quotes escaped, and cannot look like it. */
bool journal_picture_next(const char *line, size_t len, size_t *at, char *sha256)
{
	static const char member[] = "\"screenshot\":\"";
	const size_t member_len = sizeof(member) - 1;
	const char *found = memmem(line + *at, len - *at, member, member_len);
	if (!found || (size_t)(line + len - found) < member_len + 64) {
		return false;
	}
	*at = (size_t)(found - line) + member_len;
	snprintf(sha256, 65, "%.64s", found + member_len);
	if (!agent_event_is_sha256(sha256)) {
		sha256[0] = '\0';
	}
	return true;
}

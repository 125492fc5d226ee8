#include "agent/secrets/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"

#define FILE_NAME "sealed"
#define KEY_NAME "key"
#define CREDENTIAL_NAME "cua-secrets.key"
#define KEY_HEX_LEN (2 * crypto_secretbox_KEYBYTES)
#define FILE_BYTES_MAX ((size_t)4 << 20)

static const char head[] = "cua secrets 1\n";
#define HEAD_LEN (sizeof(head) - 1)
#define MORE_LEN (HEAD_LEN + crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES)

enum cua_status store_file_folder(bool make, int *ret_fd, struct cua_error *err)
{
	char dir[CUA_PATH_MAX], path[CUA_PATH_MAX + 16];
	struct stat info;
	*ret_fd = -1;
	enum cua_status status = cua_state_dir(dir, sizeof(dir), err);
	if (status != CUA_OK) {
		return status;
	}
	snprintf(path, sizeof(path), "%s/secrets", dir);
	if (make && mkdir(path, 0700) != 0 && errno != EEXIST) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	CUA_AUTO_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		return errno == ENOENT && !make ? CUA_OK
						: CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	if (fstat(fd, &info) != 0 || info.st_uid != geteuid() || (info.st_mode & 077) != 0) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"%s must be yours alone: chown it to yourself and chmod 700", path);
	}
	*ret_fd = cua_steal_fd(&fd);
	return CUA_OK;
}

/* --- the key --- */

/* 64 digits, and perhaps a line break. CUA_ERR_NOT_FOUND. */
static enum cua_status read_key(int dir_fd, const char *name, bool is_ours, unsigned char *key,
		struct cua_error *err)
{
	char hex[KEY_HEX_LEN + 2];
	struct stat info;
	CUA_AUTO_FD int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &info) != 0) {
		return CUA_FAIL(err, errno == ENOENT ? CUA_ERR_NOT_FOUND : CUA_ERR_IO, errno,
				"the key of the secrets");
	}
	if (is_ours && (info.st_uid != geteuid() || (info.st_mode & 077) != 0)) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"the key of the secrets must be readable by you alone: chown the "
				"file secrets/key in cua's state folder to yourself, and chmod "
				"600");
	}
	size_t len = 0;
	const ssize_t got = read(fd, hex, sizeof(hex));
	const bool has_break = got == KEY_HEX_LEN + 1 && hex[KEY_HEX_LEN] == '\n';
	const bool is_valid = (got == KEY_HEX_LEN || has_break) &&
			sodium_hex2bin(key, crypto_secretbox_KEYBYTES, hex, KEY_HEX_LEN, NULL, &len,
					NULL) == 0 &&
			len == crypto_secretbox_KEYBYTES;
	sodium_memzero(hex, sizeof(hex));
	return is_valid ? CUA_OK
			: CUA_FAIL(err, CUA_ERR_POLICY, 0,
					  "the key of the secrets is damaged: it must be %zu "
					  "hexadecimal digits",
					  (size_t)KEY_HEX_LEN);
}

/* CUA_ERR_NOT_FOUND if neither is there. */
static enum cua_status find_key(int dir_fd, unsigned char *key, struct cua_error *err)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	CUA_AUTO_FD int credentials =
			folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (credentials >= 0) {
		enum cua_status status = read_key(credentials, CREDENTIAL_NAME, false, key, err);
		if (status != CUA_ERR_NOT_FOUND) {
			return status;
		}
	}
	return read_key(dir_fd, KEY_NAME, true, key, err);
}

static enum cua_status make_key(int dir_fd, unsigned char *key, struct cua_error *err)
{
	char hex[KEY_HEX_LEN + 1];
	randombytes_buf(key, crypto_secretbox_KEYBYTES);
	sodium_bin2hex(hex, sizeof(hex), key, crypto_secretbox_KEYBYTES);
	enum cua_status status = cua_file_write_durable(dir_fd, KEY_NAME, hex, KEY_HEX_LEN, err);
	sodium_memzero(hex, sizeof(hex));
	return status;
}

/* --- the file --- */

static enum cua_status read_bytes(
		int dir_fd, unsigned char **ret_bytes, size_t *ret_len, struct cua_error *err)
{
	struct stat info;
	CUA_AUTO_FD int fd = openat(dir_fd, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT) {
		return CUA_OK;
	}
	if (fd < 0 || fstat(fd, &info) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "the file of the secrets");
	}
	const size_t len = info.st_size > 0 ? (size_t)info.st_size : 0;
	CUA_AUTO_FREE unsigned char *bytes = len <= FILE_BYTES_MAX ? malloc(len + 1) : NULL;
	if (!bytes || read(fd, bytes, len) != (ssize_t)len) {
		return CUA_FAIL(err, CUA_ERR_IO, bytes ? errno : EFBIG, "the file of the secrets");
	}
	*ret_bytes = CUA_STEAL(bytes);
	*ret_len = len;
	return CUA_OK;
}

static enum cua_status fail_changed(struct cua_error *err)
{
	return CUA_FAIL(err, CUA_ERR_POLICY, 0,
			"the file of the secrets is damaged, was changed, or belongs to another "
			"key: put back both from a copy, or remove the folder secrets of cua's "
			"state and set them anew");
}

enum cua_status store_file_read(int dir_fd, char **ret_text, size_t *ret_len, struct cua_error *err)
{
	CUA_AUTO_FREE unsigned char *bytes = NULL;
	size_t len = 0;
	enum cua_status status = read_bytes(dir_fd, &bytes, &len, err);
	if (status != CUA_OK || !bytes) {
		return status;
	}
	if (len < MORE_LEN || memcmp(bytes, head, HEAD_LEN) != 0) {
		return fail_changed(err);
	}
	const unsigned char *nonce = bytes + HEAD_LEN, *box = nonce + crypto_secretbox_NONCEBYTES;
	unsigned char *key = sodium_malloc(crypto_secretbox_KEYBYTES);
	char *text = sodium_malloc(len - MORE_LEN + 1);
	status = key && text ? find_key(dir_fd, key, err)
			     : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "secrets");
	if (status == CUA_ERR_NOT_FOUND) {
		status = fail_changed(err);
	}
	if (status == CUA_OK &&
			crypto_secretbox_open_easy((unsigned char *)text, box,
					len - HEAD_LEN - crypto_secretbox_NONCEBYTES, nonce,
					key) != 0) {
		status = fail_changed(err);
	}
	sodium_free(key);
	if (status != CUA_OK) {
		sodium_free(text);
		return status;
	}
	*ret_text = text;
	*ret_len = len - MORE_LEN;
	return CUA_OK;
}

enum cua_status store_file_write(int dir_fd, const char *text, size_t len, struct cua_error *err)
{
	CUA_AUTO_FREE unsigned char *bytes = malloc(len + MORE_LEN);
	unsigned char *key = sodium_malloc(crypto_secretbox_KEYBYTES);
	if (!bytes || !key || len + MORE_LEN > FILE_BYTES_MAX) {
		sodium_free(key);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "secrets");
	}
	enum cua_status status = find_key(dir_fd, key, err);
	if (status == CUA_ERR_NOT_FOUND) {
		status = make_key(dir_fd, key, err);
	}
	if (status == CUA_OK) {
		unsigned char *nonce = bytes + HEAD_LEN;
		memcpy(bytes, head, HEAD_LEN);
		randombytes_buf(nonce, crypto_secretbox_NONCEBYTES);
		crypto_secretbox_easy(nonce + crypto_secretbox_NONCEBYTES,
				(const unsigned char *)text, len, nonce, key);
		status = cua_file_write_durable(dir_fd, FILE_NAME, bytes, len + MORE_LEN, err);
	}
	sodium_free(key);
	return status;
}

#include "agent/journal_head.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"

#define HEAD_MAX 4096

_Static_assert(AGENT_KEY_BYTES == crypto_sign_PUBLICKEYBYTES, "Ed25519");
_Static_assert(AGENT_SIGNATURE_BYTES == crypto_sign_BYTES, "Ed25519");

/* --- the key --- */

static enum cua_status read_seed(const char *path, unsigned char *seed, struct cua_error *err)
{
	char hex[2 * crypto_sign_SEEDBYTES];
	struct stat info;
	CUA_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &info) != 0) {
		return CUA_FAIL(err, errno == ENOENT ? CUA_ERR_NOT_FOUND : CUA_ERR_IO, errno, "%s",
				path);
	}
	if ((info.st_mode & 077) != 0 || info.st_uid != geteuid()) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"%s signs journals and must be readable by you alone: chown it to "
				"yourself and chmod 600, or remove it and another is made",
				path);
	}
	size_t len = 0;
	const ssize_t got = read(fd, hex, sizeof(hex));
	const bool is_valid = got == sizeof(hex) &&
			sodium_hex2bin(seed, crypto_sign_SEEDBYTES, hex, sizeof(hex), NULL, &len,
					NULL) == 0 &&
			len == crypto_sign_SEEDBYTES;
	sodium_memzero(hex, sizeof(hex));
	return is_valid ? CUA_OK
			: CUA_FAIL(err, CUA_ERR_IO, 0,
					  "%s is damaged; remove it and another is made", path);
}

/* Two runs may start at once: the first link wins, and both use it. */
static enum cua_status make_seed(const char *dir, const char *path, struct cua_error *err)
{
	unsigned char seed[crypto_sign_SEEDBYTES];
	char hex[2 * crypto_sign_SEEDBYTES + 1], beside[48];
	CUA_AUTO_FD int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", dir);
	}
	randombytes_buf(seed, sizeof(seed));
	sodium_bin2hex(hex, sizeof(hex), seed, sizeof(seed));
	snprintf(beside, sizeof(beside), "journal.key.%d", (int)getpid());
	enum cua_status status = cua_file_write_durable(dir_fd, beside, hex, sizeof(hex) - 1, err);
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(hex, sizeof(hex));
	if (status == CUA_OK &&
			((linkat(dir_fd, beside, dir_fd, "journal.key", 0) != 0 &&
					 errno != EEXIST) ||
					fsync(dir_fd) != 0)) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	unlinkat(dir_fd, beside, 0);
	return status;
}

static enum cua_status load_key(
		unsigned char *key, unsigned char *secret_key, struct cua_error *err)
{
	char dir[CUA_PATH_MAX], path[CUA_PATH_MAX + 16];
	unsigned char seed[crypto_sign_SEEDBYTES];
	enum cua_status status = cua_state_dir(dir, sizeof(dir), err);
	if (status != CUA_OK) {
		return status;
	}
	snprintf(path, sizeof(path), "%s/journal.key", dir);
	status = read_seed(path, seed, err);
	if (status == CUA_ERR_NOT_FOUND) {
		status = make_seed(dir, path, err);
		status = status == CUA_OK ? read_seed(path, seed, err) : status;
	}
	if (status == CUA_OK) {
		crypto_sign_seed_keypair(key, secret_key, seed);
	}
	sodium_memzero(seed, sizeof(seed));
	return status;
}

enum cua_status agent_head_key(unsigned char key[AGENT_KEY_BYTES], struct cua_error *err)
{
	unsigned char secret_key[crypto_sign_SECRETKEYBYTES];
	enum cua_status status = load_key(key, secret_key, err);
	sodium_memzero(secret_key, sizeof(secret_key));
	return status;
}

/* --- heads --- */

static int head_text(const struct agent_head *head, char *text, size_t size)
{
	char hex[AGENT_CHAIN_HEX];
	agent_chain_print(&head->chain, hex);
	return snprintf(text, size, "cua journal head 1\n%s\n%llu\n%s\n", head->run,
			(unsigned long long)head->seq, hex);
}

static char *head_json(const struct agent_head *head)
{
	char chain[AGENT_CHAIN_HEX], key[AGENT_KEY_HEX], signature[2 * AGENT_SIGNATURE_BYTES + 1];
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	agent_chain_print(&head->chain, chain);
	sodium_bin2hex(key, sizeof(key), head->key, sizeof(head->key));
	sodium_bin2hex(signature, sizeof(signature), head->signature, sizeof(head->signature));
	cJSON_AddStringToObject(json, "run", head->run);
	cJSON_AddNumberToObject(json, "seq", (double)head->seq);
	cJSON_AddStringToObject(json, "chain", chain);
	cJSON_AddStringToObject(json, "key", key);
	cJSON_AddStringToObject(json, "signature", signature);
	return cJSON_PrintUnformatted(json);
}

enum cua_status agent_head_write(int run_dir_fd, struct agent_head *head, struct cua_error *err)
{
	unsigned char secret_key[crypto_sign_SECRETKEYBYTES];
	char text[256];
	enum cua_status status = load_key(head->key, secret_key, err);
	if (status != CUA_OK) {
		return status;
	}
	crypto_sign_detached(head->signature, NULL, (const unsigned char *)text,
			(unsigned long long)head_text(head, text, sizeof(text)), secret_key);
	sodium_memzero(secret_key, sizeof(secret_key));
	CUA_AUTO_FREE char *json = head_json(head);
	if (!json) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "head.json");
	}
	return cua_file_write_durable(run_dir_fd, "head.json", json, strlen(json), err);
}

static bool read_hex(const cJSON *json, const char *name, unsigned char *bytes, size_t size)
{
	const char *hex = cua_json_string(json, name);
	size_t len = 0;
	return hex && sodium_hex2bin(bytes, size, hex, strlen(hex), NULL, &len, NULL) == 0 &&
			len == size;
}

static bool parse_head(const char *text, size_t len, struct agent_head *head)
{
	CUA_AUTO_JSON cJSON *json = cJSON_ParseWithLength(text, len);
	const char *run = cua_json_string(json, "run");
	const cJSON *seq = cua_json_member(json, "seq");
	if (!run || strlen(run) >= sizeof(head->run) || !cJSON_IsNumber(seq) ||
			!(seq->valuedouble >= 1 && seq->valuedouble < 1e15)) {
		return false;
	}
	snprintf(head->run, sizeof(head->run), "%s", run);
	head->seq = (uint64_t)seq->valuedouble;
	return read_hex(json, "chain", head->chain.hash, sizeof(head->chain.hash)) &&
			read_hex(json, "key", head->key, sizeof(head->key)) &&
			read_hex(json, "signature", head->signature, sizeof(head->signature));
}

enum cua_status agent_head_read(
		int dir_fd, const char *path, struct agent_head *ret_head, struct cua_error *err)
{
	char json[HEAD_MAX], text[256];
	struct agent_head head = { 0 };
	CUA_AUTO_FD int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	const ssize_t len = fd >= 0 ? read(fd, json, sizeof(json)) : -1;
	if (len < 0) {
		return CUA_FAIL(err, errno == ENOENT ? CUA_ERR_NOT_FOUND : CUA_ERR_IO, errno, "%s",
				path);
	}
	if (!parse_head(json, (size_t)len, &head)) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0, "%s is not a head of a journal", path);
	}
	if (crypto_sign_verify_detached(head.signature, (const unsigned char *)text,
			    (unsigned long long)head_text(&head, text, sizeof(text)),
			    head.key) != 0) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0, "the signature in %s is wrong", path);
	}
	*ret_head = head;
	return CUA_OK;
}

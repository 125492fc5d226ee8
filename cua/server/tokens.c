#include "cua/server/tokens.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

#define ID_BYTES 6
#define SECRET_BYTES 32
#define HASH_BYTES crypto_generichash_BYTES
#define PREFIX "cua_"
#define USED_AGAIN_MS 60000 /* the time of use is written no more often */

static const char *const kinds[] = { "api", "session", "login" };

/* --- scopes --- */

static const struct {
	const char *name;
	unsigned int scopes;
} scopes[] = { { "watch", SCOPE_WATCH }, { "act", SCOPE_ACT | SCOPE_WATCH },
	{ "approve", SCOPE_APPROVE | SCOPE_WATCH }, { "admin", SCOPES_ALL } };

static enum cua_status add_scope(
		const char *name, size_t len, unsigned int *ret_scopes, struct cua_error *err)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(scopes); i++) {
		if (strlen(scopes[i].name) == len && strncmp(scopes[i].name, name, len) == 0) {
			*ret_scopes |= scopes[i].scopes;
			return CUA_OK;
		}
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0,
			"there is no scope \"%.*s\"; there are watch, act, approve and admin",
			(int)(len < 40 ? len : 40), name);
}

enum cua_status scopes_parse(const char *names, unsigned int *ret_scopes, struct cua_error *err)
{
	unsigned int found = 0;
	enum cua_status status = CUA_OK;
	for (const char *at = names; at && status == CUA_OK; at = strchr(at, ',')) {
		at += *at == ',';
		status = add_scope(at, strcspn(at, ","), &found, err);
	}
	*ret_scopes = status == CUA_OK ? found : *ret_scopes;
	return status;
}

enum cua_status scopes_of_json(const cJSON *names, unsigned int *ret_scopes, struct cua_error *err)
{
	unsigned int found = 0;
	const cJSON *name = NULL;
	cJSON_ArrayForEach (name, names) {
		enum cua_status status = add_scope(
				name->valuestring, strlen(name->valuestring), &found, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	if (found == 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "a token without a scope is for nothing");
	}
	*ret_scopes = found;
	return CUA_OK;
}

cJSON *scopes_json(unsigned int set)
{
	static const struct {
		const char *name;
		enum scope bit;
	} bits[] = { { "watch", SCOPE_WATCH }, { "act", SCOPE_ACT }, { "approve", SCOPE_APPROVE },
		{ "admin", SCOPE_ADMIN } };
	cJSON *json = cJSON_CreateArray();
	for (size_t i = 0; i < CUA_ARRAY_LEN(bits); i++) {
		if (set & bits[i].bit) {
			cJSON_AddItemToArray(json, cJSON_CreateString(bits[i].name));
		}
	}
	return json;
}

/* --- making --- */

/* PREFIX, id and secret, with '_' between the two. The id is no secret. */
static void make_token(char id[TOKEN_ID_SIZE], char token[TOKEN_SIZE])
{
	unsigned char id_bytes[ID_BYTES], secret_bytes[SECRET_BYTES];
	char secret[sodium_base64_ENCODED_LEN(
			SECRET_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
	randombytes_buf(id_bytes, sizeof(id_bytes));
	randombytes_buf(secret_bytes, sizeof(secret_bytes));
	sodium_bin2hex(id, TOKEN_ID_SIZE, id_bytes, sizeof(id_bytes));
	sodium_bin2base64(secret, sizeof(secret), secret_bytes, sizeof(secret_bytes),
			sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	snprintf(token, TOKEN_SIZE, "%s%s_%s", PREFIX, id, secret);
	sodium_memzero(secret_bytes, sizeof(secret_bytes));
	sodium_memzero(secret, sizeof(secret));
}

/* As many random bits as these need no slow hash. */
static void hash_of(const char *token, unsigned char hash[HASH_BYTES])
{
	crypto_generichash(hash, HASH_BYTES, (const unsigned char *)token, strlen(token), NULL, 0);
}

enum cua_status token_create(struct store *store, const struct token_wish *wish,
		char ret_id[TOKEN_ID_SIZE], char ret_token[TOKEN_SIZE], char ret_csrf[TOKEN_SIZE],
		struct cua_error *err)
{
	unsigned char hash[HASH_BYTES];
	char id[TOKEN_ID_SIZE], token[TOKEN_SIZE], csrf_id[TOKEN_ID_SIZE], csrf[TOKEN_SIZE] = "";
	const int64_t now = store_now_ms();
	make_token(id, token);
	hash_of(token, hash);
	if (wish->kind == TOKEN_SESSION) {
		make_token(csrf_id, csrf);
	}
	if (wish->csrf && wish->csrf[0]) {
		snprintf(csrf, sizeof(csrf), "%s", wish->csrf);
	}
	enum cua_status status = store_run(store, NULL, err,
			"INSERT INTO tokens (id, kind, name, hash, scopes, csrf, created_ms, "
			"expires_ms)"
			" VALUES (?, ?, ?, ?, ?, ?, ?, NULLIF(?, 0))",
			"sssbisii", id, kinds[wish->kind], wish->name, hash, sizeof(hash),
			(int64_t)wish->scopes, csrf, now,
			wish->lasts_ms > 0 ? now + wish->lasts_ms : 0);
	if (status == CUA_OK) {
		memcpy(ret_id, id, sizeof(id));
		memcpy(ret_token, token, sizeof(token));
		if (ret_csrf) {
			memcpy(ret_csrf, csrf, sizeof(csrf));
		}
	}
	sodium_memzero(token, sizeof(token));
	return status;
}

/* --- checking --- */

static bool read_id(const char *token, char id[TOKEN_ID_SIZE])
{
	const size_t prefix_len = strlen(PREFIX), id_len = 2 * (size_t)ID_BYTES;
	if (strlen(token) >= TOKEN_SIZE || strncmp(token, PREFIX, prefix_len) != 0 ||
			strspn(token + prefix_len, "0123456789abcdef") != id_len ||
			token[prefix_len + id_len] != '_') {
		return false;
	}
	snprintf(id, TOKEN_ID_SIZE, "%.*s", (int)id_len, token + prefix_len);
	return true;
}

static bool is_hash_of(const char *hash_hex, const char *token)
{
	unsigned char hash[HASH_BYTES];
	char hex[2 * HASH_BYTES + 1];
	hash_of(token, hash);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	return strlen(hash_hex) == sizeof(hex) - 1 &&
			sodium_memcmp(hash_hex, hex, sizeof(hex) - 1) == 0;
}

static void note_use(struct store *store, const char *id, const cJSON *row)
{
	const int64_t now = store_now_ms();
	if ((double)now - cua_json_number(row, "used_ms") < USED_AGAIN_MS) {
		return;
	}
	/* Who may do what does not hang on it. */
	if (store_run(store, NULL, NULL, "UPDATE tokens SET used_ms = ? WHERE id = ?", "is", now,
			    id) != CUA_OK) {
		return;
	}
}

enum cua_status token_check(struct store *store, const char *token, enum token_kind kind,
		struct caller *ret_caller, struct cua_error *err)
{
	static const char *const wrong = "the token is not known here, or is over";
	char id[TOKEN_ID_SIZE];
	CUA_AUTO_JSON cJSON *row = NULL;
	if (!read_id(token, id)) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "%s", wrong);
	}
	enum cua_status status = store_get(store, &row, err, wrong,
			"SELECT name, hash, scopes, csrf, used_ms FROM tokens WHERE id = ? AND "
			"kind = ? AND (expires_ms IS NULL OR expires_ms > ?)",
			"ssi", id, kinds[kind], store_now_ms());
	if (status != CUA_OK) {
		return status;
	}
	if (!is_hash_of(cua_json_text(row, "hash"), token)) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "%s", wrong);
	}
	*ret_caller = (struct caller){ .scopes = (unsigned int)cua_json_int(row, "scopes"),
		.is_session = kind == TOKEN_SESSION };
	memcpy(ret_caller->id, id, sizeof(id));
	snprintf(ret_caller->name, sizeof(ret_caller->name), "%s", cua_json_text(row, "name"));
	snprintf(ret_caller->csrf, sizeof(ret_caller->csrf), "%s", cua_json_text(row, "csrf"));
	note_use(store, id, row);
	return CUA_OK;
}

enum cua_status token_still(
		struct store *store, const char *id, int64_t *ret_expires_ms, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *row = NULL;
	enum cua_status status = store_get(store, &row, err,
			"the token is not known here, or is over",
			"SELECT expires_ms FROM tokens WHERE id = ? AND (expires_ms IS NULL OR "
			"expires_ms > ?)",
			"si", id, store_now_ms());
	if (status == CUA_OK) {
		*ret_expires_ms = (int64_t)cua_json_number(row, "expires_ms");
	}
	return status;
}

/* Two at once: one of them deletes it. */
enum cua_status token_use_login(struct store *store, const char *token, struct caller *ret_caller,
		struct cua_error *err)
{
	enum cua_status status = store_begin(store, err);
	if (status != CUA_OK) {
		return status;
	}
	status = token_check(store, token, TOKEN_LOGIN, ret_caller, err);
	if (status == CUA_OK) {
		status = store_run(store, NULL, err, "DELETE FROM tokens WHERE id = ?", "s",
				ret_caller->id);
	}
	if (status != CUA_OK) {
		store_rollback(store);
		return status;
	}
	return store_commit(store, err);
}

/* --- keeping --- */

enum cua_status tokens_list(struct store *store, const char *after, int limit, cJSON **ret_tokens,
		struct cua_error *err)
{
	cJSON *token = NULL;
	enum cua_status status = store_run(store, ret_tokens, err,
			"SELECT id, name, scopes, created_ms, expires_ms, used_ms FROM tokens "
			"WHERE kind = 'api' AND id > ? ORDER BY id LIMIT ?",
			"si", after, (int64_t)limit);
	if (status != CUA_OK) {
		return status;
	}
	cJSON_ArrayForEach (token, *ret_tokens) {
		cJSON_ReplaceItemInObjectCaseSensitive(token, "scopes",
				scopes_json((unsigned int)cua_json_int(token, "scopes")));
	}
	return CUA_OK;
}

enum cua_status token_revoke(struct store *store, const char *id, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *row = NULL;
	return store_get(store, &row, err, "there is no such token",
			"DELETE FROM tokens WHERE id = ? RETURNING id", "s", id);
}

#include "cua/server/once.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/server.h"

#define KEPT_MS (24ll * 3600 * 1000)
#define KEY_MAX_LEN 200
#define CUT_OFF (-1)

static const char *key_of(const struct request *request)
{
	return strcmp(request->route->method, "POST") == 0 && request->caller.id[0]
			? cua_http_header(request->head, "idempotency-key")
			: "";
}

static bool is_transaction(const struct request *request)
{
	return request->route->flags & ROUTE_ONCE;
}

static void hash_request(const struct request *request, unsigned char hash[16])
{
	crypto_generichash_state state;
	const char *const texts[] = { request->head->path, request->head->query };
	crypto_generichash_init(&state, NULL, 0, 16);
	for (size_t i = 0; i < CUA_ARRAY_LEN(texts); i++) {
		crypto_generichash_update(
				&state, (const unsigned char *)texts[i], strlen(texts[i]) + 1);
	}
	if (request->bytes && request->bytes->len > 0) {
		crypto_generichash_update(&state, (const unsigned char *)request->bytes->data,
				request->bytes->len);
	}
	crypto_generichash_final(&state, hash, 16);
}

static enum cua_status answer_before(struct request *request, const cJSON *row, const char *hex,
		char **ret_answer, struct cua_error *err)
{
	const cJSON *http_status = cua_json_member(row, "status");
	if (strcmp(cua_json_text(row, "request"), hex) != 0) {
		request->http_status = 422;
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"this Idempotency-Key was sent before with another request");
	}
	if (!cJSON_IsNumber(http_status)) {
		request->http_status = 409;
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0,
				"the first request with this Idempotency-Key is not over");
	}
	if (http_status->valueint == CUT_OFF) {
		request->http_status = 409;
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0,
				"the server was ended in the middle of the first request with this "
				"Idempotency-Key: look what came of it, and send another key");
	}
	*ret_answer = strdup(cua_json_text(row, "answer"));
	if (!*ret_answer) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
	}
	request->http_status = http_status->valueint;
	return CUA_OK;
}

static enum cua_status prune(struct store *store, struct cua_error *err)
{
	return store_run(store, NULL, err, "DELETE FROM idempotency WHERE created_ms < ?", "i",
			store_now_ms() - KEPT_MS);
}

/* Inside the transaction, if it is one. */
static enum cua_status take_key(struct request *request, const char *key, bool *ret_is_again,
		char **ret_answer, struct cua_error *err)
{
	unsigned char hash[16];
	char hex[33];
	CUA_AUTO_JSON cJSON *row = NULL;
	struct store *store = request->server->store;
	hash_request(request, hash);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	enum cua_status status = prune(store, err);
	if (status != CUA_OK) {
		return status;
	}
	status = store_run(store, NULL, err,
			"INSERT INTO idempotency (token, key, request, created_ms) VALUES (?, ?, "
			"?, ?)",
			"ssbi", request->caller.id, key, hash, sizeof(hash), store_now_ms());
	if (status != CUA_ERR_EXISTS) {
		return status;
	}
	status = store_get(store, &row, err, "the key has just gone",
			"SELECT request, status, answer FROM idempotency WHERE token = ? AND key = "
			"?",
			"ss", request->caller.id, key);
	if (status == CUA_OK) {
		status = answer_before(request, row, hex, ret_answer, err);
	}
	*ret_is_again = status == CUA_OK;
	return status;
}

enum cua_status once_begin(struct request *request, bool *ret_is_again, char **ret_answer,
		struct cua_error *err)
{
	const char *key = key_of(request);
	if (strlen(key) > KEY_MAX_LEN) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "an Idempotency-Key has at most %d bytes",
				KEY_MAX_LEN);
	}
	if (key[0] && request->route->flags & ROUTE_SECRET) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"no Idempotency-Key here: what is told once is not kept");
	}
	enum cua_status status =
			is_transaction(request) ? store_begin(request->server->store, err) : CUA_OK;
	if (status == CUA_OK && key[0]) {
		status = take_key(request, key, ret_is_again, ret_answer, err);
		if (is_transaction(request) && (status != CUA_OK || *ret_is_again)) {
			store_rollback(request->server->store);
		}
	}
	request->has_begun = status == CUA_OK && !*ret_is_again;
	return status;
}

enum cua_status once_end(
		struct request *request, int http_status, const char *answer, struct cua_error *err)
{
	struct store *store = request->server->store;
	const char *key = key_of(request);
	const bool is_good = http_status < 400;
	enum cua_status status = CUA_OK;
	if (!request->has_begun) {
		return CUA_OK;
	}
	request->has_begun = false;
	if (!is_good && is_transaction(request)) {
		store_rollback(store);
		return CUA_OK;
	}
	if (key[0] && is_good) {
		status = store_run(store, NULL, err,
				"UPDATE idempotency SET status = ?, answer = ? WHERE token = ? AND "
				"key = ?",
				"isss", (int64_t)http_status, answer, request->caller.id, key);
	} else if (key[0]) {
		status = store_run(store, NULL, err,
				"DELETE FROM idempotency WHERE token = ? AND key = ?", "ss",
				request->caller.id, key);
	}
	if (!is_transaction(request)) {
		return status;
	}
	if (status != CUA_OK) {
		store_rollback(store);
		return status;
	}
	return store_commit(store, err);
}

enum cua_status once_recover(struct store *store, struct cua_error *err)
{
	enum cua_status status = store_run(store, NULL, err,
			"UPDATE idempotency SET status = ? WHERE status IS NULL", "i",
			(int64_t)CUT_OFF);
	return status == CUA_OK ? prune(store, err) : status;
}

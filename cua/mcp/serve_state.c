/* What is kept at a client, sealed. What a request keeps until it comes again with answers: the
 * newest revision knows no other place for it. The client gets it sealed: it counts for the same
 * request alone, for as long as a person may think, and only as it was given. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_internal.h"

#define LIFE_S (10 * 60)
#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

static_assert(MCP_SERVE_STATE_KEY == crypto_auth_KEYBYTES, "a key of crypto_auth");
static_assert(MCP_SERVE_STATE_KEY == crypto_generichash_BYTES, "a binding is a hash");

/* Of what makes it this request: without what is there only when it comes again. */
static bool bind_request(struct mcp_serve_call *call)
{
	static const char *const changing[] = { "_meta", "inputResponses", "requestState" };
	CUA_AUTO_JSON cJSON *same = cJSON_Duplicate(call->arguments, true);
	for (size_t i = 0; call->tool->is_method && i < CUA_ARRAY_LEN(changing); i++) {
		cJSON_DeleteItemFromObjectCaseSensitive(same, changing[i]);
	}
	CUA_AUTO_FREE char *text = same ? cJSON_PrintUnformatted(same) : NULL;
	crypto_generichash_state hash;
	if (!text) {
		return false;
	}
	crypto_generichash_init(&hash, NULL, 0, sizeof(call->binding));
	crypto_generichash_update(&hash, (const unsigned char *)call->tool->name,
			strlen(call->tool->name) + 1);
	crypto_generichash_update(&hash, (const unsigned char *)text, strlen(text));
	crypto_generichash_final(&hash, call->binding, sizeof(call->binding));
	return true;
}

/* Of a text, and of what it is bound to. */
static void sign(const struct mcp_serve *serve, const unsigned char *binding,
		const unsigned char *text, size_t len, unsigned char mac[crypto_auth_BYTES])
{
	crypto_auth_hmacsha512256_state state;
	crypto_auth_hmacsha512256_init(&state, serve->state_key, MCP_SERVE_STATE_KEY);
	crypto_auth_hmacsha512256_update(&state, binding, MCP_SERVE_STATE_KEY);
	crypto_auth_hmacsha512256_update(&state, text, len);
	crypto_auth_hmacsha512256_final(&state, mac);
}

/* The caller's; NULL when memory runs out. */
static char *seal(const struct mcp_serve *serve, const unsigned char *binding, const cJSON *json)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	const size_t len = text ? strlen(text) : 0;
	CUA_AUTO_FREE unsigned char *bytes = text ? malloc(crypto_auth_BYTES + len) : NULL;
	const size_t size = sodium_base64_encoded_len(crypto_auth_BYTES + len, VARIANT);
	char *sealed = bytes ? malloc(size) : NULL;
	if (sealed) {
		memcpy(bytes + crypto_auth_BYTES, text, len);
		sign(serve, binding, (const unsigned char *)text, len, bytes);
		sodium_bin2base64(sealed, size, bytes, crypto_auth_BYTES + len, VARIANT);
	}
	return sealed;
}

/* The caller's; NULL: it is none of ours, or bound to something else. */
static cJSON *unseal(
		const struct mcp_serve *serve, const unsigned char *binding, const char *sealed)
{
	const size_t sealed_len = strlen(sealed);
	CUA_AUTO_FREE unsigned char *bytes = malloc(sealed_len + 1);
	unsigned char mac[crypto_auth_BYTES];
	size_t len = 0;
	if (!bytes ||
			sodium_base642bin(bytes, sealed_len + 1, sealed, sealed_len, NULL, &len,
					NULL, VARIANT) != 0 ||
			len < crypto_auth_BYTES) {
		return NULL;
	}
	sign(serve, binding, bytes + crypto_auth_BYTES, len - crypto_auth_BYTES, mac);
	return sodium_memcmp(mac, bytes, sizeof(mac)) == 0
			? cJSON_ParseWithLength((const char *)bytes + crypto_auth_BYTES,
					  len - crypto_auth_BYTES)
			: NULL;
}

/* --- of a request --- */

char *mcp_serve_seal_state(const struct mcp_serve_call *call, const cJSON *state)
{
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	cJSON_AddNumberToObject(json, "until", (double)(time(NULL) + LIFE_S));
	cJSON_AddItemToObject(json, "state", cJSON_Duplicate(state, true));
	return seal(call->session->serve, call->binding, json);
}

/* NULL: it does not count, or is too old. */
static cJSON *open_state(const struct mcp_serve_call *call)
{
	CUA_AUTO_JSON cJSON *json = unseal(call->session->serve, call->binding, call->sealed);
	return cua_json_number(json, "until") >= (double)time(NULL)
			? cJSON_DetachItemFromObjectCaseSensitive(json, "state")
			: NULL;
}

enum cua_status mcp_serve_open_state(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	if (!mcp_serve_is_modern(call->revision)) {
		return CUA_OK;
	}
	if (!bind_request(call)) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "request");
	}
	call->state = call->sealed ? open_state(call) : NULL;
	if (call->sealed && !call->state) {
		result->error_code = MCP_SERVE_ERROR_PARAMS;
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"the requestState is none that was given for this request in the "
				"last %d minutes; send it again without one",
				LIFE_S / 60);
	}
	return CUA_OK;
}

/* --- of a session --- */

/* No request is bound to this. */
static const unsigned char of_session[MCP_SERVE_STATE_KEY] = "session";

char *mcp_serve_session_id(const struct mcp_serve_session *session)
{
	const cJSON *elicitation = cua_json_member(session->capabilities, "elicitation");
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	if (!session->revision) {
		return NULL;
	}
	/* Of a form alone, whatever else a client may say of it. */
	if (cJSON_IsObject(elicitation) &&
			(!elicitation->child || cua_json_member(elicitation, "form"))) {
		cJSON_AddObjectToObject(json, "elicitation");
	}
	if (cJSON_IsObject(cua_json_member(session->capabilities, "sampling"))) {
		cJSON_AddObjectToObject(json, "sampling");
	}
	/* What it subscribes to is its own. */
	unsigned char nonce[16];
	char nonce_text[2 * sizeof(nonce) + 1];
	randombytes_buf(nonce, sizeof(nonce));
	cJSON_AddStringToObject(json, "nonce",
			sodium_bin2hex(nonce_text, sizeof(nonce_text), nonce, sizeof(nonce)));
	cJSON_AddStringToObject(json, "revision", session->revision);
	return seal(session->serve, of_session, json);
}

bool mcp_serve_session_resume(struct mcp_serve_session *session, const char *id)
{
	cJSON *json = unseal(session->serve, of_session, id);
	const char *revision = mcp_serve_known_revision(cua_json_string(json, "revision"));
	if (!revision) {
		cJSON_Delete(json);
		return false;
	}
	session->revision = revision;
	cJSON_Delete(session->capabilities);
	session->capabilities = json;
	free(session->key);
	session->key = strdup(id);
	return session->key;
}

/* Logging in and out, and the tokens of programs. */

#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/desktop_control.h"
#include "cua/server/routes.h"
#include "cua/server/server.h"
#include "cua/server/session.h"

/* --- cookies --- */

/* With the port that the client goes by, which cookies do not know: of servers beside each other,
 * and tunnels to several, none logs the people of another out. */
static void name_cookie(const struct cua_http_head *head, char name[32])
{
	const char *colon = strrchr(cua_http_header(head, "host"), ':');
	const size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
	const bool has_port = digits > 0 && digits < 6 && !colon[1 + digits];
	snprintf(name, 32, "cua_session%s%.5s", has_port ? "_" : "", has_port ? colon + 1 : "");
}

bool session_of_cookie(const struct cua_http_head *head, char session[TOKEN_SIZE])
{
	char name[32];
	name_cookie(head, name);
	const size_t name_len = strlen(name);
	const char *at = cua_http_header(head, "cookie");
	while (*at) {
		at += strspn(at, "; ");
		const size_t len = strcspn(at, ";");
		if (strncmp(at, name, name_len) == 0 && at[name_len] == '=' &&
				len - name_len <= (size_t)TOKEN_SIZE) {
			snprintf(session, TOKEN_SIZE, "%.*s", (int)(len - name_len - 1),
					at + name_len + 1);
			return true;
		}
		at += len;
	}
	return false;
}

static enum cua_status set_cookie(struct request *request, const char *session, int64_t lasts_s,
		struct cua_error *err)
{
	char name[32];
	name_cookie(request->head, name);
	return cua_buffer_printf(&request->headers, err,
			"set-cookie: %s=%s; Path=/; HttpOnly; SameSite=Strict; "
			"Max-Age=%lld%s\r\n",
			name, session, (long long)lasts_s,
			request->server->options->certificate_path ? "; Secure" : "");
}

enum cua_status session_make_login(
		struct store *store, char ret_login[TOKEN_SIZE], struct cua_error *err)
{
	const struct token_wish wish = { TOKEN_LOGIN, "login", SCOPES_ALL, LOGIN_LASTS_MS, NULL };
	char id[TOKEN_ID_SIZE];
	enum cua_status status = store_run(store, NULL, err,
			"DELETE FROM tokens WHERE expires_ms < ?", "i", store_now_ms());
	return status == CUA_OK ? token_create(store, &wish, id, ret_login, NULL, err) : status;
}

/* --- sessions --- */

static const struct field login_fields[] = {
	{ "login", FIELD_TEXT, FIELD_REQUIRED, 1, TOKEN_SIZE, NULL, NULL,
			"what stands after # in the URL that cua serve prints; used once" },
	{ "csrf", FIELD_TEXT, 0, 32, TOKEN_SIZE - 1, NULL, NULL,
			"the X-Cua-Csrf of the session, at random; without, the server chooses. "
			"Who has chosen it needs no answer, which a page that goes does not get" },
	{ 0 }
};
static const struct fields login_body = { "Login", login_fields };

static const struct field session_fields[] = {
	{ "name", FIELD_TEXT, FIELD_REQUIRED, .help = "of the token or the session" },
	{ "scopes", FIELD_TEXTS, FIELD_REQUIRED, .help = "watch, act, approve, admin" },
	{ "csrf", FIELD_TEXT, FIELD_REQUIRED | FIELD_NULLABLE,
			.help = "of a session: the header X-Cua-Csrf of all its requests; a "
				"cookie goes to every port of a machine, and opens nothing alone" },
	{ 0 }
};
static const struct fields session_answer = { "Session", session_fields };

static cJSON *describe(const struct caller *caller)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "name", caller->name);
	cJSON_AddItemToObject(json, "scopes", scopes_json(caller->scopes));
	cJSON_AddItemToObject(json, "csrf",
			caller->is_session ? cJSON_CreateString(caller->csrf) : cJSON_CreateNull());
	return json;
}

static enum cua_status post_login(struct request *request, struct cua_error *err)
{
	struct server *server = request->server;
	struct caller login = { 0 };
	char session[TOKEN_SIZE];
	enum cua_status status = token_use_login(
			server->store, cua_json_text(request->body, "login"), &login, err);
	if (status == CUA_ERR_NOT_FOUND) {
		const int wait_s = limiter_penalty_s(server->limiter, request->head->peer);
		if (wait_s > 0) {
			request->http_status = 429;
			return CUA_FAIL(err, CUA_ERR_POLICY, 0, "too many wrong logins; wait %d s",
					wait_s);
		}
		limiter_note_failure(server->limiter, request->head->peer);
		request->http_status = 401;
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"this login was used already, or is over; cua serve login makes "
				"another");
	}
	const struct token_wish wish = { TOKEN_SESSION, login.name, login.scopes, SESSION_LASTS_MS,
		cua_json_text(request->body, "csrf") };
	struct caller caller = { .scopes = login.scopes, .is_session = true };
	snprintf(caller.name, sizeof(caller.name), "%s", login.name);
	if (status == CUA_OK) {
		status = token_create(server->store, &wish, caller.id, session, caller.csrf, err);
	}
	if (status == CUA_OK) {
		status = set_cookie(request, session, SESSION_LASTS_MS / 1000, err);
	}
	request->answer = status == CUA_OK ? describe(&caller) : NULL;
	return status;
}

static enum cua_status get_session(struct request *request, struct cua_error *err)
{
	(void)err;
	request->answer = describe(&request->caller);
	return CUA_OK;
}

/* What a token has open that has just been revoked. */
static void close_all_of(struct server *server, const char *token)
{
	streams_check(&server->streams);
	desktop_control_give_all(token);
}

static enum cua_status delete_session(struct request *request, struct cua_error *err)
{
	enum cua_status status = request->caller.is_session
			? token_revoke(request->server->store, request->caller.id, err)
			: CUA_FAIL(err, CUA_ERR_INVAL, 0,
					  "a token is no session: DELETE /v1/tokens/%s revokes it",
					  request->caller.id);
	if (status != CUA_OK) {
		return status;
	}
	close_all_of(request->server, request->caller.id);
	return set_cookie(request, "", 0, err);
}

/* --- tokens --- */

static const struct field new_token_fields[] = { { "name", FIELD_TEXT, FIELD_REQUIRED, 1, 100, NULL,
								 NULL, "whose it is, for people" },
	{ "scopes", FIELD_TEXTS, FIELD_REQUIRED, 1, 4, NULL, NULL, "watch, act, approve, admin" },
	{ "lasts_s", FIELD_NUMBER, 0, 1, 315360000, NULL, NULL,
			"seconds until it is over; without: until it is revoked" },
	{ 0 } };
static const struct fields new_token_body = { "NewToken", new_token_fields };

static const struct field token_fields[] = { { "id", FIELD_TEXT, FIELD_REQUIRED },
	{ "name", FIELD_TEXT, FIELD_REQUIRED }, { "scopes", FIELD_TEXTS, FIELD_REQUIRED },
	{ "created_ms", FIELD_NUMBER, FIELD_REQUIRED, .help = "milliseconds since 1970" },
	{ "expires_ms", FIELD_NUMBER, FIELD_REQUIRED | FIELD_NULLABLE },
	{ "used_ms", FIELD_NUMBER, FIELD_REQUIRED | FIELD_NULLABLE, .help = "to the minute" },
	{ "token", FIELD_TEXT, .help = "itself, told once, when it is made" }, { 0 } };
static const struct fields token_answer = { "Token", token_fields };

static enum cua_status post_token(struct request *request, struct cua_error *err)
{
	struct store *store = request->server->store;
	char id[TOKEN_ID_SIZE], token[TOKEN_SIZE];
	struct token_wish wish = { .kind = TOKEN_API,
		.name = cua_json_text(request->body, "name"),
		.lasts_ms = (int64_t)(cua_json_number(request->body, "lasts_s") * 1000) };
	enum cua_status status =
			scopes_of_json(cua_json_member(request->body, "scopes"), &wish.scopes, err);
	if (status == CUA_OK) {
		status = token_create(store, &wish, id, token, NULL, err);
	}
	if (status == CUA_OK) {
		status = store_get(store, &request->answer, err, "the token has just gone",
				"SELECT id, name, created_ms, expires_ms, used_ms FROM tokens "
				"WHERE "
				"id = ?",
				"s", id);
	}
	if (status == CUA_OK) {
		cJSON_AddItemToObject(request->answer, "scopes", scopes_json(wish.scopes));
		cJSON_AddStringToObject(request->answer, "token", token);
	}
	return status;
}

static enum cua_status get_tokens(struct request *request, struct cua_error *err)
{
	cJSON *tokens = NULL;
	enum cua_status status =
			tokens_list(request->server->store, cua_json_text(request->query, "after"),
					request_limit(request) + 1, &tokens, err);
	if (status == CUA_OK) {
		request_answer_list(request, tokens, "id");
	}
	return status;
}

static enum cua_status delete_token(struct request *request, struct cua_error *err)
{
	enum cua_status status = token_revoke(request->server->store, request->parameters[0], err);
	if (status == CUA_OK) {
		close_all_of(request->server, request->parameters[0]);
	}
	return status;
}

static const struct route table[] = {
	{ "POST", "/v1/login", "login", "Turns a login into a session of this browser", 0,
			ROUTE_PUBLIC | ROUTE_SECRET, NULL, &login_body, &session_answer, 201,
			post_login },
	{ "GET", "/v1/session", "getSession", "Who is asking, and what they may", 0, 0, NULL, NULL,
			&session_answer, 0, get_session },
	{ "DELETE", "/v1/session", "logout", "Ends the session of this browser", 0, 0, NULL, NULL,
			NULL, 0, delete_session },
	{ "GET", "/v1/tokens", "listTokens", "Tokens of programs", SCOPE_ADMIN, ROUTE_LIST,
			&list_query, NULL, &token_answer, 0, get_tokens },
	{ "POST", "/v1/tokens", "createToken", "Makes a token, and tells it once", SCOPE_ADMIN,
			ROUTE_SECRET, NULL, &new_token_body, &token_answer, 201, post_token },
	{ "DELETE", "/v1/tokens/{token}", "revokeToken", "Revokes a token", SCOPE_ADMIN, 0, NULL,
			NULL, NULL, 0, delete_token },
};
const struct routes session_routes =
		ROUTES("session", "Logging in, and the tokens of programs", table);

#ifndef CUA_SERVER_TOKENS_H
#define CUA_SERVER_TOKENS_H

/* Who may do what: tokens of programs, sessions of people's browsers, and logins, which are used
 * once to get a session. 256 random bits each; the store has their hashes alone. */

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cua/server/store.h"

enum scope {
	SCOPE_WATCH = 1,   /* see everything */
	SCOPE_ACT = 2,     /* start and steer runs and desktops, change files */
	SCOPE_APPROVE = 4, /* answer what runs ask */
	SCOPE_ADMIN = 8,   /* tokens, secrets, settings, servers; and all of the above */
};

#define SCOPES_ALL (SCOPE_WATCH | SCOPE_ACT | SCOPE_APPROVE | SCOPE_ADMIN)
#define TOKEN_SIZE 80
#define TOKEN_ID_SIZE 20

enum token_kind {
	TOKEN_API,
	TOKEN_SESSION,
	TOKEN_LOGIN,
};

struct caller {
	char id[TOKEN_ID_SIZE]; /* of the token; "" for nobody */
	char name[128];
	unsigned int scopes;
	bool is_session;
	char csrf[TOKEN_SIZE]; /* of a session: the second value, which its page sends along */
};

/* "watch,act" to scopes; CUA_ERR_INVAL. An admin gets all of them. */
CUA_NODISCARD enum cua_status scopes_parse(
		const char *names, unsigned int *ret_scopes, struct cua_error *err);
/* The same as an array of texts, either way. */
cJSON *scopes_json(unsigned int scopes);
CUA_NODISCARD enum cua_status scopes_of_json(
		const cJSON *names, unsigned int *ret_scopes, struct cua_error *err);

struct token_wish {
	enum token_kind kind;
	const char *name;
	unsigned int scopes;
	int64_t lasts_ms; /* 0: until it is revoked */
	const char *csrf; /* of a session: what its page has chosen; NULL or "": chosen here */
};

/* ret_token is told once, and nowhere kept; ret_csrf, of a session, may be NULL. */
CUA_NODISCARD enum cua_status token_create(struct store *store, const struct token_wish *wish,
		char ret_id[TOKEN_ID_SIZE], char ret_token[TOKEN_SIZE], char ret_csrf[TOKEN_SIZE],
		struct cua_error *err);

/* CUA_ERR_NOT_FOUND for one that there is not, or that is of another kind, or over: which of these
 * is nobody's business. */
CUA_NODISCARD enum cua_status token_check(struct store *store, const char *token,
		enum token_kind kind, struct caller *ret_caller, struct cua_error *err);
/* Is the token of this id still one? CUA_ERR_NOT_FOUND. ret_expires_ms: 0: not before it is
 * revoked.
 */
CUA_NODISCARD enum cua_status token_still(struct store *store, const char *id,
		int64_t *ret_expires_ms, struct cua_error *err);
/* As token_check(), of a login, which is used up by it. */
CUA_NODISCARD enum cua_status token_use_login(struct store *store, const char *token,
		struct caller *ret_caller, struct cua_error *err);

/* Of programs, without their hashes, by id, those after one; the caller's. */
CUA_NODISCARD enum cua_status tokens_list(struct store *store, const char *after, int limit,
		cJSON **ret_tokens, struct cua_error *err);
/* CUA_ERR_NOT_FOUND. */
CUA_NODISCARD enum cua_status token_revoke(
		struct store *store, const char *id, struct cua_error *err);

#endif

#ifndef CUA_AGENT_MODEL_H
#define CUA_AGENT_MODEL_H

/* What the loop wants of a model API. An implementation keeps the conversation, spells it the
 * way its API does, and turns what comes back into calls of the canonical actions; no spelling
 * of an API leaves its files.
 *
 * The order of a turn: agent_model_ask(), then agent_model_add_answer() once for every call of
 * the turn and in its order, then any agent_model_add_user(). */

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"
#include "cua/contract/action.h"

struct agent_image {
	char *base64; /* owned; PNG */
	char sha256[65];
	int width, height; /* pixels */
};

enum agent_call_kind {
	AGENT_CALL_COMPUTER, /* answered with a screenshot alone */
	AGENT_CALL_FUNCTION, /* answered with text and a screenshot */
	AGENT_CALL_GIVE_UP,
};

struct agent_call {
	enum agent_call_kind kind;
	char *id;             /* owned; what the answer refers to */
	cJSON *actions;       /* owned; canonical actions, in order */
	cJSON *safety_checks; /* owned; list of {id, code?, message?}; NULL if none is pending */
	char *reason;         /* owned; of a give_up */
	char problem[512];    /* why it must not run, for the model to read; "" if it may */
	char note[512];       /* what was changed in it, for the model to read; "" if nothing */
};

struct agent_usage {
	double input_tokens, cached_tokens, output_tokens, reasoning_tokens;
};

struct agent_turn {
	struct agent_call *calls; /* owned */
	size_t call_count;
	char *words;   /* owned; what it said beside its calls; "" if nothing */
	char *answer;  /* owned; the final message; NULL if there is none in this turn */
	char *refusal; /* owned; NULL if it did not refuse */
	struct agent_usage usage;
	double ms; /* retries included */
	int retries;
};

void agent_turn_finish(struct agent_turn *turn);

/* A request failed and is sent again after delay_ms. */
typedef void (*agent_retry_fn)(const char *why, int attempt, double delay_ms, void *user_data);

/* Strings are copied. */
struct agent_model_config {
	const char *model;
	const char *base_url;    /* without a slash at its end */
	const char *api_key;     /* NULL: no Authorization is sent. Borrowed: stays where it is */
	const char *session;     /* stable for a run; routes to the provider's cache */
	struct cua_point screen; /* pixels of the screenshots to come */
	int cancel_fd;
	int retries_max;
	double retry_unit; /* scales the waiting before retries: 1, less in tests */
	long idle_timeout_s;
	agent_retry_fn on_retry; /* may be NULL */
	void *user_data;
};

struct agent_model;

CUA_NODISCARD enum cua_status agent_model_create(const struct agent_model_config *config,
		struct agent_model **ret_model, struct cua_error *err);
void agent_model_destroy(struct agent_model *model);

/* A message of the user; image may be NULL. */
CUA_NODISCARD enum cua_status agent_model_add_user(struct agent_model *model, const char *text,
		const struct agent_image *image, struct cua_error *err);

/* text: for AGENT_CALL_FUNCTION. acknowledged: a person said yes to the call's safety checks. */
CUA_NODISCARD enum cua_status agent_model_add_answer(struct agent_model *model,
		const struct agent_call *call, const char *text, const struct agent_image *image,
		bool acknowledged, struct cua_error *err);

/**
 * agent_model_ask() - send the conversation and wait for the whole turn.
 * @deadline_us: of cua_now_us(); the request ends with CUA_ERR_TIMEOUT there.
 * @ret_turn:    set on CUA_OK only; release with agent_turn_finish().
 *
 * Only a turn that the API called complete is returned and added to the conversation; every
 * call in it has been checked, and duplicate call ids are an error. Failed requests are sent
 * again by the rules of retry.h.
 *
 * Return: CUA_OK; CUA_ERR_MODEL; CUA_ERR_CANCELLED; CUA_ERR_TIMEOUT; CUA_ERR_NOMEM.
 */
CUA_NODISCARD enum cua_status agent_model_ask(struct agent_model *model, uint64_t deadline_us,
		struct agent_turn *ret_turn, struct cua_error *err);

/**
 * agent_model_check_url() - may this base URL be used?
 * @has_key: a key would be sent to it.
 *
 * Return: CUA_OK; CUA_ERR_INVAL for anything but http and https, for a URL with a user name in
 *         it, and for plain http with a key to a host that is not loopback.
 */
CUA_NODISCARD enum cua_status agent_model_check_url(
		const char *base_url, bool has_key, struct cua_error *err);

#endif

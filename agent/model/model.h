#ifndef CUA_AGENT_MODEL_H
#define CUA_AGENT_MODEL_H

/* What the loop wants of a model API. An implementation keeps the conversation, spells it the
 * way its API does, and turns what comes back into calls of the canonical actions; no spelling
 * of an API leaves its files. agent/model/model_api.h is what an implementation is made of.
 *
 * The order of a turn: agent_model_ask(), then, if it has calls, agent_model_add_answers() once
 * for all of them and in their order, else agent_model_add_user(). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "agent/model/model_spec.h"
#include "agent/secrets/redact.h"
#include "cua/base/error.h"
#include "cua/contract/action.h"

struct agent_image {
	char *base64;           /* owned */
	unsigned char *bytes;   /* owned; the same; NULL where nobody needs them */
	size_t len;             /* of bytes */
	const char *media_type; /* of static storage: "image/png", "image/jpeg", "image/webp" */
	char sha256[65];
	int width, height; /* pixels */
};

/* Overwrites *ret_copy, which the caller owns; release with agent_image_finish(). */
CUA_NODISCARD enum cua_status agent_image_copy(const struct agent_image *image,
		struct agent_image *ret_copy, struct cua_error *err);
void agent_image_finish(struct agent_image *image);
/* "image/png", ... by how it begins; NULL if it is no picture that is known here. */
const char *agent_image_type(const unsigned char *bytes, size_t len);
/* Of a file of this media type: "png", also for NULL. */
const char *agent_image_suffix(const char *media_type);

enum agent_call_kind {
	AGENT_CALL_COMPUTER, /* of the API's computer tool */
	AGENT_CALL_FUNCTION, /* of a function offered beside it */
	AGENT_CALL_TOOL,     /* of a tool that the loop runs */
	AGENT_CALL_GIVE_UP,
};

struct agent_call {
	enum agent_call_kind kind;
	char *id;        /* owned; what the answer refers to */
	char *name;      /* owned; as the model called it; NULL if the API has no name for it */
	char *arguments; /* owned; JSON text as the model wrote it; NULL if it wrote none */
	cJSON *actions;  /* owned; canonical actions, in order; of a tool none */
	char *tool;      /* owned; of a tool, its name in functions of the config; else NULL */
	cJSON *tool_arguments; /* owned; of a tool; else NULL */
	cJSON *safety_checks;  /* owned; list of {id, code?, message?}; NULL if none is pending */
	char *reason;          /* owned; of a give_up */
	char problem[512];     /* why it must not run, for the model to read; "" if it may */
	char note[512];        /* what was changed in it, for the model to read; "" if nothing */
};

/* Output includes reasoning; input includes what was read from a cache and written to one. */
struct agent_usage {
	double input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens;
};

void agent_usage_add(struct agent_usage *sum, const struct agent_usage *usage);

enum agent_turn_end {
	AGENT_TURN_COMPLETE,
	AGENT_TURN_REFUSED,  /* by the model; refusal says why */
	AGENT_TURN_FILTERED, /* by its provider; refusal says why */
	AGENT_TURN_CUT,      /* by a limit of length */
};

/* A turn that is not complete has no calls and is not part of the conversation. */
struct agent_turn {
	enum agent_turn_end end;
	struct agent_call *calls; /* owned */
	size_t call_count;
	char *words;              /* owned; what it said beside its calls; "" if nothing */
	char *answer;             /* owned; the final message; NULL if there is none in this turn */
	char *refusal;            /* owned; of a turn that was refused or filtered; else NULL */
	bool is_paused;           /* it goes on when it is asked again; nothing is said to it */
	char *raw;                /* owned; for agent_model_restore_turn(); NULL if not complete */
	struct agent_usage usage; /* of all requests that the turn took */
	double ms;                /* retries included */
	int retries;
};

void agent_turn_finish(struct agent_turn *turn);

enum agent_answer_status {
	AGENT_ANSWER_OK,
	AGENT_ANSWER_FAILED,    /* its fault: an action failed, or an argument is wrong */
	AGENT_ANSWER_NOT_RUN,   /* because of another call */
	AGENT_ANSWER_UNCERTAIN, /* begun, and what came of it is not known */
};

/* What came of a call. All borrowed. */
struct agent_answer {
	const struct agent_call *call;
	enum agent_answer_status status;
	const cJSON *results; /* what the desktop said of each action that ran; may be NULL */
	const char *words;    /* what a tool said; NULL: it was none, or it failed */
	bool has_own_image;   /* the image is a tool's answer, and not the screen */
	const char *problem;  /* what went wrong, for the model to read; NULL if it went well */
	/* The screen after the call, or the picture that it asked for; never NULL. */
	const struct agent_image *image;
	bool acknowledged; /* a person said yes to its safety checks */
};

/* A request failed and is sent again after delay_ms; what its answer has said is void. */
typedef void (*agent_retry_fn)(const char *why, int attempt, double delay_ms, void *user_data);

/* Words of the model as they arrive: UTF-8, maybe hostile, without the key. */
typedef void (*agent_words_fn)(const char *words, void *user_data);

/* Strings are copied. */
struct agent_model_config {
	const char *api; /* one of agent_model_api_name() */
	const char *model;
	const char *base_url;   /* without a slash at its end */
	const char *api_key;    /* NULL: none is sent. Borrowed: stays where it is */
	const char *key_header; /* "api-key: "; NULL and "": as the API has it. Borrowed */
	/* What must show nowhere, the key among it; NULL: the key alone. Borrowed. */
	const struct agent_redactor *redactor;
	/* What is known of the model; NULL: nothing. Borrowed. An API never finds it NULL. */
	const struct agent_model_spec *spec;
	/* The request is to show whether key, address and name are right: no tools but what the
	 * model demands, and as little output as the API permits. */
	bool is_probe;
	/* Tools that the loop runs, [{"name", "description", "parameters"}]; NULL: none. Where the
	 * API has a shell or a text editor of its own, it stands for "bash" or "text_editor" here.
	 * Borrowed. */
	const cJSON *functions;
	const char *instructions; /* of the user, for every turn; NULL: none */
	const char *session;      /* stable for a run; routes to the provider's cache */
	/* A folder that has each picture as SHA256.png when it is told: it is read from there for
	 * each request. NULL: pictures are kept in memory. */
	const char *pictures_dir;
	struct model_pictures *pictures; /* of agent_model_create(); of no caller */
	struct cua_point screen;         /* pixels of the screenshots to come */
	int cancel_fd;                   /* readable: stop; -1 for none */
	int retries_max;
	double retry_unit; /* scales the waiting before retries: 1, less in tests */
	long idle_timeout_s;
	agent_retry_fn on_retry; /* may be NULL */
	agent_words_fn on_words; /* may be NULL */
	void *user_data;
};

struct agent_model;

/* "responses", ...: the APIs there are, one after another; NULL behind the last. */
const char *agent_model_api_name(size_t index);
/* CUA_ERR_INVAL if there is none of that name; the message lists them. */
CUA_NODISCARD enum cua_status agent_model_check_api(const char *api, struct cua_error *err);

/* CUA_ERR_INVAL for an API that is not there. */
CUA_NODISCARD enum cua_status agent_model_create(const struct agent_model_config *config,
		struct agent_model **ret_model, struct cua_error *err);
void agent_model_destroy(struct agent_model *model);

/* A message of the user; image may be NULL. */
CUA_NODISCARD enum cua_status agent_model_add_user(struct agent_model *model, const char *text,
		const struct agent_image *image, struct cua_error *err);

/* The answers to all calls of the last turn, in their order. note: what the model must know
 * besides; may be NULL. */
CUA_NODISCARD enum cua_status agent_model_add_answers(struct agent_model *model,
		const struct agent_answer *answers, size_t count, const char *note,
		struct cua_error *err);

/**
 * agent_model_ask() - send the conversation and wait for the whole turn.
 * @deadline_us: of cua_now_us(); the request ends with CUA_ERR_TIMEOUT there.
 * @ret_turn:    release with agent_turn_finish(). After a failure it has nothing but usage, ms and
 *               retries: what requests without a good answer have cost.
 *
 * Only a turn that the API called complete is added to the conversation and may have calls;
 * every call in it has been checked, and duplicate call ids are an error. Failed requests are
 * sent again by the rules of retry.h.
 *
 * Return: CUA_OK; CUA_ERR_MODEL; CUA_ERR_CANCELLED; CUA_ERR_TIMEOUT; CUA_ERR_NOMEM;
 *         CUA_ERR_NOT_FOUND if a picture is no longer in pictures_dir.
 */
CUA_NODISCARD enum cua_status agent_model_ask(struct agent_model *model, uint64_t deadline_us,
		struct agent_turn *ret_turn, struct cua_error *err);

/**
 * agent_model_restore_turn() - take back a turn that was received earlier.
 * @raw: of the turn; the conversation must be what it was when the turn came.
 *
 * The turn is as agent_model_ask() returned it, but for usage, ms and retries. A conversation
 * that is rebuilt from its messages, turns and answers asks with the same bytes as the first.
 *
 * Return: CUA_OK; CUA_ERR_MODEL if raw is no turn of this API; CUA_ERR_NOMEM.
 */
CUA_NODISCARD enum cua_status agent_model_restore_turn(struct agent_model *model, const char *raw,
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

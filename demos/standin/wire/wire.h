#ifndef CUA_DEMOS_STANDIN_WIRE_WIRE_H
#define CUA_DEMOS_STANDIN_WIRE_WIRE_H

/* Model APIs as pure functions: a request in, status, headers and body out. server.c puts them on
 * a socket; tests call them directly. Each API is one struct wire_api; what they share is in
 * check.h, talk.h, picture.h and events.h. */

#include <stdbool.h>
#include <stddef.h>

#include "cua/base/buffer.h"
#include "demos/standin/play.h"
#include "demos/standin/wire/talk.h"

#define WIRE_MODEL "standin"
#define WIRE_BODY_MAX (512U << 20) /* the largest of any API */
#define WIRE_FAULTS_MAX 64

enum wire_header {
	WIRE_AUTHORIZATION,
	WIRE_X_API_KEY,
	WIRE_ANTHROPIC_VERSION,
	WIRE_ANTHROPIC_BETA,
	WIRE_X_GOOG_API_KEY,
	WIRE_CONTENT_TYPE,
	WIRE_HEADER_COUNT,
};

/* "authorization:", as libwebsockets wants them. */
extern const char *const wire_header_names[WIRE_HEADER_COUNT];

/* A request as it came; borrowed. */
struct wire_http {
	const char *method, *path, *query;      /* query: "" without */
	const char *headers[WIRE_HEADER_COUNT]; /* NULL: was not there */
	const char *body;
	size_t body_len;
};

/* Why a request is refused, as the API says it. */
struct wire_error {
	int http_status;  /* 0: it is not */
	const char *code; /* static; NULL for the usual one of the status */
	char param[160];  /* "" for null */
	char message[768];
	char retry_after[64]; /* seconds, where the body tells them too; "" for none */
};

/* How the stand-in is told to behave, for as long as it runs. */
struct wire_settings {
	struct fault faults[WIRE_FAULTS_MAX];
	int faults_played[WIRE_FAULTS_MAX];
	int fault_count;
	int requests;       /* that came so far */
	const char *quirks; /* names of WIRE_QUIRKS with commas between, or NULL; borrowed */
	int idle_s;         /* it ends when nobody has asked for so long; 0: never */
	const char *key;    /* the only one that is accepted; NULL: any; borrowed */
};

/* Deviations of servers that were met. */
#define WIRE_QUIRKS \
	"index0 no-index no-ids stop object-arguments whole-arguments reasoning " \
	"reasoning-content think comments no-done plain tool-images alternate key"

struct wire_api;

/* A request that is being answered. */
struct wire_request {
	const struct wire_api *api;
	struct wire_settings *settings;
	const struct wire_http *http;
	const struct play *play;
	cJSON *root; /* owned */
	char model[128];
	bool stream;
	struct wire_error error;
	struct talk talk;
	struct play_input input;
	const struct fault *fault; /* what goes wrong with the answer; NULL: nothing */
	unsigned char before[PLAY_DIGEST_BYTES]; /* digest of what stands before the answer */
	/* What one API alone wants to know of its request. */
	bool encrypted;      /* Responses: reasoning items carry encrypted_content */
	bool usage_chunk;    /* Chat: stream_options.include_usage */
	const void *profile; /* what the model's name says; static; its API knows the type */
	bool as_list;        /* Gemini: a stream without alt=sse */
	const char *tool;    /* Anthropic: type of the computer tool; borrowed from root */
};

struct wire_reply {
	int http_status;
	const char *content_type; /* static, or of the fault */
	char headers[1024];       /* "Name: value\r\n" each */
	struct cua_buffer body;
	const struct fault *fault; /* what the server has to do to it; NULL: nothing */
};

struct wire_events;

struct wire_api {
	const char *name;
	size_t body_max;       /* bytes of a request */
	bool dotted;           /* errors say input.0.content, not input[0].content */
	const char *id_header; /* of replies, with the id of the request; NULL for none */
	/* Whether the path is this API's; what it says of model and stream goes into request. */
	bool (*takes)(struct wire_request *request, const char *path);
	/* Checks everything, as strictly as the real API does, and fills request->input; false
	 * with request->error set. request->root is parsed already. */
	bool (*read)(struct wire_request *request);
	/* The turn as this API spells it, for play_turn.sent; NULL when memory runs out. */
	cJSON *(*spell)(const struct wire_request *request, const struct play_turn *turn);
	/* What the server keeps of a request that is answered, for those to come, as play.held;
	 * may be NULL. */
	cJSON *(*hold)(const struct wire_request *request);
	/* The answer around turn->sent, plain and as a stream. */
	cJSON *(*answer)(const struct wire_request *request, const struct play_turn *turn);
	void (*stream)(const struct wire_request *request, const struct play_turn *turn,
			struct wire_events *events);
	cJSON *(*error)(const struct wire_error *error);
	/* The error that ends a stream. */
	void (*error_event)(const struct wire_error *error, struct wire_events *events);
	/* How it says that a member is unknown, missing or of another type; check.h. */
	bool (*bad_member)(struct wire_request *request, const char *place, const char *name,
			int problem, unsigned types);
	/* The same for a text that is none of values. */
	bool (*bad_value)(struct wire_request *request, const char *place, const cJSON *item,
			const char *const *values);
};

extern const struct wire_api wire_responses, wire_anthropic, wire_chat, wire_gemini;

/* Notes the refusal and yields false. code: static, NULL for the usual one; param: "" for none. */
bool wire_refuse(struct wire_request *request, int http_status, const char *code, const char *param,
		const char *fmt, ...) CUA_PRINTF(5, 6);

/* Whether the stand-in was told to deviate so. */
bool wire_quirk(const struct wire_request *request, const char *name);

/* Whether a key, as it came, is one that is accepted. */
bool wire_accepts(const struct wire_request *request, const char *key);

/* Whether the request offers a function of this name. */
typedef bool (*wire_offers_fn)(const struct wire_request *request, const char *name);
/* Fills what request->input says of functions. */
void wire_offers(struct wire_request *request, wire_offers_fn offers);

/* Answers any request. Never fails: trouble of the stand-in itself is a reply with 500.
 * Release the reply with wire_reply_finish(). */
void wire_answer(struct play *play, struct wire_settings *settings, const struct wire_http *http,
		struct wire_reply *ret_reply);
void wire_reply_finish(struct wire_reply *reply);
/* How many turns of the play stand in the request, which is answered with the one after them; -1:
 * it would be refused. Looks at no picture. */
int wire_turns(const struct play *play, struct wire_settings *settings,
		const struct wire_http *http);

/* "call_c1t12n0": kind, conversation, turn, number; unique within the life of the process. */
struct wire_id {
	char text[64];
};
struct wire_id wire_id(const struct wire_request *request, const struct play_turn *turn,
		const char *kind, int number);

/* Base64 of random bytes: nobody can make it up, and one that comes back changed shows. */
#define WIRE_SECRET_SIZE 160
void wire_secret(char secret[WIRE_SECRET_SIZE], const char *prefix);

/* Estimates of what the request and the turn cost: four bytes to a token, and so many for a
 * picture. The base64 of pictures is no text. */
struct wire_usage {
	double input, output;
};
struct wire_usage wire_usage(const struct wire_request *request, const struct play_turn *turn,
		unsigned picture_tokens);

#endif

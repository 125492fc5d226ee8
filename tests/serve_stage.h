#ifndef CUA_TESTS_SERVE_STAGE_H
#define CUA_TESTS_SERVE_STAGE_H

/* `cua serve` in a world of its own, and a client that speaks to it. */

#include <cjson/cJSON.h>

#include "tests/world.h"

struct serve_stage {
	struct world world;
	struct program server;
	char base[64];                  /* http://127.0.0.1:PORT */
	char login[128];                /* of the URL that it printed */
	char token[128];                /* of an admin */
	const char *spares;             /* --spares=N; NULL: none are kept ready */
	const char *option;             /* one more of cua serve; NULL: none */
	const char *const *environment; /* NAME=value, up to NULL, of it; NULL: no more */
};

/* Fails the test if it does not come up. */
void serve_stage_open(struct serve_stage *stage);
/* SIGKILL, and another one on the same folder; its port is another one. */
void serve_stage_kill_and_start(struct serve_stage *stage);
/* SIGTERM must end it well. */
void serve_stage_end(struct serve_stage *stage);
/* On the same folder; its port is another one. */
void serve_stage_begin(struct serve_stage *stage);
/* A key for runs on the stand-in, which takes any. */
void serve_stage_keep_key(const struct serve_stage *stage);
/* Ends it, and removes its world. */
void serve_stage_close(struct serve_stage *stage);

struct serve_call {
	const char *method, *path;
	const char *body;       /* NULL: none */
	const char *token;      /* NULL: the admin's; "": none */
	const char *headers[8]; /* further ones, "Name: value", up to a NULL */
};

struct serve_answer {
	long status;
	cJSON *json;   /* NULL: none */
	char *text;    /* of the body */
	char *headers; /* all of them */
};

/* One request. Release the answer with serve_answer_finish(). */
struct serve_answer serve_send(const struct serve_stage *stage, const struct serve_call *call);
void serve_answer_finish(struct serve_answer *answer);

/* What a browser sends along that has logged in, "Name: value" each. */
struct serve_session {
	char cookie[256], csrf[256], origin[128];
};

/* By a login that is good once, such as the stage's. */
struct serve_session serve_login(const struct serve_stage *stage, const char *login);

/* A POST with the admin's token whose answer nobody reads; the connection, the caller's. */
int serve_post_unread(const struct serve_stage *stage, const char *path, const char *body);

/* The same with the admin's token, of which only the JSON is wanted; fails the test if another
 * status came. The caller's; NULL for none. */
cJSON *serve_json(const struct serve_stage *stage, const char *method, const char *path,
		const char *body, long expected);

#endif

#ifndef CUA_TESTS_DESKTOP_FIXTURE_H
#define CUA_TESTS_DESKTOP_FIXTURE_H

/* Desktops started through the built program, as a person starts them. Every test program has a
 * world of its own: directories that no other desktop of this machine is in. Whatever waits has a
 * deadline and fails the test when it passes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "cua/base/http_client.h"
#include "cua/base/util.h"

#define DESKTOP_DEADLINE_MS 20000

/* Directories, and who asks. */
struct world {
	char dir[64];      /* 0711; removed at the end */
	char program[128]; /* cua, where everybody can read it */
	char path[256];    /* PATH of the program; "" for that of the test */
	uid_t uid;         /* run the program as this user; (uid_t)-1: as the test */
	int deadline_ms;   /* for one program; 0: what is usual */
};

/* What a program left. */
struct output {
	int exit_status; /* 128 + N after signal N */
	char *out, *err; /* owned; NUL-terminated */
	size_t out_len;
};

struct desktop {
	struct world *world;
	char name[64];
	char home[256];   /* outside */
	char socket[256]; /* the API */
	char inside_home[256];
	char pid_namespace[64]; /* of a sandbox; "" without one */
	uid_t uid;
	long events_at;                 /* recorder_mark() */
	struct cua_http_client *client; /* owned; one connection */
};

/* --- worlds --- */

/* uid as in struct world; skips nothing and starts nothing. */
void world_create(struct world *world, uid_t uid);
/* Stops whatever is still there; fails the test if that fails. */
void world_destroy(struct world *world);
/* A path in the world's directory; of one of four buffers in turn. */
const char *world_path(const struct world *world, const char *leaf);

/* --- programs --- */

/**
 * world_exec() - run a program to its end, as the world's user with the world's directories.
 * @argv:  NULL-terminated.
 * @extra: "NAME=value", NULL-terminated; added to the environment. NULL for none.
 * @input: standard input; NULL for none.
 */
void world_exec(const struct world *world, const char *const *argv, const char *const *extra,
		const char *input, size_t input_len, struct output *ret_output);
void output_finish(struct output *output);
/* The same without input and output, and without waiting for its end; the caller reaps it. */
pid_t world_start(const struct world *world, const char *const *argv, const char *const *extra);

/* `cua WORD...`; the last word is followed by NULL. */
void world_cua(const struct world *world, struct output *ret_output, ...) __attribute__((sentinel));
/* The same, with the exit status that must come; what it wrote is shown if another comes. */
void world_expect(const struct world *world, int exit_status, ...) __attribute__((sentinel));

/* --- desktops --- */

/* Starts a desktop of 1280x800 in a sandbox and connects to its API. */
void desktop_start(struct desktop *desktop, struct world *world, const char *name);
/* The same with options of `cua desktop start`, NULL-terminated. */
void desktop_start_with(struct desktop *desktop, struct world *world, const char *name, ...)
		__attribute__((sentinel));
/* Forgets the connection; the next request makes another. */
void desktop_disconnect(struct desktop *desktop);
/* Stops it; whatever was killed before, stop must succeed and leave nothing. */
void desktop_stop(struct desktop *desktop);
/* "running", "detached", "dead", or "absent". */
const char *desktop_state(const struct desktop *desktop);
/* What has to be gone after stop. */
void assert_nothing_left(const struct world *world, const char *name, uid_t uid);

/* Runs a shell script inside; its output without the line break at the end. Must succeed. */
char *desktop_sh(const struct desktop *desktop, const char *script); /* the caller frees */
/* Copies one of our helpers into the home; returns its path inside. */
const char *desktop_install(const struct desktop *desktop, const char *program);
/* Runs x_probe inside with one or two arguments; its output, the caller frees. */
char *desktop_probe(const struct desktop *desktop, const char *command, const char *argument);

/* --- the API --- */

/* One request; NULL body: GET. Returns the HTTP status; the caller releases the response. */
long desktop_http(struct desktop *desktop, const char *method, const char *path, const char *body,
		size_t body_len, const char *header, struct cua_http_response *ret_response);
/* POST /v1/actions with this body; the answer, the caller deletes. */
cJSON *desktop_post(struct desktop *desktop, const char *body, long *ret_http_status);
/* A list of actions as JSON, printf-like, no screenshot; must succeed. The caller deletes. */
cJSON *desktop_act(struct desktop *desktop, const char *fmt, ...) CUA_PRINTF(2, 3);
/* The same when nobody cares about the answer. */
void desktop_do(struct desktop *desktop, const char *fmt, ...) CUA_PRINTF(2, 3);
/* One action with one argument of any text, which is escaped; must succeed; the first result. */
cJSON *desktop_text_action(struct desktop *desktop, const char *action, const char *argument,
		const char *text);

const cJSON *json_at(const cJSON *json, const char *path);  /* "results.0.window.id"; NULL */
const char *json_text(const cJSON *json, const char *path); /* "" if there is none */
double json_number(const cJSON *json, const char *path);    /* -1 if there is none */

/* Sends the head and the body of POST /v1/actions and does not wait; the connection. */
int desktop_post_and_leave_open(const struct desktop *desktop, const char *body);

/* --- waiting --- */

typedef bool (*condition_fn)(void *data);
/* Polls; fails the test, naming what, at the deadline. */
void wait_until(condition_fn condition, void *data, const char *what);
bool waits_until(condition_fn condition, void *data, int timeout_ms);

/* --- processes --- */

/* Live processes (no zombies) of the desktop, seen from outside, whose command line begins with
 * or contains text; fills at most max. */
int desktop_pids(const struct desktop *desktop, const char *text, pid_t *pids, int max);
/* The one that there must be. */
pid_t desktop_pid(const struct desktop *desktop, const char *text);
bool process_is_gone(pid_t pid);
bool process_is_stopped(pid_t pid); /* by SIGSTOP */
void kill_and_wait(pid_t pid);
/* Kills every process of the desktop that runs the program of this name, stopped ones and those
 * that they start meanwhile too, and waits until they are gone; there need not be one. */
void desktop_end_processes(const struct desktop *desktop, const char *name);
/* A number from desktop.json: "host", "vnc", "bwrap", "session". */
pid_t desktop_recorded_pid(const struct desktop *desktop, const char *who);
uid_t desktop_uid(const struct desktop *desktop);

/* Starts processes beside the desktop that compute without end, as an ordinary program does; at the
 * latest they end with the test program. */
void load_start(int count);
void load_end(void);

/* --- files --- */

/* NULL if there is none; NUL-terminated; the caller frees. */
char *read_whole_file(const char *path, size_t *ret_len);
char *home_file(const struct desktop *desktop, const char *leaf); /* must exist */

/* --- the recorder --- */

/* Starts tests/x_recorder.c in the desktop, full screen, and waits until it has the keyboard. */
void recorder_start(struct desktop *desktop);
/* Events from here on. */
void recorder_mark(struct desktop *desktop);
/* Events since the mark, an array; of the types in the list "press release", NULL for all but
 * pings. The caller deletes. */
cJSON *recorder_events(struct desktop *desktop, const char *types);
/* Nothing is down: neither a key nor a button, as the X server has it. */
void assert_nothing_held(struct desktop *desktop);

#endif

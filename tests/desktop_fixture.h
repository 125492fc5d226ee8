#ifndef CUA_TESTS_DESKTOP_FIXTURE_H
#define CUA_TESTS_DESKTOP_FIXTURE_H

/* Desktops started through the built program, as a person starts them. Whatever waits has a
 * deadline and fails the test when it passes. What a test does with a desktop is in
 * desktop_api.h (its HTTP), desktop_processes.h and desktop_recorder.h (what reaches a window). */

#include "tests/world.h"

struct cua_http_client;

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

/* Starts a desktop of 1280x800 in a sandbox and connects to its API. */
void desktop_start(struct desktop *desktop, struct world *world, const char *name);
/* The same with options of `cua desktop start`, NULL-terminated. */
void desktop_start_with(struct desktop *desktop, struct world *world, const char *name, ...)
		__attribute__((sentinel));
/* Forgets the connection; the next request makes another. */
void desktop_disconnect(struct desktop *desktop);
/* Stops it; whatever was killed before, stop must succeed and leave nothing. */
void desktop_stop(struct desktop *desktop);
/* For a whole test program: in a world of its own, which ends with it. */
void desktop_start_alone(struct desktop *desktop, struct world *world, const char *name);
void desktop_stop_alone(struct desktop *desktop);
/* "running", "detached", "dead", or "absent". */
const char *desktop_state(const struct desktop *desktop);
/* A number from desktop.json: "host", "vnc", "bwrap", "session". */
pid_t desktop_recorded_pid(const struct desktop *desktop, const char *who);

/* Runs a shell script inside; its output without the line break at the end. Must succeed. */
char *desktop_sh(const struct desktop *desktop, const char *script); /* the caller frees */
/* The same, and this must be in what it says. */
void desktop_sh_expect(const struct desktop *desktop, const char *script, const char *expected);
/* What a tool says, failures too; arguments: JSON. Of one of two buffers in turn. */
const char *desktop_tool(const struct desktop *desktop, const char *tool, const char *arguments);
/* Copies one of our helpers into the home; returns its path inside. */
const char *desktop_install(const struct desktop *desktop, const char *program);
/* Runs x_probe inside with one or two arguments; its output, the caller frees. */
char *desktop_probe(const struct desktop *desktop, const char *command, const char *argument);
/* Nothing is down: neither a key nor a button, as the X server has it. */
void assert_nothing_held(const struct desktop *desktop);
char *home_file(const struct desktop *desktop, const char *leaf); /* must exist; the caller frees */

#endif

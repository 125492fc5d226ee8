#ifndef CUA_TESTS_WORLD_H
#define CUA_TESTS_WORLD_H

/* Every test program has a world of its own: directories that no other desktop of this machine is
 * in, and the built program, started there as a person starts it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

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

/* At most this many words in a command line, and in an environment. */
#define WORLD_WORDS_MAX 32

/* uid as in struct world; skips nothing and starts nothing. */
void world_create(struct world *world, uid_t uid);
/* Stops whatever is still there; fails the test if that fails. */
void world_destroy(struct world *world);
/* A path in the world's directory; of one of four buffers in turn. */
const char *world_path(const struct world *world, const char *leaf);

/**
 * world_exec() - run a program to its end, as the world's user with the world's directories.
 * @argv:  NULL-terminated.
 * @extra: "NAME=value", NULL-terminated; added to the environment. NULL for none.
 * @input: standard input; NULL for none.
 */
void world_exec(const struct world *world, const char *const *argv, const char *const *extra,
		const char *input, size_t input_len, struct output *ret_output);
/* Its two halves: several programs may run at once. */
struct program {
	const char *name; /* borrowed */
	pid_t pid;
	int out, err;
};
struct program world_begin(const struct world *world, const char *const *argv,
		const char *const *extra, const char *input, size_t input_len);
void world_await(const struct world *world, struct program *program, struct output *ret_output);
void output_finish(struct output *output);
/* Fails the test with what was written if another exit status came. */
void expect_status(const struct output *output, int exit_status, const char *what);
/* Fails the test with both if the part is not in the text. */
void assert_says(const char *text, const char *part);
/* world_exec() without input and output, and without waiting for its end; the caller reaps it. */
pid_t world_start(const struct world *world, const char *const *argv, const char *const *extra);

/* `cua WORD...`; the last word is followed by NULL. */
void world_cua(const struct world *world, struct output *ret_output, ...) __attribute__((sentinel));
/* The same, with the exit status that must come. */
void world_expect(const struct world *world, int exit_status, ...) __attribute__((sentinel));

#endif

#ifndef CUA_DEMOS_STANDIN_SCRIPT_H
#define CUA_DEMOS_STANDIN_SCRIPT_H

/* A demo script: YAML that a person writes, checked against two tables (script.c): the words a
 * step may begin with and the options each of them takes. demos/README.md explains every one. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cua/base/error.h"
#include "cua/contract/action.h"
#include "demos/standin/fault.h"

#define SCRIPT_STEPS_MAX 1000
#define SCRIPT_BYTES_MAX (1024 * 1024)
#define SCRIPT_LIST_MAX 4096 /* points of a path, texts of a list */

enum script_word {
	SCRIPT_SAY,
	SCRIPT_OPEN_APP,
	SCRIPT_SWITCH_APP,
	SCRIPT_OPEN_URL,
	SCRIPT_SEE,
	SCRIPT_WAIT_FOR,
	SCRIPT_GONE,
	SCRIPT_EXPECT,
	SCRIPT_CLICK_TEXT,
	SCRIPT_CLICK_AT,
	SCRIPT_DRAG_TEXT,
	SCRIPT_DRAW,
	SCRIPT_SCROLL,
	SCRIPT_TYPE,
	SCRIPT_KEY,
	SCRIPT_CLIPBOARD_SET,
	SCRIPT_CLIPBOARD_IS,
	SCRIPT_CALL,
	SCRIPT_FAULT,
	SCRIPT_DONE,
	SCRIPT_WORD_COUNT,
};

/* Which of several places where a text stands is meant. */
enum script_relation {
	SCRIPT_ANYWHERE,
	SCRIPT_NEAR,
	SCRIPT_BELOW,
	SCRIPT_ABOVE,
	SCRIPT_RIGHT_OF,
	SCRIPT_LEFT_OF,
};

struct script_texts {
	char **items; /* owned, and each of them */
	int count;
};

struct script_path {
	struct cua_point *points; /* owned */
	int count;
};

struct script_step {
	enum script_word word;
	int line; /* of the file, from 1 */
	/* The value of the word itself; which member depends on the word. */
	struct script_texts texts;
	struct cua_point point;
	int number;
	/* Options. */
	int within_s; /* -1: the default of the word */
	int nth;      /* 0: there must be one place only */
	enum script_relation relation;
	char *anchor; /* owned; the text that relation speaks of */
	int dx, dy;   /* pixels from the middle of the text found */
	int count;
	char *button; /* owned; NULL is left */
	char *keys;   /* owned; modifiers held, "ctrl+shift" */
	struct cua_point by;
	bool has_by;
	char *to;    /* owned */
	char *at;    /* owned */
	char *until; /* owned */
	struct script_path path;
	int times;           /* how often the step is played */
	bool batch;          /* what follows goes out in the same turn */
	struct fault *fault; /* owned */
	char *as;            /* owned; the name under which --print tells the value */
	char *say;           /* owned; replaces the words made up for the step */
};

struct script {
	char *task;    /* owned; what a person would ask of a model */
	char *give_up; /* owned; what it says when a step fails; NULL: which one and why */
	struct script_step *steps;
	int step_count;
};

/**
 * script_load() - read and check a script.
 * @ret_script: set on CUA_OK only; release with script_destroy().
 *
 * Every error names the file, the line and the word it is about.
 *
 * Return: CUA_OK; CUA_ERR_NOT_FOUND; CUA_ERR_INVAL; CUA_ERR_TOO_LARGE; CUA_ERR_NOMEM.
 */
CUA_NODISCARD enum cua_status script_load(
		const char *path, struct script **ret_script, struct cua_error *err);
/* The same from memory; name stands for the path in errors. */
CUA_NODISCARD enum cua_status script_parse(const char *name, const char *text, size_t len,
		struct script **ret_script, struct cua_error *err);
void script_destroy(struct script *script);

const char *script_word_name(enum script_word word);
/* "the value of the word" as one text, for messages and --print; never NULL. */
const char *script_step_text(const struct script_step *step);
/* The words and their options, for --help. */
void script_print_words(FILE *out);

#endif

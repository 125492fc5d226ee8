#ifndef CUA_AGENT_TOOLS_TOOL_H
#define CUA_AGENT_TOOLS_TOOL_H

/* What a model may use beside the computer. A tool says here what it is called and takes; most
 * run inside the desktop's sandbox, in the process of runner.h. */

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "agent/tools/family.h"
#include "cua/base/buffer.h"
#include "cua/base/error.h"
#include "cua/contract/effect.h"

enum tool_arg_type {
	TOOL_ARG_STRING,   /* UTF-8 without NUL */
	TOOL_ARG_INTEGER,  /* int */
	TOOL_ARG_BOOLEAN,  /* bool */
	TOOL_ARG_STRINGS,  /* list of strings */
	TOOL_ARG_INTEGERS, /* list of integers */
};

struct tool_arg {
	const char *name; /* NULL ends a list */
	enum tool_arg_type type;
	bool required;
	int min, max; /* integers: bounds; strings: bytes; lists: members */
	const char *help;
	const char *const *choices; /* of a string; NULL-terminated; NULL: any */
};

#define TOOL_ARGS_MAX 10
#define TOOL_IMAGES_MAX ((size_t)12 << 20) /* bytes of base64 that a call may answer with */

enum tool_place {
	TOOL_IN_SANDBOX, /* run() in the runner */
	TOOL_IN_LOOP,    /* the agent's loop does it; run is NULL */
};

struct tool_world;

/* One call in the runner. */
struct tool_call {
	const cJSON *arguments; /* borrowed; checked */
	struct tool_world *world;
	uint64_t deadline_us; /* of cua_now_us() */
	struct tool_moment began;
	struct cua_buffer text; /* what it says; made valid UTF-8 before it is sent */
	size_t image_bytes;     /* of images, in base64 */
	cJSON *images;          /* owned; list of {type: "image", data, mimeType} */
	bool is_error;          /* it ran, and what it says is a failure */
	bool has_exit_status;   /* what it ran came to its own end */
	int exit_status;
	bool is_alone;   /* programs that it runs can start no others */
	char *directory; /* owned; that the shell is in by now; NULL: not known */
};

struct tool {
	const char *name;
	const char *help; /* shown to people and to models */
	enum tool_place place;
	unsigned int effect; /* of enum cua_effect */
	struct tool_arg args[TOOL_ARGS_MAX + 1];
	/* A wrong argument or a failure that the model can do something about is an error with a
	 * message for it. */
	enum cua_status (*run)(struct tool_call *call, struct cua_error *err);
};

/* NULL behind the last. A new tool is a file tool_NAME.c and a line in tool_table.c. */
extern const struct tool *const tool_table[];

/* NULL if there is none of that name. */
const struct tool *tool_find(const char *name);

/* JSON schema of the arguments; the caller owns it. NULL when memory runs out. */
cJSON *tool_schema(const struct tool *tool);

/* Types, bounds, and that nothing is there which the tool does not take. CUA_ERR_INVAL names the
 * argument and what it may be. */
CUA_NODISCARD enum cua_status tool_check(
		const struct tool *tool, const cJSON *arguments, struct cua_error *err);

/* --- for run() --- */

const char *tool_string(const struct tool_call *call, const char *name); /* NULL: not given */
int tool_integer(const struct tool_call *call, const char *name, int fallback);
bool tool_boolean(const struct tool_call *call, const char *name);
/* Bytes of a file that is a picture. */
CUA_NODISCARD enum cua_status tool_add_image(struct tool_call *call, const void *bytes, size_t len,
		const char *media_type, struct cua_error *err);

#endif

#ifndef CUA_TESTS_TOOL_STAGE_H
#define CUA_TESTS_TOOL_STAGE_H

/* The tools of models, called on a real desktop of a test program's own. */

#include <cjson/cJSON.h>

#include "tests/desktop_fixture.h"

struct tool_stage {
	struct world world;
	struct desktop desktop;
	char said[70000]; /* by the last call */
	char blamed[40];  /* class of the last error of a call */
};
extern struct tool_stage tool_stage;

/* For cmocka's group. */
int tool_stage_start(void **state);
int tool_stage_finish(void **state);

cJSON *tool_post(const char *body, long *ret_status);
/* With one argument of any text, which is escaped, and more of them as JSON. */
cJSON *tool_call_any(const char *tool, const char *name, const char *text, const char *more,
		long *ret_status);
/* What it said, and that it is no failure. */
const char *tool_call(const char *tool, const char *name, const char *text, const char *more);
/* What it said, and that it is a failure, of the tool or of the call. */
const char *tool_call_failing(
		const char *tool, const char *name, const char *text, const char *more);
/* The same, and the desktop is not blamed for it. */
const char *tool_call_refused(
		const char *tool, const char *name, const char *text, const char *more);
const char *tool_bash(const char *command);

#endif

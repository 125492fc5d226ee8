#ifndef CUA_TESTS_TOOL_SCRIPT_H
#define CUA_TESTS_TOOL_SCRIPT_H

/* Scripts of the stand-in that call functions, in the spelling of each model API. */

#include "tests/world.h"

extern const char *const tool_script_apis[4];

/* A step that calls a function; arguments are JSON. Of one buffer. */
const char *tool_script_call(const char *api, const char *function, const char *arguments);
/* Steps into a file of the world; its path, of one buffer. */
const char *tool_script_write(const struct world *world, const char *task, const char *steps);
/* Fails the test if the part is not there. */
void tool_script_assert_has(const char *what, const char *text, const char *part);

#endif

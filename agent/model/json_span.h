#ifndef CUA_AGENT_JSON_SPAN_H
#define CUA_AGENT_JSON_SPAN_H

/* Parts of a JSON text as they were written. What a model said is sent back to it byte for
 * byte; a parser that prints again would change numbers and lose what it does not know. */

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"

#define AGENT_JSON_DEPTH_MAX 64
/* A value takes some hundred bytes once it is parsed, and two in the text. */
#define AGENT_JSON_VALUES_MAX (1 << 18)

struct agent_json_span {
	const char *at;
	size_t len;
};

/* Parses text that came from outside: UTF-8, nested no deeper than AGENT_JSON_DEPTH_MAX, of no more
 * than AGENT_JSON_VALUES_MAX values, which is known before any is stored, nothing after the value.
 * what names it in the error, which is CUA_ERR_MODEL. */
CUA_NODISCARD enum cua_status agent_json_parse(const char *text, size_t len, const char *what,
		cJSON **ret_json, struct cua_error *err);

/* No object in it may have two members of one name: who reads it may take either, and what is
 * judged must be what is done. what names it in the error, which is CUA_ERR_INVAL. */
CUA_NODISCARD enum cua_status agent_json_check_names(
		const cJSON *json, const char *what, struct cua_error *err);

/* The values in a text, at most; names of members are none. */
size_t agent_json_count(struct agent_json_span text);

/* The two below want text that agent_json_parse() has accepted. */

/* The value of a member of an object, the first one of that name. False if there is none.
 * Names with escapes are not found. */
bool agent_json_member(
		struct agent_json_span object, const char *name, struct agent_json_span *ret_value);
/* Walks a list: *at starts at 0. False after the last element. */
bool agent_json_element(struct agent_json_span list, size_t *at, struct agent_json_span *ret_value);

/* Where a byte of the text stands, counted from 1, for people. */
void agent_json_place(const char *text, const char *at, int *ret_line, int *ret_column);

/* True if a string in the text holds an escaped NUL, which a C string cannot carry. */
bool agent_json_has_nul(struct agent_json_span text);

#endif

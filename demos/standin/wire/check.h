#ifndef CUA_DEMOS_STANDIN_WIRE_CHECK_H
#define CUA_DEMOS_STANDIN_WIRE_CHECK_H

/* Which members an object of a request may and must have, as tables. */

#include "demos/standin/wire/wire.h"

enum check_type {
	CHECK_ANY = 0,
	CHECK_TEXT = 1 << 0,
	CHECK_NUMBER = 1 << 1,
	CHECK_BOOL = 1 << 2,
	CHECK_OBJECT = 1 << 3,
	CHECK_LIST = 1 << 4,
	CHECK_NULL = 1 << 5,
};

enum check_problem { CHECK_UNKNOWN, CHECK_MISSING, CHECK_TYPE };

/* A list of these ends with a name that is NULL. */
struct check_member {
	const char *name;
	unsigned types; /* enum check_type */
	bool required;
	const char *const *values; /* of a text: NULL-terminated, what it may be; NULL for any */
};

/* Where in the request something stands: "input[3].content[0]", or with dots. */
struct check_place {
	char text[160];
};
struct check_place check_index(const struct wire_request *request, const char *place, int index);
struct check_place check_member_of(
		const struct wire_request *request, const char *place, const char *name);

/* Refuses an object with other members, or with members of other types. place: "" for the root. */
bool check_members(struct wire_request *request, const char *place, const cJSON *object,
		const struct check_member *members);
/* A function that is offered, and the schema of its arguments, which may be NULL: function.c. */
bool wire_check_function(struct wire_request *request, const char *place, const cJSON *function,
		const cJSON *schema);
/* "a string", "an array or a string": the types of a member in English. */
const char *check_type_words(unsigned types, char *out, size_t size);
/* "'a', 'b', and 'c'" */
const char *check_value_words(const char *const *values, char *out, size_t size);

/* The header with the key, as OpenAI's servers want it and those that speak like them. */
bool check_key_openai(struct wire_request *request, bool needs_key);
/* bad_member as OpenAI's servers say it, Chat Completions among them. */
bool check_bad_member_openai(struct wire_request *request, const char *place, const char *name,
		int problem, unsigned types);
/* wire_api.error of the same servers. */
cJSON *wire_error_openai(const struct wire_error *error);
bool check_bad_value_openai(struct wire_request *request, const char *place, const cJSON *item,
		const char *const *values);

const cJSON *check_get(const cJSON *object, const char *name);
/* The text of a member, NULL if it is none. */
const char *check_text(const cJSON *object, const char *name);
bool check_is(const char *text, const char *other); /* text may be NULL */
bool check_any_of(const char *text, const char *const *values);

#endif

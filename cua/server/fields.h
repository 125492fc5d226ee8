#ifndef CUA_SERVER_FIELDS_H
#define CUA_SERVER_FIELDS_H

/* What is in a body, a query or an answer: one description, by which bodies are checked and
 * openapi.json is written. */

#include <cjson/cJSON.h>

#include "cua/base/error.h"
#include "cua/base/http_server.h"

/* Rows of tables leave out what they do not have. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum field_type {
	FIELD_TEXT,
	FIELD_NUMBER,
	FIELD_WHOLE, /* a number without a fraction */
	FIELD_BOOL,
	FIELD_OBJECT, /* of */
	FIELD_LIST,   /* of objects */
	FIELD_TEXTS,  /* an array of texts */
	FIELD_ANY,    /* JSON that is checked elsewhere */
};

enum field_flag {
	FIELD_REQUIRED = 1, /* of a body and a query; in an answer: always there */
	FIELD_NULLABLE = 2,
};

struct field {
	const char *name;
	enum field_type type;
	unsigned int flags;
	double min, max;         /* bytes of a text, a number's value, items; both 0: no bounds */
	const char *choices;     /* of a text: "a|b|c"; NULL: any */
	const struct fields *of; /* of objects */
	const char *help;
};

struct fields {
	const char *name;         /* in openapi.json: NewRun */
	const struct field *list; /* ends with a name of NULL */
};

/* CUA_ERR_INVAL names the member, and for one that there is not the one that was probably meant. */
CUA_NODISCARD enum cua_status fields_check(
		const struct fields *fields, const cJSON *object, struct cua_error *err);

/* The arguments of a query as an object, checked; the caller's. fields NULL: there are none. */
CUA_NODISCARD enum cua_status fields_take_query(const struct fields *fields,
		const struct cua_http_head *head, cJSON **ret_object, struct cua_error *err);

/* A JSON schema, the caller's; those of objects in it are references. */
cJSON *fields_schema(const struct fields *fields);
/* The same with the objects in their place, for readers who have nothing else. */
cJSON *fields_schema_whole(const struct fields *fields);

#endif

#ifndef CUA_AGENT_CATALOGUE_INTERNAL_H
#define CUA_AGENT_CATALOGUE_INTERNAL_H

/* Between
 *   catalogue.c         the files, and what is in them
 *   catalogue_fields.c  what may stand in an entry, as tables
 *   catalogue_choose.c  what a wish comes to; what it costs */

#include <cjson/cJSON.h>

#include "agent/model/catalogue.h"

enum catalogue_kind {
	CATALOGUE_TEXT,
	CATALOGUE_KEYS,   /* names of variables */
	CATALOGUE_AMOUNT, /* a number from 0 on; "unknown" is 0 */
	CATALOGUE_PRICE,  /* likewise; "unknown" is NAN */
	CATALOGUE_FLAG,
	CATALOGUE_TYPES,       /* list of png, jpeg, webp */
	CATALOGUE_COORDINATES, /* a word */
	CATALOGUE_GROUP,       /* an object */
};

struct catalogue_field {
	const char *name; /* NULL ends a table */
	enum catalogue_kind kind;
	size_t offset, size;
	const struct catalogue_field *group;
};

extern const struct catalogue_field catalogue_provider_fields[];
extern const struct catalogue_field catalogue_model_fields[];

/* A model's entry. */
struct catalogue_model {
	char provider[40];
	struct agent_model_spec spec;
};

/* The member that is to blame, from the outermost on. */
struct catalogue_path {
	const char *names[6];
	int depth;
};

/* Writes what entry says over to, which is of the table's type, and leaves the rest as it is.
 * CUA_ERR_INVAL with path completed. */
CUA_NODISCARD enum cua_status catalogue_apply(const struct catalogue_field *fields,
		const cJSON *entry, void *to, struct catalogue_path *path, struct cua_error *err);

/* What all entries that match the name say together. False if there is none. */
bool catalogue_describe(const struct agent_catalogue *catalogue, const char *name,
		struct catalogue_model *ret_model);
/* NULL if there is none of that name. */
const struct agent_provider *catalogue_find_provider(
		const struct agent_catalogue *catalogue, const char *name, size_t len);

#endif

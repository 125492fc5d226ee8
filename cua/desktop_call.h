#ifndef CUA_DESKTOP_CALL_H
#define CUA_DESKTOP_CALL_H

/* One request of the command line to a desktop's API. */

#include <cjson/cJSON.h>

#include "cua/base/error.h"

/**
 * cua_desktop_call() - find the desktop, send, parse.
 * @name:       NULL: the only desktop there is.
 * @body:       NULL for none; borrowed.
 * @ret_answer: JSON of the answer, the caller's; set on CUA_OK, and on a failure that came as an
 *              answer with results in it. May be NULL.
 *
 * Return: CUA_OK for a 2xx answer, else the error that the answer carries.
 */
CUA_NODISCARD enum cua_status cua_desktop_call(const char *name, const char *method,
		const char *path, const cJSON *body, cJSON **ret_answer, struct cua_error *err);

#endif

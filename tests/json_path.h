#ifndef CUA_TESTS_JSON_PATH_H
#define CUA_TESTS_JSON_PATH_H

/* What stands at a place in an answer. */

#include <cjson/cJSON.h>

const cJSON *json_at(const cJSON *json, const char *path);  /* "results.0.window.id"; NULL */
const char *json_text(const cJSON *json, const char *path); /* "" if there is none */
double json_number(const cJSON *json, const char *path);    /* -1 if there is none */

#endif

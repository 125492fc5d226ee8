#ifndef CUA_TESTS_CONTRACT_ACTIONS_H
#define CUA_TESTS_CONTRACT_ACTIONS_H

/* Actions made from the table, for the tests that go through all of it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cua/base/util.h"
#include "cua/contract/action.h"

static const struct cua_point screen = { 1280, 800 };

const struct cua_action_spec *spec_at(int i);
/* So many letters; the caller frees. */
char *text_of(size_t len);
cJSON *path_of(int points);
/* A value that this argument takes. */
cJSON *good_value(const struct cua_arg_spec *arg);
/* The least that is an action of this kind. */
cJSON *minimal(const struct cua_action_spec *spec);
void set(cJSON *json, const char *name, cJSON *value);
/* Sets one argument, and the other coordinate beside a coordinate. */
void set_arg(cJSON *json, const struct cua_arg_spec *arg, cJSON *value);

/* These parse and delete json. */
enum cua_status parse(cJSON *json, const struct cua_point *bounds, struct cua_error *err);
void expect_ok(cJSON *json, const struct cua_point *bounds);
/* Refused, with words that name what is wrong. */
void expect_refused(cJSON *json, const struct cua_point *bounds, const char *said);

#endif

#ifndef CUA_DEMOS_STANDIN_ITEMS_H
#define CUA_DEMOS_STANDIN_ITEMS_H

/* Output items of one turn, in the shape of the OpenAI Responses API. */

#include <cjson/cJSON.h>

#include "demos/standin/step.h"

struct items_ids {
	unsigned conversation;
	int turn;
};

/**
 * items_make() - the output array of a turn: reasoning, what it says, and its call.
 * @context: the turn; its actions and arguments are moved out of it.
 * @reason:  why it gives up; NULL if it does not.
 *
 * Return: the array, owned by the caller; NULL when memory runs out.
 */
cJSON *items_make(const struct items_ids *ids, struct step_context *context, const char *reason);

#endif

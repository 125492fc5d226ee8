#ifndef CUA_DEMOS_STANDIN_WIRE_SPOIL_H
#define CUA_DEMOS_STANDIN_WIRE_SPOIL_H

/* Faults carried out, so far as they are in what is said and not in how it travels. */

#include "demos/standin/wire/wire.h"

/* The fault of --fault that is due, counted as played; NULL for none. */
const struct fault *spoil_due(struct wire_settings *settings);
/* Whether the fault stands in place of an answer. fault may be NULL, here and below. */
bool spoil_replaces(const struct fault *fault);
/* More words, more calls. False when memory runs out. */
bool spoil_turn(const struct fault *fault, struct play_turn *turn);
/* The error the fault speaks of, or the usual one of the status. */
void spoil_error(const struct wire_request *request, int http_status, struct wire_error *ret_error);
/* Replaces or adds to a reply that is complete. */
void spoil_reply(const struct wire_request *request, struct wire_reply *reply);

#endif

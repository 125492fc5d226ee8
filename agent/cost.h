#ifndef CUA_AGENT_COST_H
#define CUA_AGENT_COST_H

#include <stdio.h>

#include <cjson/cJSON.h>

/* Where the tokens and the money of a run went, from its events: a row for each step, sums, and the
 * share of each kind of token. What is not known (a price, say) is shown as "-". */
void agent_cost_explain(FILE *out, const cJSON *events);

#endif

#ifndef CUA_AGENT_WORDS_H
#define CUA_AGENT_WORDS_H

/* Canonical actions in words, for people: "click at 412, 230", "type “hello”". */

#include <stdio.h>

#include <cjson/cJSON.h>

/* May hold text of the model: print it through cua/contract/text.h. */
void agent_words_action(FILE *out, const cJSON *action);
/* The whole list, joined by ", then "; the caller owns it. NULL when memory runs out. */
char *agent_words_actions(const cJSON *actions);
/* The same with texts to their end, for one who has to say yes to them. */
char *agent_words_whole(const cJSON *actions);

/* What an intent in the journal is about: its actions, or its tool. Likewise. */
char *agent_words_intent(const cJSON *intent);

#endif

#ifndef CUA_SERVER_ARGUMENTS_H
#define CUA_SERVER_ARGUMENTS_H

/* The arguments of a command of ours. What a client says is always the value of an option, in one
 * argument with its name, so that nothing it says can be taken for another option. */

#include <cjson/cJSON.h>

#define ARGUMENTS_MAX 64

struct arguments {
	const char *list[ARGUMENTS_MAX]; /* up to a NULL */
	char texts[ARGUMENTS_MAX][4200];
	int count;
};

/* word: borrowed, and ours. More than there is room for are left out. */
void arguments_add(struct arguments *arguments, const char *word);
/* "--NAME=VALUE", the name as options are spelled: max_steps is --max-steps. Of true "--NAME", of
 * false nothing. value: a text, a number or a bool. */
void arguments_add_option(struct arguments *arguments, const char *name, const cJSON *value);

#endif

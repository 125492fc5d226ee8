#ifndef CUA_SERVER_BUSY_H
#define CUA_SERVER_BUSY_H

/* Requests under way. Each has a thread of the pool until it is answered, and some wait for long: a
 * token may have only so many at once, so that others are served meanwhile, admins even when
 * several tokens do all they may, and what needs no token always. Any thread. */

#include <pthread.h>

#include "cua/server/tokens.h"

/* Of the 64 threads of the pool (cua/cmd_serve.c). */
#define BUSY_PER_TOKEN 32
#define BUSY_ALL 48
#define BUSY_WITH_ADMINS 56

struct busy {
	pthread_mutex_t mutex;
	char tokens[BUSY_WITH_ADMINS][TOKEN_ID_SIZE]; /* "": free */
};

void busy_init(struct busy *busy);
void busy_finish(struct busy *busy);
/* A place, above 0, or 0: there is none for this token now. */
int busy_enter(struct busy *busy, const struct caller *caller);
/* place: 0: nothing is done. */
void busy_leave(struct busy *busy, int place);

#endif

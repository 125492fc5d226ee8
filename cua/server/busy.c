#include "cua/server/busy.h"

#include <stdio.h>
#include <string.h>

void busy_init(struct busy *busy)
{
	*busy = (struct busy){ 0 };
	pthread_mutex_init(&busy->mutex, NULL);
}

void busy_finish(struct busy *busy)
{
	pthread_mutex_destroy(&busy->mutex);
}

int busy_enter(struct busy *busy, const struct caller *caller)
{
	const int most = caller->scopes & SCOPE_ADMIN ? BUSY_WITH_ADMINS : BUSY_ALL;
	int all = 0, own = 0, place = 0;
	pthread_mutex_lock(&busy->mutex);
	for (int i = 0; i < BUSY_WITH_ADMINS; i++) {
		all += busy->tokens[i][0] != '\0';
		own += strcmp(busy->tokens[i], caller->id) == 0;
		place = busy->tokens[i][0] ? place : i + 1;
	}
	if (all < most && own < BUSY_PER_TOKEN) {
		snprintf(busy->tokens[place - 1], sizeof(busy->tokens[0]), "%s", caller->id);
	} else {
		place = 0;
	}
	pthread_mutex_unlock(&busy->mutex);
	return place;
}

void busy_leave(struct busy *busy, int place)
{
	if (place > 0) {
		pthread_mutex_lock(&busy->mutex);
		busy->tokens[place - 1][0] = '\0';
		pthread_mutex_unlock(&busy->mutex);
	}
}

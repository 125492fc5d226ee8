#include "cua/server/limiter.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

#define ROWS 512 /* of each; the one that was quiet longest gives way */
#define GUESSES_FREE 5
#define PENALTY_MAX_S 300
#define FORGIVEN_US (15 * 60 * 1000000ull)

struct row {
	char name[64]; /* "" for none */
	uint64_t changed_us;
	double tokens; /* left in the bucket */
	int failures;
};

struct limiter {
	pthread_mutex_t mutex;
	struct row takers[ROWS], guessers[ROWS];
};

/* Its row, or a new one in the place of the oldest. */
static struct row *find(struct row *rows, const char *name)
{
	struct row *oldest = &rows[0];
	for (size_t i = 0; i < ROWS; i++) {
		if (strcmp(rows[i].name, name) == 0) {
			return &rows[i];
		}
		if (rows[i].changed_us < oldest->changed_us) {
			oldest = &rows[i];
		}
	}
	*oldest = (struct row){ .tokens = LIMITER_BURST, .changed_us = cua_now_us() };
	snprintf(oldest->name, sizeof(oldest->name), "%s", name);
	return oldest;
}

bool limiter_take(struct limiter *limiter, const char *token_id, int *ret_left, int *ret_wait_s)
{
	pthread_mutex_lock(&limiter->mutex);
	struct row *row = find(limiter->takers, token_id);
	const uint64_t now = cua_now_us();
	const double more = (double)(now - row->changed_us) * LIMITER_PER_SECOND / 1e6;
	row->tokens = row->tokens + more < LIMITER_BURST ? row->tokens + more : LIMITER_BURST;
	row->changed_us = now;
	const bool may = row->tokens >= 1;
	row->tokens -= may ? 1 : 0;
	*ret_left = (int)row->tokens;
	*ret_wait_s = may ? 0 : 1;
	pthread_mutex_unlock(&limiter->mutex);
	return may;
}

static int penalty_of(const struct row *row)
{
	if (row->failures < GUESSES_FREE) {
		return 0;
	}
	const int doublings = row->failures - GUESSES_FREE;
	const int seconds = doublings < 9 ? 1 << doublings : PENALTY_MAX_S;
	const uint64_t passed_s = (cua_now_us() - row->changed_us) / 1000000;
	return passed_s < (uint64_t)seconds ? seconds - (int)passed_s : 0;
}

int limiter_penalty_s(struct limiter *limiter, const char *peer)
{
	pthread_mutex_lock(&limiter->mutex);
	struct row *row = find(limiter->guessers, peer);
	if (cua_now_us() - row->changed_us > FORGIVEN_US) {
		row->failures = 0;
	}
	const int seconds = penalty_of(row);
	pthread_mutex_unlock(&limiter->mutex);
	return seconds;
}

void limiter_note_failure(struct limiter *limiter, const char *peer)
{
	pthread_mutex_lock(&limiter->mutex);
	struct row *row = find(limiter->guessers, peer);
	row->failures += row->failures < 1000;
	row->changed_us = cua_now_us();
	pthread_mutex_unlock(&limiter->mutex);
}

struct limiter *limiter_create(void)
{
	struct limiter *limiter = calloc(1, sizeof(*limiter));
	if (limiter) {
		pthread_mutex_init(&limiter->mutex, NULL);
	}
	return limiter;
}

void limiter_destroy(struct limiter *limiter)
{
	if (limiter) {
		pthread_mutex_destroy(&limiter->mutex);
		free(limiter);
	}
}

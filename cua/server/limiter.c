#include "cua/server/limiter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

#define ROWS 512 /* of each; the one that was quiet longest gives way */
#define GUESSES_FREE 5
#define GUESSES_PER_SECOND 20 /* of all together, after so many at once */
#define GUESSES_BURST 200
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
	struct row all_guesses; /* whoever makes them */
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

static void refill(struct row *row, double per_second, double most)
{
	const uint64_t now = cua_now_us();
	const double more = (double)(now - row->changed_us) * per_second / 1e6;
	row->tokens = row->tokens + more < most ? row->tokens + more : most;
	row->changed_us = now;
}

bool limiter_take(struct limiter *limiter, const char *token_id, int *ret_left, int *ret_wait_s)
{
	pthread_mutex_lock(&limiter->mutex);
	struct row *row = find(limiter->takers, token_id);
	refill(row, LIMITER_PER_SECOND, LIMITER_BURST);
	const bool may = row->tokens >= 1;
	row->tokens -= may ? 1 : 0;
	*ret_left = (int)row->tokens;
	*ret_wait_s = may ? 0 : 1;
	pthread_mutex_unlock(&limiter->mutex);
	return may;
}

/* Who has one address of IPv6 has 2^64 of them. */
static void guesser_of(const char *peer, char name[64])
{
	struct in6_addr address;
	if (inet_pton(AF_INET6, peer, &address) != 1 || IN6_IS_ADDR_V4MAPPED(&address)) {
		snprintf(name, 64, "%s", peer);
		return;
	}
	memset(address.s6_addr + 8, 0, 8);
	(void)inet_ntop(AF_INET6, &address, name, 64);
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
	char name[64];
	guesser_of(peer, name);
	pthread_mutex_lock(&limiter->mutex);
	struct row *row = find(limiter->guessers, name);
	if (cua_now_us() - row->changed_us > FORGIVEN_US) {
		row->failures = 0;
	}
	int seconds = penalty_of(row);
	refill(&limiter->all_guesses, GUESSES_PER_SECOND, GUESSES_BURST);
	if (seconds == 0 && limiter->all_guesses.tokens < 1) {
		seconds = 1;
	}
	pthread_mutex_unlock(&limiter->mutex);
	return seconds;
}

void limiter_note_failure(struct limiter *limiter, const char *peer)
{
	char name[64];
	guesser_of(peer, name);
	pthread_mutex_lock(&limiter->mutex);
	refill(&limiter->all_guesses, GUESSES_PER_SECOND, GUESSES_BURST);
	limiter->all_guesses.tokens -= limiter->all_guesses.tokens >= 1;
	struct row *row = find(limiter->guessers, name);
	row->failures += row->failures < 1000;
	row->changed_us = cua_now_us();
	pthread_mutex_unlock(&limiter->mutex);
}

struct limiter *limiter_create(void)
{
	struct limiter *limiter = calloc(1, sizeof(*limiter));
	if (limiter) {
		pthread_mutex_init(&limiter->mutex, NULL);
		limiter->all_guesses =
				(struct row){ .tokens = GUESSES_BURST, .changed_us = cua_now_us() };
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

#ifndef CUA_SERVER_LIMITER_H
#define CUA_SERVER_LIMITER_H

/* How often a token may ask, and how often an address may guess. Any thread may call. */

#include <stdbool.h>

#define LIMITER_PER_SECOND 100
#define LIMITER_BURST 400

struct limiter;

struct limiter *limiter_create(void);
void limiter_destroy(struct limiter *limiter);

/* One request of a token. False if it has to wait; ret_wait_s: how long. ret_left: requests that it
 * has at once. */
bool limiter_take(struct limiter *limiter, const char *token_id, int *ret_left, int *ret_wait_s);

/* Seconds that an address, which has guessed wrong, has to wait before it may guess again; 0: it
 * may. Addresses of IPv6 count by their first 64 bits. However many addresses guess, there is a
 * bound to all of them. Right tokens are never held up by it. */
int limiter_penalty_s(struct limiter *limiter, const char *peer);
void limiter_note_failure(struct limiter *limiter, const char *peer);

#endif

#include "cua/server/tickets.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

#define SECRET_BYTES 32
#define HASH_BYTES 32
#define TICKETS_MAX 1024
#define TICKETS_PER_TOKEN 64

struct ticket {
	int64_t expires_ms; /* 0: a free place */
	unsigned char hash[HASH_BYTES];
	char peer[48];
	struct ticket_grant grant;
};

struct tickets {
	pthread_mutex_t mutex;
	struct store *store;
	int lasts_ms;
	struct ticket list[TICKETS_MAX];
};

struct tickets *tickets_create(struct store *store, int lasts_ms)
{
	struct tickets *tickets = calloc(1, sizeof(*tickets));
	if (tickets) {
		tickets->store = store;
		tickets->lasts_ms = lasts_ms;
		pthread_mutex_init(&tickets->mutex, NULL);
	}
	return tickets;
}

void tickets_destroy(struct tickets *tickets)
{
	if (tickets) {
		pthread_mutex_destroy(&tickets->mutex);
		free(tickets);
	}
}

static void hash_of(const char *ticket, unsigned char hash[HASH_BYTES])
{
	crypto_generichash(
			hash, HASH_BYTES, (const unsigned char *)ticket, strlen(ticket), NULL, 0);
}

/* With the mutex held. NULL: there is none, or this token has too many. */
static struct ticket *find_place(struct tickets *tickets, const char *token_id, int64_t now)
{
	struct ticket *place = NULL;
	int of_token = 0;
	for (size_t i = 0; i < TICKETS_MAX; i++) {
		struct ticket *ticket = &tickets->list[i];
		if (ticket->expires_ms <= now) {
			place = ticket;
		} else {
			of_token += strcmp(ticket->grant.caller.id, token_id) == 0;
		}
	}
	return of_token < TICKETS_PER_TOKEN ? place : NULL;
}

enum cua_status tickets_make(struct tickets *tickets, const struct ticket_grant *grant,
		const char *peer, char ret_ticket[TICKET_SIZE], int64_t *ret_expires_ms,
		struct cua_error *err)
{
	unsigned char secret[SECRET_BYTES];
	char text[TICKET_SIZE];
	const int64_t now = store_now_ms();
	struct ticket ticket = { .expires_ms = now + tickets->lasts_ms, .grant = *grant };
	randombytes_buf(secret, sizeof(secret));
	sodium_bin2base64(text, sizeof(text), secret, sizeof(secret),
			sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	hash_of(text, ticket.hash);
	snprintf(ticket.peer, sizeof(ticket.peer), "%s", peer);
	pthread_mutex_lock(&tickets->mutex);
	struct ticket *place = find_place(tickets, grant->caller.id, now);
	if (place) {
		*place = ticket;
	}
	pthread_mutex_unlock(&tickets->mutex);
	if (!place) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"too many tickets wait to be used; each is over after %d s",
				tickets->lasts_ms / 1000);
	}
	memcpy(ret_ticket, text, sizeof(text));
	*ret_expires_ms = ticket.expires_ms;
	return CUA_OK;
}

/* Takes it out. All are compared, in constant time each. */
static bool take(struct tickets *tickets, const char *text, struct ticket *ret_ticket)
{
	unsigned char hash[HASH_BYTES];
	bool is_found = false;
	hash_of(text, hash);
	pthread_mutex_lock(&tickets->mutex);
	for (size_t i = 0; i < TICKETS_MAX; i++) {
		struct ticket *ticket = &tickets->list[i];
		if (ticket->expires_ms > 0 && sodium_memcmp(ticket->hash, hash, HASH_BYTES) == 0) {
			*ret_ticket = *ticket;
			ticket->expires_ms = 0;
			is_found = true;
		}
	}
	pthread_mutex_unlock(&tickets->mutex);
	return is_found;
}

enum cua_status tickets_use(struct tickets *tickets, const char *text, const char *kind,
		const char *subject, const char *peer, struct ticket_grant *ret_grant,
		struct cua_error *err)
{
	static const char *const wrong = "the ticket is not known here, was used, or is over";
	struct ticket ticket;
	int64_t token_expires_ms = 0;
	const int64_t now = store_now_ms();
	if (!take(tickets, text, &ticket) || ticket.expires_ms <= now ||
			strcmp(ticket.grant.kind, kind) != 0 ||
			strcmp(ticket.grant.subject, subject) != 0 ||
			strcmp(ticket.peer, peer) != 0) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "%s", wrong);
	}
	enum cua_status status =
			token_still(tickets->store, ticket.grant.caller.id, &token_expires_ms, err);
	if (status == CUA_OK) {
		*ret_grant = ticket.grant;
	}
	return status;
}

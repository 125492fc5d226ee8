#include "cua/api/desktop_lease.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "cua/api/reply.h"
#include "cua/base/util.h"

#define LEASE_WAIT_MAX_MS 60000

/* Somebody who waits for a person to give the input back. */
struct lease_waiter {
	struct cua_http_exchange *exchange;
	uint64_t deadline_ms; /* of uv_now() */
	TAILQ_ENTRY(lease_waiter) link;
};

struct desktop_lease {
	uv_loop_t *loop;
	struct desktop_thread *thread;
	uv_timer_t timer; /* of the first whose wait is over */
	TAILQ_HEAD(, lease_waiter) waiters;
};

enum cua_status desktop_lease_create(uv_loop_t *loop, struct desktop_thread *thread,
		struct desktop_lease **ret_lease, struct cua_error *err)
{
	struct desktop_lease *lease = calloc(1, sizeof(*lease));
	if (!lease) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "lease");
	}
	lease->loop = loop;
	lease->thread = thread;
	uv_timer_init(loop, &lease->timer);
	lease->timer.data = lease;
	TAILQ_INIT(&lease->waiters);
	*ret_lease = lease;
	return CUA_OK;
}

const char *desktop_lease_holder(const struct desktop_lease *lease)
{
	return desktop_thread_person_holds(lease->thread) ? "person" : "agent";
}

static void reply_lease(struct desktop_lease *lease, struct cua_http_exchange *exchange)
{
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "holder", desktop_lease_holder(lease));
	api_reply_json(exchange, 200, json);
}

static void on_timer(uv_timer_t *timer)
{
	desktop_lease_look(timer->data);
}

/* Answers those whose wait is over, and sets the timer for the next. */
void desktop_lease_look(struct desktop_lease *lease)
{
	const bool agent_holds = !desktop_thread_person_holds(lease->thread);
	uint64_t next_ms = UINT64_MAX;
	struct lease_waiter *waiter, *following;
	for (waiter = TAILQ_FIRST(&lease->waiters); waiter; waiter = following) {
		following = TAILQ_NEXT(waiter, link);
		if (agent_holds || waiter->deadline_ms <= uv_now(lease->loop) ||
				waiter->exchange->gone) {
			TAILQ_REMOVE(&lease->waiters, waiter, link);
			reply_lease(lease, waiter->exchange);
			free(waiter);
		} else if (waiter->deadline_ms < next_ms) {
			next_ms = waiter->deadline_ms;
		}
	}
	uv_timer_stop(&lease->timer);
	if (next_ms != UINT64_MAX) {
		uv_timer_start(&lease->timer, on_timer, next_ms - uv_now(lease->loop), 0);
	}
}

void desktop_lease_get(struct desktop_lease *lease, struct cua_http_exchange *exchange)
{
	const char *wait = strncmp(exchange->head.query, "wait_ms=", 8) == 0
			? exchange->head.query + 8
			: NULL;
	char *end = NULL;
	const long wait_ms = wait ? strtol(wait, &end, 10) : 0;
	if ((wait && (*end || end == wait)) || (!wait && exchange->head.query[0]) || wait_ms < 0 ||
			wait_ms > LEASE_WAIT_MAX_MS) {
		struct cua_error error;
		cua_error_set(&error, CUA_ERR_INVAL, 0, "wait_ms must be 0 to %d",
				LEASE_WAIT_MAX_MS);
		api_reply_error(exchange, &error, -1);
		return;
	}
	struct lease_waiter *waiter = calloc(1, sizeof(*waiter));
	if (!waiter) {
		reply_lease(lease, exchange);
		return;
	}
	uv_update_time(lease->loop);
	waiter->exchange = exchange;
	waiter->deadline_ms = uv_now(lease->loop) + (uint64_t)wait_ms;
	TAILQ_INSERT_TAIL(&lease->waiters, waiter, link);
	desktop_lease_look(lease);
}

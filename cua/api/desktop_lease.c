#include "cua/api/desktop_lease.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "cua/api/reply.h"
#include "cua/base/util.h"

#define LEASE_WAIT_MAX_MS 60000

/* Somebody who waits for a change. */
struct lease_waiter {
	struct cua_http_exchange *exchange;
	uint64_t deadline_ms;  /* of uv_now() */
	bool is_about_control; /* waits for another revision; else until the agent has the input */
	uint64_t revision;
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
	struct control control;
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	desktop_thread_control(lease->thread, &control);
	cJSON_AddStringToObject(json, "holder", desktop_lease_holder(lease));
	if (control.since_us > 0) { /* somebody has or had it */
		cJSON *last = cJSON_AddObjectToObject(json, "last");
		cJSON_AddStringToObject(last, "person", control.person.name);
		cJSON_AddBoolToObject(last, "private", control.was_private);
		cJSON_AddNumberToObject(last, "ms",
				(double)(control_held_us(&control, cua_now_us()) / 1000));
	}
	api_reply_json(exchange, 200, json);
}

static void reply_control(struct desktop_lease *lease, struct cua_http_exchange *exchange)
{
	struct control control;
	desktop_thread_control(lease->thread, &control);
	CUA_AUTO_JSON cJSON *json = control_describe(&control);
	api_reply_json(exchange, 200, json);
}

static bool has_news(const struct desktop_lease *lease, const struct lease_waiter *waiter)
{
	struct control control;
	desktop_thread_control(lease->thread, &control);
	return waiter->is_about_control ? control.revision != waiter->revision : !control.is_person;
}

static void on_timer(uv_timer_t *timer)
{
	desktop_lease_look(timer->data);
}

/* Answers those whose wait is over, and sets the timer for the next. */
void desktop_lease_look(struct desktop_lease *lease)
{
	uint64_t next_ms = UINT64_MAX;
	struct lease_waiter *waiter, *following;
	for (waiter = TAILQ_FIRST(&lease->waiters); waiter; waiter = following) {
		following = TAILQ_NEXT(waiter, link);
		if (has_news(lease, waiter) || waiter->deadline_ms <= uv_now(lease->loop) ||
				waiter->exchange->gone) {
			TAILQ_REMOVE(&lease->waiters, waiter, link);
			(waiter->is_about_control ? reply_control : reply_lease)(
					lease, waiter->exchange);
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

/* "name=NUMBER", at the beginning of the query or behind what another has left in it. */
static bool read_number(const char **query, const char *name, long max, long *ret_number)
{
	const size_t len = strlen(name);
	char *end = NULL;
	if (strncmp(*query, name, len) != 0 || (*query)[len] != '=') {
		return true; /* it is not said */
	}
	const char *text = *query + len + 1;
	const long number = strtol(text, &end, 10);
	if (end == text || (*end && *end != '&') || number < 0 || number > max) {
		return false;
	}
	*ret_number = number;
	*query = *end ? end + 1 : end;
	return true;
}

static void add_waiter(struct desktop_lease *lease, struct cua_http_exchange *exchange,
		bool is_about_control)
{
	const char *query = exchange->head.query;
	long wait_ms = 0, since = -1;
	if (!read_number(&query, "wait_ms", LEASE_WAIT_MAX_MS, &wait_ms) ||
			(is_about_control && !read_number(&query, "since", LONG_MAX, &since)) ||
			*query) {
		struct cua_error error;
		cua_error_set(&error, CUA_ERR_INVAL, 0, "the query may have wait_ms, 0 to %d%s",
				LEASE_WAIT_MAX_MS,
				is_about_control ? ", and after it since, a revision" : "");
		api_reply_error(exchange, &error, -1);
		return;
	}
	struct lease_waiter *waiter = calloc(1, sizeof(*waiter));
	if (!waiter) {
		(is_about_control ? reply_control : reply_lease)(lease, exchange);
		return;
	}
	uv_update_time(lease->loop);
	waiter->exchange = exchange;
	waiter->deadline_ms = uv_now(lease->loop) + (uint64_t)wait_ms;
	waiter->is_about_control = is_about_control;
	waiter->revision = (uint64_t)since;
	TAILQ_INSERT_TAIL(&lease->waiters, waiter, link);
	desktop_lease_look(lease);
}

void desktop_lease_get(struct desktop_lease *lease, struct cua_http_exchange *exchange)
{
	add_waiter(lease, exchange, false);
}

void desktop_lease_get_control(struct desktop_lease *lease, struct cua_http_exchange *exchange)
{
	add_waiter(lease, exchange, true);
}

#ifndef CUA_AGENT_SSE_H
#define CUA_AGENT_SSE_H

/* Server-sent events, cut anywhere by the network: the events that come out, and the error if
 * there is one, do not depend on where.
 * Source: WHATWG HTML, 9.2.6 "Interpreting an event stream". */

#include <stdbool.h>
#include <stddef.h>

#include "cua/base/buffer.h"
#include "cua/base/error.h"

#define AGENT_SSE_EVENT_MAX \
	((size_t)8 << 20) /* bytes of one line, and of the data of one event \
			   */

/* name is "" if the event had none. data ends in a NUL that len does not count. A status other
 * than CUA_OK ends agent_sse_feed() with that status. */
typedef enum cua_status (*agent_sse_event_fn)(const char *name, const char *data, size_t len,
		void *user_data, struct cua_error *err);

struct agent_sse {
	agent_sse_event_fn on_event;
	void *user_data;
	struct cua_buffer line, data;
	char name[64];
	/* What the stream said for those who ask for its rest; they stay over events. */
	char last_id[128]; /* "" if none, or one that is longer */
	long retry_ms;     /* -1: nothing was said */
	bool has_data;
	bool after_cr;    /* the next byte may be the line feed of a CR LF */
	bool after_first; /* the first line, where a byte order mark may stand, is over */
};

/* max_len: cap of one event, AGENT_SSE_EVENT_MAX unless a test wants less. */
void agent_sse_init(struct agent_sse *sse, size_t max_len, agent_sse_event_fn on_event,
		void *user_data);
void agent_sse_finish(struct agent_sse *sse);

/* Return: CUA_OK; CUA_ERR_TOO_LARGE past the cap; CUA_ERR_NOMEM; what on_event returned.
 * After a failure nothing more may be fed. An event that the stream's end cuts short is
 * never reported. */
CUA_NODISCARD enum cua_status agent_sse_feed(
		struct agent_sse *sse, const char *bytes, size_t len, struct cua_error *err);

#endif

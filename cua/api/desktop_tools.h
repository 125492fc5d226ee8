#ifndef CUA_API_DESKTOP_TOOLS_H
#define CUA_API_DESKTOP_TOOLS_H

/* The tool runner (agent/tools/runner.h) of a desktop: started in its sandbox for the first call,
 * and asked for one call after another. */

#include <stdbool.h>

#include <cjson/cJSON.h>
#include <uv.h>

#include "cua/base/error.h"
#include "cua/base/http_server.h"
#include "display/desktop_record.h"

struct desktop_tools;

struct desktop_tools_handler {
	/* Would on_act() take it? ret_error: as JSON, the caller owns it; NULL: yes. */
	void (*on_check)(const char *body, size_t len, char **ret_error, void *user_data);
	/* A script acts on the desktop: a body for POST /v1/actions. desktop_tools_acted() follows
	 * with the same number. One at a time. */
	void (*on_act)(int number, const char *body, size_t len, void *user_data);
	/* A call is over or given up: its act ends, and nothing that it held down stays so. */
	void (*on_over)(void *user_data);
	void *user_data;
};

/* handler is copied; called on the loop. record is borrowed. */
CUA_NODISCARD enum cua_status desktop_tools_create(uv_loop_t *loop,
		const struct desktop_record *record, const struct desktop_tools_handler *handler,
		struct desktop_tools **ret_tools, struct cua_error *err);

/* Answers the exchange, now or later. */
void desktop_tools_call(struct desktop_tools *tools, struct cua_http_exchange *exchange);
/* Answers which call is under way, and how many wait for it. */
void desktop_tools_tell(const struct desktop_tools *tools, struct cua_http_exchange *exchange);
/* The caller of a call that is judged says whether the script may act. Answers the exchange as
 * desktop_tools_call() does. */
void desktop_tools_judged(struct desktop_tools *tools, struct cua_http_exchange *exchange);
/* A connection is closed: nobody judges any more who did so on it. */
void desktop_tools_closed(struct desktop_tools *tools, unsigned long connection);
/* Ends the runner and all that it and its calls have started, and waits for that; the next call
 * starts another. CUA_ERR_POLICY while a call is under way; CUA_ERR_TIMEOUT. */
CUA_NODISCARD enum cua_status desktop_tools_end(struct desktop_tools *tools, struct cua_error *err);
/* The same at once, also of calls under way and those that wait, whose answer it is. */
void desktop_tools_stop(struct desktop_tools *tools, const struct cua_error *why);
/* The caller of a call hung up; false if the exchange is none of a call. */
bool desktop_tools_gone(struct desktop_tools *tools, const struct cua_http_exchange *exchange);
/* What became of an on_act(); JSON text, NUL-terminated. */
void desktop_tools_acted(struct desktop_tools *tools, int number, const char *answer);

#endif

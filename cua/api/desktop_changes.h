#ifndef CUA_API_DESKTOP_CHANGES_H
#define CUA_API_DESKTOP_CHANGES_H

/* GET /v1/changes: those who want to know that the screen or the windows have changed. The lines
 * are documented in cua/contract/README.md. Loop thread only. */

#include <uv.h>

#include "cua/api/desktop_thread.h"
#include "cua/base/http_server.h"

struct desktop_changes;

CUA_NODISCARD enum cua_status desktop_changes_create(uv_loop_t *loop, struct desktop_thread *thread,
		struct desktop_changes **ret_changes, struct cua_error *err);

/* exchange is released. */
void desktop_changes_begin(struct desktop_changes *changes, struct cua_http_exchange *exchange);
/* For cua_http_handler. */
void desktop_changes_drained(struct cua_http_stream *http);
void desktop_changes_closed(struct cua_http_stream *http);

/* Of enum display_news. */
void desktop_changes_tell(struct desktop_changes *changes, unsigned int news);

#endif

#ifndef CUA_API_DESKTOP_STREAM_H
#define CUA_API_DESKTOP_STREAM_H

/* GET /v1/frames: the WebSockets that frames are streamed on. Its messages are documented in
 * cua/contract/README.md. Loop thread only. */

#include <uv.h>

#include "cua/api/desktop_thread.h"
#include "cua/base/http_server.h"

struct desktop_streams;

/* submit hands a job to the thread, like every other job of the host. */
CUA_NODISCARD enum cua_status desktop_streams_create(uv_loop_t *loop, struct desktop_thread *thread,
		void (*submit)(struct desktop_job *job, void *user_data), void *user_data,
		struct desktop_streams **ret_streams, struct cua_error *err);

/* For cua_http_handler. */
CUA_NODISCARD enum cua_status desktop_streams_open(struct desktop_streams *streams,
		struct cua_http_stream *http, struct cua_error *err);
void desktop_streams_drained(struct cua_http_stream *http);
void desktop_streams_closed(struct cua_http_stream *http);

/* For every STREAM job that is done. */
void desktop_streams_job_done(const struct desktop_job *job);

#endif

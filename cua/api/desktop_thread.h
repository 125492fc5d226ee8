#ifndef CUA_API_DESKTOP_THREAD_H
#define CUA_API_DESKTOP_THREAD_H

/* The thread that owns a display, and the queue before it. Actions are straight-line code with
 * waits in it; on a thread of their own they never hold up the sockets, and an X server that
 * hangs hangs this thread alone. */

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>

#include <uv.h>

#include "cua/api/desktop_request.h"
#include "cua/base/http_server.h"
#include "display/news.h"
#include "display/stream.h"

enum desktop_job_kind {
	DESKTOP_JOB_ACTIONS,
	DESKTOP_JOB_SCREENSHOT,
	DESKTOP_JOB_RELEASE, /* a connection closed: release what it left down */
	DESKTOP_JOB_LINK,    /* a new vnc process */
	DESKTOP_JOB_STREAM_OPEN,
	DESKTOP_JOB_STREAM_CLOSE,
};

/* Made by the loop, run by the thread, finished by the loop. */
struct desktop_job {
	enum desktop_job_kind kind;
	struct cua_http_exchange *exchange; /* NULL: nobody waits */
	unsigned long connection;           /* 0 in a RELEASE: whoever it was */
	struct desktop_request request;     /* ACTIONS */
	int act;                            /* ACTIONS: number of a tool's act; 0: of a caller */
	struct display_shot shot;           /* SCREENSHOT */
	char if_none_match[128];
	int link_fd;                   /* LINK; taken over */
	struct display_stream *stream; /* STREAM_OPEN, STREAM_CLOSE */
	atomic_bool cancelled;
	/* the answer */
	int http_status;
	const char *content_type;
	char etag[128];
	struct cua_buffer body;
	bool is_answered;
	TAILQ_ENTRY(desktop_job) link;
};

/* What a person asks for. It waits for no job: the one that runs is stopped. */
struct desktop_order {
	struct control_order order;
	struct cua_http_exchange *exchange; /* NULL: nobody waits */
	bool is_plain;                      /* answered with {} */
	/* the answer */
	enum cua_status status;
	struct cua_error error;
	struct control control; /* as it is then */
	bool is_done;
	TAILQ_ENTRY(desktop_order) link;
};

struct desktop_thread;

struct desktop_thread_handler {
	void (*on_done)(struct desktop_job *job, void *user_data);
	void (*on_ordered)(struct desktop_order *order, void *user_data); /* which it frees */
	/* Holder of the input, viewers, or the link to vnc have changed, or the X server is
	 * gone or has closed the connection. */
	void (*on_people)(void *user_data);
	/* While they are asked for: of enum display_news. */
	void (*on_news)(unsigned int news, void *user_data);
	void *user_data;
};

/* Connects to the display before it returns. handler is copied; called on the loop. */
CUA_NODISCARD enum cua_status desktop_thread_create(uv_loop_t *loop,
		const struct desktop_record *record, const struct desktop_thread_handler *handler,
		struct desktop_thread **ret_thread, struct cua_error *err);
/* Cancels the running job and joins; false if the thread hangs in the X server. */
bool desktop_thread_stop(struct desktop_thread *thread);

/* As display_is_cut_off(). */
bool desktop_thread_is_cut_off(struct desktop_thread *thread);

struct desktop_job *desktop_job_create(enum desktop_job_kind kind);
void desktop_job_destroy(struct desktop_job *job);
/* Sends the answer, from any thread; on_done() ends the exchange, and answers where that is left to
 * it. */
void desktop_job_answer(struct desktop_job *job);
void desktop_thread_submit(struct desktop_thread *thread, struct desktop_job *job);
/* The job fails as soon as it looks up; on_done is called as ever. */
void desktop_thread_cancel(struct desktop_thread *thread, struct desktop_job *job);

/* order: of malloc(), and the thread's until on_ordered(). */
void desktop_thread_order(struct desktop_thread *thread, struct desktop_order *order);

/* To be called every look_ms while jobs run: hangs up on an X server that has said nothing for so
 * long while the thread waited for it; true if it did. */
bool desktop_thread_break_if_stuck(struct desktop_thread *thread, int look_ms, int stuck_ms);

/* From here on, or no longer: on_news. What was before is not told. */
void desktop_thread_watch(struct desktop_thread *thread, bool watches);

/* A stream has become ready for an update. */
void desktop_thread_wake_streams(struct desktop_thread *thread);

/* What any thread may ask. */
struct cua_point desktop_thread_screen(const struct desktop_thread *thread);
bool desktop_thread_person_holds(const struct desktop_thread *thread);
bool desktop_thread_is_private(const struct desktop_thread *thread);
void desktop_thread_control(struct desktop_thread *thread, struct control *ret_control);
/* A secret could be seen at the end of the last job. */
bool desktop_thread_withholds(const struct desktop_thread *thread);
int desktop_thread_viewers(const struct desktop_thread *thread);
/* A key or button is down between requests. */
bool desktop_thread_holds_input(const struct desktop_thread *thread);

#endif

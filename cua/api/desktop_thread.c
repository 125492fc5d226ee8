#include "cua/api/desktop_thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "cua/api/reply.h"
#include "cua/base/util.h"

#define STOP_TIMEOUT_S 2
#define BODY_MAX ((size_t)512 << 20)
#define JSON_TYPE "application/json"

TAILQ_HEAD(job_list, desktop_job);
TAILQ_HEAD(order_list, desktop_order);

struct desktop_thread {
	struct display *display; /* the thread's alone once it runs */
	_Atomic uint32_t screen; /* width << 16 | height */
	struct desktop_thread_handler handler;
	pthread_t thread;
	pthread_mutex_t mutex;
	struct job_list queue, done;       /* under mutex */
	struct order_list ordered, obeyed; /* under mutex */
	struct order_list unsettled;       /* the thread's: done when the screen is hidden */
	struct control control;            /* under mutex; as it was told last */
	bool is_obeying;                   /* the thread's */
	struct desktop_job *running;       /* under mutex */
	bool stopping;                     /* under mutex */
	int queue_fd;                      /* readable: the queue has jobs, or stop */
	int stream_fd;                     /* readable: a stream is ready */
	int cancel_fd; /* readable: the running job is cancelled, an order, or stop */
	uv_async_t async;
	atomic_bool person_holds, is_private, people_changed, holds_input, withholds, is_cut_off;
	atomic_bool is_watched;
	atomic_uint news; /* not told to the loop yet */
	atomic_int viewers;
	unsigned long holding_connection; /* the thread's: whose input is down */
};

static void signal_fd(int fd)
{
	const uint64_t one = 1;
	(void)!write(fd, &one, sizeof(one));
}

static void clear_fd(int fd)
{
	uint64_t count;
	(void)!read(fd, &count, sizeof(count));
}

/* --- jobs --- */

struct desktop_job *desktop_job_create(enum desktop_job_kind kind)
{
	struct desktop_job *job = calloc(1, sizeof(*job));
	if (job) {
		job->kind = kind;
		job->link_fd = -1;
		job->content_type = JSON_TYPE;
		cua_buffer_init(&job->body, BODY_MAX);
	}
	return job;
}

void desktop_job_destroy(struct desktop_job *job)
{
	if (job) {
		desktop_request_finish(&job->request);
		cua_buffer_finish(&job->body);
		cua_closep(&job->link_fd);
		free(job);
	}
}

static void set_json(struct desktop_job *job, enum cua_status status, const cJSON *json)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	job->http_status = cua_status_http(status);
	if (!text || cua_buffer_append(&job->body, text, strlen(text), NULL) != CUA_OK) {
		job->http_status = 503;
	}
}

static void set_error(struct desktop_job *job, const struct cua_error *error)
{
	CUA_AUTO_JSON cJSON *json = cua_http_error_json(error, -1);
	set_json(job, error->status, json);
}

static void run_screenshot(struct desktop_thread *thread, struct desktop_job *job)
{
	struct display_image image;
	struct cua_error error = { 0 };
	display_look_for_secrets(thread->display);
	if (display_screenshot(thread->display, &job->shot, job->if_none_match, &image, &error) !=
			CUA_OK) {
		set_error(job, &error);
		return;
	}
	job->http_status = image.unchanged ? 304 : 200;
	job->content_type = image.media_type;
	snprintf(job->etag, sizeof(job->etag), "%s", image.etag);
	cua_buffer_finish(&job->body);
	job->body = image.bytes;
}

static void run_actions(struct desktop_thread *thread, struct desktop_job *job)
{
	enum cua_status status = CUA_OK;
	CUA_AUTO_JSON cJSON *answer = desktop_request_run(thread->display, &job->request, &status);
	for (int i = 0; i < job->request.count; i++) {
		if (job->request.actions[i].type == CUA_ACTION_MOUSE_DOWN) {
			thread->holding_connection = job->request.keep_held ? 0 : job->connection;
		}
	}
	set_json(job, status, answer);
}

/* Fails where a person has the desktop in private, also if that began while it was made: then
 * nothing of it is told. */
static void serve(struct desktop_thread *thread, struct desktop_job *job,
		void (*run)(struct desktop_thread *, struct desktop_job *))
{
	struct cua_error error = { 0 };
	display_serve(thread->display, true);
	if (!display_is_private(thread->display)) {
		run(thread, job);
	}
	if (display_is_private(thread->display)) {
		(void)!display_may_serve(thread->display, &error);
		cua_buffer_finish(&job->body);
		cua_buffer_init(&job->body, BODY_MAX);
		job->etag[0] = '\0';
		job->content_type = JSON_TYPE;
		set_error(job, &error);
	}
	display_serve(thread->display, false);
}

static void run_job(struct desktop_thread *thread, struct desktop_job *job)
{
	switch (job->kind) {
	case DESKTOP_JOB_ACTIONS:
		serve(thread, job, run_actions);
		break;
	case DESKTOP_JOB_SCREENSHOT:
		serve(thread, job, run_screenshot);
		break;
	case DESKTOP_JOB_RELEASE:
		if (display_holds_input(thread->display) &&
				!display_person_has_input(thread->display) &&
				(job->connection == 0 ||
						job->connection == thread->holding_connection)) {
			display_release_held(thread->display);
		}
		break;
	case DESKTOP_JOB_LINK:
		display_set_vnc_link(thread->display, cua_steal_fd(&job->link_fd));
		break;
	case DESKTOP_JOB_STREAM_OPEN:
		display_stream_open(thread->display, job->stream);
		break;
	case DESKTOP_JOB_STREAM_CLOSE:
		display_stream_close(thread->display, job->stream);
		break;
	}
}

/* --- the thread --- */

static struct desktop_order *take_order(struct desktop_thread *thread)
{
	pthread_mutex_lock(&thread->mutex);
	struct desktop_order *order = TAILQ_FIRST(&thread->ordered);
	if (order) {
		TAILQ_REMOVE(&thread->ordered, order, link);
		clear_fd(thread->cancel_fd);
	}
	if (order &&
			(thread->stopping ||
					(thread->running &&
							atomic_load(&thread->running->cancelled)))) {
		signal_fd(thread->cancel_fd); /* what it says besides */
	}
	pthread_mutex_unlock(&thread->mutex);
	return order;
}

static void finish_order(struct desktop_thread *thread, struct desktop_order *order)
{
	order->control = *display_control(thread->display);
	pthread_mutex_lock(&thread->mutex);
	TAILQ_INSERT_TAIL(&thread->obeyed, order, link);
	pthread_mutex_unlock(&thread->mutex);
	uv_async_send(&thread->async);
}

/* Also in the middle of a job, which gives up then. In private the answer waits until that has
 * happened, and the screen is hidden. */
static void obey(struct desktop_thread *thread)
{
	if (thread->is_obeying) {
		return; /* what it does looks up, too */
	}
	thread->is_obeying = true;
	for (struct desktop_order *order; (order = take_order(thread));) {
		order->status = display_order(thread->display, &order->order, &order->error);
		if (display_is_settled(thread->display)) {
			finish_order(thread, order);
			display_see_takeover(thread->display);
		} else {
			TAILQ_INSERT_TAIL(&thread->unsettled, order, link);
		}
	}
	thread->is_obeying = false;
}

/* Between jobs. */
static void settle_orders(struct desktop_thread *thread)
{
	obey(thread);
	display_settle_control(thread->display);
	display_see_takeover(thread->display);
	for (struct desktop_order *order; (order = TAILQ_FIRST(&thread->unsettled));) {
		TAILQ_REMOVE(&thread->unsettled, order, link);
		finish_order(thread, order);
	}
}

static enum cua_status check_running(void *user_data, struct cua_error *err)
{
	struct desktop_thread *thread = user_data;
	obey(thread);
	pthread_mutex_lock(&thread->mutex);
	const bool stop = thread->stopping ||
			(thread->running && atomic_load(&thread->running->cancelled));
	pthread_mutex_unlock(&thread->mutex);
	return stop ? CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "the caller went away") : CUA_OK;
}

static void on_people(void *user_data)
{
	struct desktop_thread *thread = user_data;
	pthread_mutex_lock(&thread->mutex);
	thread->control = *display_control(thread->display);
	pthread_mutex_unlock(&thread->mutex);
	atomic_store(&thread->person_holds, display_person_has_input(thread->display));
	atomic_store(&thread->is_private, display_is_private(thread->display));
	atomic_store(&thread->viewers, display_viewers(thread->display));
	atomic_store(&thread->people_changed, true);
	uv_async_send(&thread->async);
}

static void on_news(unsigned int news, void *user_data)
{
	struct desktop_thread *thread = user_data;
	/* To wake the loop with every change would cost more than the change. */
	if (atomic_load(&thread->is_watched) && atomic_fetch_or(&thread->news, news) == 0) {
		uv_async_send(&thread->async);
	}
}

/* NULL when there is nothing to do; *ret_stop when there never will be. */
static struct desktop_job *take_job(struct desktop_thread *thread, bool *ret_stop)
{
	pthread_mutex_lock(&thread->mutex);
	struct desktop_job *job = TAILQ_FIRST(&thread->queue);
	*ret_stop = thread->stopping;
	if (job && !thread->stopping) {
		TAILQ_REMOVE(&thread->queue, job, link);
		clear_fd(thread->cancel_fd);
		thread->running = job;
		if (atomic_load(&job->cancelled)) {
			signal_fd(thread->cancel_fd);
		}
	}
	pthread_mutex_unlock(&thread->mutex);
	return *ret_stop ? NULL : job;
}

/* True if the screen has another size than before. */
static bool publish_screen(struct desktop_thread *thread)
{
	const struct cua_point size = display_size(thread->display);
	const uint32_t screen = (uint32_t)size.x << 16 | (uint32_t)size.y;
	return atomic_exchange(&thread->screen, screen) != screen;
}

void desktop_job_answer(struct desktop_job *job)
{
	const struct cua_http_reply reply = { .status = job->http_status,
		.content_type = job->content_type,
		.etag = job->etag[0] ? job->etag : NULL,
		.taken = &job->body };
	cua_http_answer(job->exchange, &reply);
	job->is_answered = true;
}

static void finish_job(struct desktop_thread *thread, struct desktop_job *job)
{
	atomic_store(&thread->withholds, display_is_withheld(thread->display));
	atomic_store(&thread->holds_input,
			display_holds_input(thread->display) &&
					!display_person_has_input(thread->display));
	/* From here, not from the loop: waking another thread takes as long as the rest of a click.
	 * But who has changed the size hears of it when the size has been written down. */
	const bool resized = publish_screen(thread);
	if (job->exchange && !resized) {
		desktop_job_answer(job);
	}
	pthread_mutex_lock(&thread->mutex);
	thread->running = NULL;
	TAILQ_INSERT_TAIL(&thread->done, job, link);
	pthread_mutex_unlock(&thread->mutex);
	uv_async_send(&thread->async);
}

static void *thread_main(void *user_data)
{
	struct desktop_thread *thread = user_data;
	for (bool stop = false; !stop;) {
		if (!display_idle(thread->display, thread->queue_fd)) {
			atomic_store(&thread->is_cut_off, display_is_cut_off(thread->display));
			on_people(thread); /* nothing but the queue is left to wait for */
			struct pollfd queued = { .fd = thread->queue_fd, .events = POLLIN };
			(void)poll(&queued, 1, -1);
		}
		clear_fd(thread->queue_fd);
		settle_orders(thread);
		for (struct desktop_job *job; (job = take_job(thread, &stop));) {
			run_job(thread, job);
			settle_orders(thread);
			finish_job(thread, job);
		}
	}
	display_disconnect(thread->display);
	return NULL;
}

/* --- the loop --- */

static void on_async(uv_async_t *async)
{
	struct desktop_thread *thread = async->data;
	struct job_list done = TAILQ_HEAD_INITIALIZER(done);
	struct order_list obeyed = TAILQ_HEAD_INITIALIZER(obeyed);
	pthread_mutex_lock(&thread->mutex);
	TAILQ_CONCAT(&done, &thread->done, link);
	TAILQ_CONCAT(&obeyed, &thread->obeyed, link);
	pthread_mutex_unlock(&thread->mutex);
	/* Before anybody is told that he has it. */
	if (atomic_exchange(&thread->people_changed, false)) {
		thread->handler.on_people(thread->handler.user_data);
	}
	const unsigned int news = atomic_exchange(&thread->news, 0);
	if (news) {
		thread->handler.on_news(news, thread->handler.user_data);
	}
	for (struct desktop_order *order; (order = TAILQ_FIRST(&obeyed));) {
		TAILQ_REMOVE(&obeyed, order, link);
		thread->handler.on_ordered(order, thread->handler.user_data);
	}
	for (struct desktop_job *job; (job = TAILQ_FIRST(&done));) {
		TAILQ_REMOVE(&done, job, link);
		thread->handler.on_done(job, thread->handler.user_data);
	}
}

bool desktop_thread_is_cut_off(struct desktop_thread *thread)
{
	return atomic_load(&thread->is_cut_off);
}

void desktop_thread_submit(struct desktop_thread *thread, struct desktop_job *job)
{
	pthread_mutex_lock(&thread->mutex);
	TAILQ_INSERT_TAIL(&thread->queue, job, link);
	pthread_mutex_unlock(&thread->mutex);
	signal_fd(thread->queue_fd);
}

/* It wakes the thread where it sleeps, and where it waits for something in a job. */
void desktop_thread_order(struct desktop_thread *thread, struct desktop_order *order)
{
	pthread_mutex_lock(&thread->mutex);
	TAILQ_INSERT_TAIL(&thread->ordered, order, link);
	pthread_mutex_unlock(&thread->mutex);
	signal_fd(thread->queue_fd);
	signal_fd(thread->cancel_fd);
}

void desktop_thread_watch(struct desktop_thread *thread, bool watches)
{
	atomic_store(&thread->is_watched, watches);
}

void desktop_thread_wake_streams(struct desktop_thread *thread)
{
	signal_fd(thread->stream_fd);
}

void desktop_thread_cancel(struct desktop_thread *thread, struct desktop_job *job)
{
	pthread_mutex_lock(&thread->mutex);
	atomic_store(&job->cancelled, true);
	if (thread->running == job) {
		signal_fd(thread->cancel_fd);
	}
	pthread_mutex_unlock(&thread->mutex);
}

enum cua_status desktop_thread_create(uv_loop_t *loop, const struct desktop_record *record,
		const struct desktop_thread_handler *handler, struct desktop_thread **ret_thread,
		struct cua_error *err)
{
	struct desktop_thread *thread = calloc(1, sizeof(*thread));
	if (!thread) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "desktop");
	}
	enum cua_status status = display_connect(record, &thread->display, err);
	if (status != CUA_OK) {
		free(thread);
		return status;
	}
	(void)publish_screen(thread);
	thread->handler = *handler;
	thread->queue_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	thread->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	thread->stream_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	TAILQ_INIT(&thread->queue);
	TAILQ_INIT(&thread->done);
	TAILQ_INIT(&thread->ordered);
	TAILQ_INIT(&thread->obeyed);
	TAILQ_INIT(&thread->unsettled);
	pthread_mutex_init(&thread->mutex, NULL);
	uv_async_init(loop, &thread->async, on_async);
	thread->async.data = thread;
	display_set_check(thread->display, check_running, thread, thread->cancel_fd);
	display_set_stream_wake(thread->display, thread->stream_fd);
	display_on_people(thread->display, on_people, thread);
	display_on_news(thread->display, on_news, thread);
	on_people(thread); /* somebody may have had the desktop when the last host ended */
	/* Signals are the loop's business. */
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int result = pthread_create(&thread->thread, NULL, thread_main, thread);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (result != 0) {
		display_disconnect(thread->display);
		return CUA_FAIL(err, CUA_ERR_NOMEM, result, "desktop thread");
	}
	*ret_thread = thread;
	return CUA_OK;
}

bool desktop_thread_stop(struct desktop_thread *thread)
{
	pthread_mutex_lock(&thread->mutex);
	thread->stopping = true;
	pthread_mutex_unlock(&thread->mutex);
	signal_fd(thread->queue_fd);
	signal_fd(thread->cancel_fd);
	struct timespec deadline;
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += STOP_TIMEOUT_S;
	return pthread_timedjoin_np(thread->thread, NULL, &deadline) == 0;
}

bool desktop_thread_break_if_stuck(struct desktop_thread *thread, int look_ms, int stuck_ms)
{
	if (display_silent_us(thread->display, (uint64_t)look_ms * 1000U) <
			(uint64_t)stuck_ms * 1000U) {
		return false;
	}
	display_break(thread->display);
	return true;
}

struct cua_point desktop_thread_screen(const struct desktop_thread *thread)
{
	const uint32_t size = atomic_load(&thread->screen);
	return (struct cua_point){ (int)(size >> 16), (int)(size & 0xffff) };
}

bool desktop_thread_person_holds(const struct desktop_thread *thread)
{
	return atomic_load(&thread->person_holds);
}

bool desktop_thread_is_private(const struct desktop_thread *thread)
{
	return atomic_load(&thread->is_private);
}

void desktop_thread_control(struct desktop_thread *thread, struct control *ret_control)
{
	pthread_mutex_lock(&thread->mutex);
	*ret_control = thread->control;
	pthread_mutex_unlock(&thread->mutex);
}

int desktop_thread_viewers(const struct desktop_thread *thread)
{
	return atomic_load(&thread->viewers);
}

bool desktop_thread_withholds(const struct desktop_thread *thread)
{
	return atomic_load(&thread->withholds);
}

bool desktop_thread_holds_input(const struct desktop_thread *thread)
{
	return atomic_load(&thread->holds_input);
}

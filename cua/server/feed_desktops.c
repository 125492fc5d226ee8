#include "cua/server/feed_desktops.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUA_LOG_MODULE "serve"
#include "cua/base/http_unix.h"
#include "cua/base/json.h"
#include "cua/base/log.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/desktops.h"

#define CONTROL_MS 2000 /* a host answers at once, whatever its desktop does */
#define SETTLE_MS 30    /* several things happen at once */
/* One that is neither up nor gone may be coming up: it is looked at again, ever more seldom. */
#define AGAIN_MS 100
#define AGAIN_MAX 6

/* Of a process that a desktop stands on: its end. Released in its close callback. */
struct end_watch {
	uv_poll_t poll;
	int fd;
	struct cua_process_id id;
	struct feed_desktops *desktops;
};

/* Of a folder. Released in its close callback. */
struct folder_watch {
	uv_fs_event_t event;
	struct feed_desktops *desktops;
};

struct desk {
	LIST_ENTRY(desk) link;
	char name[DESKTOP_NAME_MAX + 1];
	struct folder_watch *folder;
	struct end_watch *host, *session;
	bool is_there; /* at the last look */
	bool is_told;
};

/* What a look has found of one, on a thread. */
struct seen {
	struct desktop_record record;
	char state[16], why[DESKTOP_END_SIZE];
	cJSON *control; /* owned; who has it, as its host says; NULL: none does */
};

struct feed_desktops {
	uv_loop_t *loop;
	struct feed *feed;
	char dir[CUA_PATH_MAX];
	struct folder_watch *folder;
	uv_timer_t soon;
	uv_work_t work;
	bool is_working, is_stale, is_ending;
	int again; /* looks since something happened */
	struct seen *seen;
	int seen_count;
	LIST_HEAD(, desk) desks;
};

static void look_soon(struct feed_desktops *desktops, int ms);

/* --- what is watched --- */

static void on_end_watch_closed(uv_handle_t *handle)
{
	struct end_watch *watch = handle->data;
	cua_closep(&watch->fd);
	free(watch);
}

static void end_watch_close(struct end_watch **watch)
{
	if (*watch) {
		uv_close((uv_handle_t *)&(*watch)->poll, on_end_watch_closed);
	}
	*watch = NULL;
}

static void on_process_end(uv_poll_t *poll, int status, int events)
{
	struct end_watch *watch = poll->data;
	(void)status, (void)events;
	uv_poll_stop(poll);
	watch->desktops->again = 0;
	look_soon(watch->desktops, SETTLE_MS);
}

/* The process of a desktop that is written down now; one that has ended is not watched. */
static void watch_end(
		struct feed_desktops *desktops, struct end_watch **watch, struct cua_process_id id)
{
	if (*watch && (*watch)->id.pid == id.pid && (*watch)->id.start_ticks == id.start_ticks) {
		return;
	}
	end_watch_close(watch);
	int fd = id.pid > 0 ? cua_process_open(id) : -1;
	struct end_watch *fresh = fd >= 0 ? calloc(1, sizeof(*fresh)) : NULL;
	if (!fresh || uv_poll_init(desktops->loop, &fresh->poll, fd) != 0) {
		cua_closep(&fd);
		free(fresh);
		return;
	}
	fresh->fd = fd;
	fresh->id = id;
	fresh->desktops = desktops;
	fresh->poll.data = fresh;
	uv_poll_start(&fresh->poll, UV_READABLE, on_process_end);
	*watch = fresh;
}

static void on_folder_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void folder_close(struct folder_watch **watch)
{
	if (*watch) {
		uv_close((uv_handle_t *)&(*watch)->event, on_folder_closed);
	}
	*watch = NULL;
}

/* Logs grow in the folder of a desktop, too. */
static void on_folder_event(uv_fs_event_t *event, const char *name, int events, int status)
{
	struct folder_watch *watch = event->data;
	const bool is_of_all = watch == watch->desktops->folder;
	(void)events, (void)status;
	if (is_of_all || !name || strcmp(name, "desktop.json") == 0 ||
			strcmp(name, "api.sock") == 0 || strcmp(name, "control.json") == 0) {
		watch->desktops->again = 0;
		look_soon(watch->desktops, SETTLE_MS);
	}
}

static struct folder_watch *watch_folder(struct feed_desktops *desktops, const char *path)
{
	struct folder_watch *watch = calloc(1, sizeof(*watch));
	if (!watch || uv_fs_event_init(desktops->loop, &watch->event) != 0) {
		free(watch);
		return NULL;
	}
	watch->desktops = desktops;
	watch->event.data = watch;
	const int failed = uv_fs_event_start(&watch->event, on_folder_event, path, 0);
	if (failed != 0) {
		cua_log_debug("%s: %s", path, uv_strerror(failed));
		folder_close(&watch);
	}
	return watch;
}

/* --- one desktop --- */

static void desk_destroy(struct desk *desk)
{
	LIST_REMOVE(desk, link);
	end_watch_close(&desk->host);
	end_watch_close(&desk->session);
	folder_close(&desk->folder);
	free(desk);
}

static struct desk *desk_of(struct feed_desktops *desktops, const char *name)
{
	struct desk *desk = NULL;
	LIST_FOREACH(desk, &desktops->desks, link)
	{
		if (strcmp(desk->name, name) == 0) {
			return desk;
		}
	}
	desk = calloc(1, sizeof(*desk));
	if (desk) {
		snprintf(desk->name, sizeof(desk->name), "%s", name);
		LIST_INSERT_HEAD(&desktops->desks, desk, link);
	}
	return desk;
}

/* Of what comes up or goes down the sockets and the record do not change at once. */
static bool is_in_between(const struct seen *seen)
{
	return strcmp(seen->state, "detached") == 0 || strcmp(seen->state, "dead") == 0;
}

static void tell(struct feed_desktops *desktops, struct desk *desk, const struct seen *seen)
{
	if (is_in_between(seen) && !desk->is_told && desktops->again < AGAIN_MAX) {
		return; /* it is starting */
	}
	desk->is_told = true;
	cJSON *members = cJSON_CreateObject();
	cJSON_AddStringToObject(members, "state", seen->state);
	cJSON_AddItemToObject(members, "why",
			seen->why[0] ? cJSON_CreateString(seen->why) : cJSON_CreateNull());
	feed_note(desktops->feed, "desktop", seen->record.name, false, members);
}

/* Whoever has taken it, and by whatever way. */
static void tell_control(struct feed_desktops *desktops, struct seen *seen)
{
	cJSON_DeleteItemFromObjectCaseSensitive(seen->control, "person_id");
	if (seen->control) {
		feed_note(desktops->feed, "control", seen->record.name, false,
				CUA_STEAL(seen->control));
	}
}

static void tell_gone(struct feed_desktops *desktops, const struct desk *desk)
{
	if (desk->is_told) {
		cJSON *members = cJSON_CreateObject();
		cJSON_AddStringToObject(members, "state", "gone");
		feed_note(desktops->feed, "desktop", desk->name, true, members);
		feed_note(desktops->feed, "control", desk->name, true, cJSON_CreateObject());
	}
}

/* --- looking --- */

static void see(struct seen *seen)
{
	char path[CUA_PATH_MAX + 16];
	const char *state = cua_desktop_state(&seen->record);
	snprintf(seen->state, sizeof(seen->state), "%s", state);
	if (strcmp(state, "dead") == 0) {
		cua_desktop_why_dead(&seen->record, seen->why);
	}
	if (strcmp(state, "running") == 0) {
		desktop_path(&seen->record, "api.sock", path, sizeof(path));
		(void)!cua_http_unix_json(
				path, "GET", "/v1/control", NULL, CONTROL_MS, &seen->control, NULL);
	}
}

/* On a thread. */
static void on_look(uv_work_t *work)
{
	struct feed_desktops *desktops = work->data;
	struct desktop_record *records = NULL;
	struct cua_error error = { 0 };
	int count = 0;
	if (cua_desktop_records(&records, &count, &error) != CUA_OK) {
		cua_log_warn("desktops: %s", error.msg);
		return;
	}
	struct seen *seen = calloc((size_t)count + 1, sizeof(*seen));
	for (int i = 0; seen && i < count; i++) {
		seen[i].record = records[i];
		see(&seen[i]);
	}
	free(records);
	desktops->seen = seen;
	desktops->seen_count = seen ? count : 0;
}

static void note(struct feed_desktops *desktops, struct seen *seen)
{
	struct desk *desk = desk_of(desktops, seen->record.name);
	if (!desk) {
		return;
	}
	desk->is_there = true;
	if (!desk->folder) {
		desk->folder = watch_folder(desktops, seen->record.dir);
		/* What happened before it was watched. */
		desktops->is_stale = desktops->is_stale || desk->folder;
	}
	watch_end(desktops, &desk->host, seen->record.host);
	watch_end(desktops, &desk->session, seen->record.session);
	tell(desktops, desk, seen);
	tell_control(desktops, seen);
}

static void drop_gone(struct feed_desktops *desktops)
{
	struct desk *desk = LIST_FIRST(&desktops->desks), *next = NULL;
	for (; desk; desk = next) {
		next = LIST_NEXT(desk, link);
		if (!desk->is_there) {
			tell_gone(desktops, desk);
			desk_destroy(desk);
		}
	}
}

static void forget_seen(struct feed_desktops *desktops)
{
	for (int i = 0; i < desktops->seen_count; i++) {
		cJSON_Delete(desktops->seen[i].control);
	}
	free(CUA_STEAL(desktops->seen));
	desktops->seen_count = 0;
}

static void on_looked(uv_work_t *work, int status)
{
	struct feed_desktops *desktops = work->data;
	struct desk *desk = NULL;
	bool looks_again = false;
	(void)status;
	desktops->is_working = false;
	if (desktops->seen && !desktops->is_ending) {
		LIST_FOREACH(desk, &desktops->desks, link)
		{
			desk->is_there = false;
		}
		for (int i = 0; i < desktops->seen_count; i++) {
			note(desktops, &desktops->seen[i]);
			looks_again = looks_again || is_in_between(&desktops->seen[i]);
		}
		drop_gone(desktops);
	}
	forget_seen(desktops);
	if (desktops->is_stale) {
		look_soon(desktops, SETTLE_MS);
	} else if (looks_again && desktops->again < AGAIN_MAX) {
		look_soon(desktops, AGAIN_MS << desktops->again++);
	}
}

static void on_soon(uv_timer_t *timer)
{
	struct feed_desktops *desktops = timer->data;
	desktops->is_stale = desktops->is_working;
	if (!desktops->is_working) {
		desktops->is_working = uv_queue_work(desktops->loop, &desktops->work, on_look,
						       on_looked) == 0;
	}
}

static void look_soon(struct feed_desktops *desktops, int ms)
{
	const bool is_sooner = uv_is_active((uv_handle_t *)&desktops->soon) &&
			uv_timer_get_due_in(&desktops->soon) <= (uint64_t)ms;
	if (!desktops->is_ending && !is_sooner) {
		uv_timer_start(&desktops->soon, on_soon, (uint64_t)ms, 0);
	}
}

/* --- its life --- */

enum cua_status feed_desktops_create(uv_loop_t *loop, struct feed *feed,
		struct feed_desktops **ret_desktops, struct cua_error *err)
{
	struct feed_desktops *desktops = calloc(1, sizeof(*desktops));
	if (!desktops) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "desktops");
	}
	enum cua_status status = desktops_dir(desktops->dir, sizeof(desktops->dir), err);
	if (status != CUA_OK) {
		free(desktops);
		return status;
	}
	desktops->loop = loop;
	desktops->feed = feed;
	desktops->work.data = desktops;
	LIST_INIT(&desktops->desks);
	uv_timer_init(loop, &desktops->soon);
	desktops->soon.data = desktops;
	desktops->folder = watch_folder(desktops, desktops->dir);
	if (!desktops->folder) {
		cua_log_warn("%s cannot be watched: desktops are missing in the feed",
				desktops->dir);
	}
	look_soon(desktops, 0);
	*ret_desktops = desktops;
	return CUA_OK;
}

void feed_desktops_end(struct feed_desktops *desktops)
{
	if (!desktops) {
		return;
	}
	desktops->is_ending = true;
	for (struct desk *desk; (desk = LIST_FIRST(&desktops->desks));) {
		desk_destroy(desk);
	}
	folder_close(&desktops->folder);
	uv_close((uv_handle_t *)&desktops->soon, NULL);
}

void feed_desktops_destroy(struct feed_desktops *desktops)
{
	free(desktops);
}

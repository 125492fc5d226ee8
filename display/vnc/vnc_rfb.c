#include "display/vnc/vnc_rfb.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include <sodium.h>

#define CUA_LOG_MODULE "vnc.rfb"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "display/vnc/vnc_rfb_internal.h"

#define CHALLENGE_LEN 16
#define DEFERRED_MS 5

/* libvncserver speaks of each viewer's every step, and a hostile one can make it speak at will. */
__attribute__((format(printf, 1, 2))) static void log_library(const char *fmt, ...)
{
	char line[256];
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	line[strcspn(line, "\r\n")] = '\0';
	cua_log_debug("libvncserver: %s", line);
}

static void report(struct vnc_rfb *rfb, int slot, enum vnc_access access, bool gone)
{
	pthread_mutex_lock(&rfb->lock);
	rfb->reports[slot] = (struct vnc_report){ .access = access, .gone = gone };
	pthread_mutex_unlock(&rfb->lock);
	rfb->notify(rfb->user_data);
}

/* Always does the work of a comparison, so that time tells nothing about the password. */
static bool matches(const rfbClientRec *client, char *password, const char *response)
{
	unsigned char expected[CHALLENGE_LEN];
	memcpy(expected, client->authChallenge, sizeof(expected));
	rfbEncryptBytes(expected, password);
	bool same = sodium_memcmp(expected, response, sizeof(expected)) == 0;
	explicit_bzero(expected, sizeof(expected));
	return password[0] != '\0' && same;
}

rfbBool vnc_rfb_check_password(rfbClientPtr client, const char *response, int len)
{
	const struct vnc_client *viewer = client->clientData;
	struct vnc_rfb *rfb = viewer->rfb;
	if (len != CHALLENGE_LEN) {
		return FALSE;
	}
	pthread_mutex_lock(&rfb->lock);
	uint64_t now_us = cua_now_us();
	bool view = matches(client, rfb->passwords.view, response);
	bool control = matches(client, rfb->passwords.control, response);
	enum vnc_access access = control ? VNC_ACCESS_CONTROL
			: view           ? VNC_ACCESS_VIEW
					 : VNC_ACCESS_NONE;
	if (vnc_lockout_refuses(&rfb->lockout, viewer->source, now_us)) {
		access = VNC_ACCESS_NONE;
	} else if (access == VNC_ACCESS_NONE) {
		vnc_lockout_failed(&rfb->lockout, viewer->source, now_us);
	} else if (access == VNC_ACCESS_CONTROL) {
		vnc_lockout_succeeded(&rfb->lockout, viewer->source);
	}
	pthread_mutex_unlock(&rfb->lock);
	if (access == VNC_ACCESS_NONE) {
		return FALSE;
	}
	client->viewOnly = access == VNC_ACCESS_VIEW;
	report(rfb, viewer->slot, access, false);
	return TRUE;
}

static void on_client_gone(rfbClientPtr client)
{
	const struct vnc_client *viewer = client->clientData;
	report(viewer->rfb, viewer->slot, VNC_ACCESS_NONE, true);
}

static void on_update_request(rfbClientPtr client, rfbFramebufferUpdateRequestMsg *request)
{
	struct vnc_client *viewer = client->clientData;
	struct vnc_rfb *rfb = viewer->rfb;
	(void)request;
	if (viewer->is_ready) {
		return;
	}
	viewer->is_ready = true;
	pthread_mutex_lock(&rfb->lock);
	rfb->reports[viewer->slot].is_ready = true;
	pthread_mutex_unlock(&rfb->lock);
	rfb->notify(rfb->user_data);
}

enum rfbNewClientAction vnc_rfb_on_new_client(rfbClientPtr client)
{
	struct vnc_rfb *rfb = client->screen->screenData;
	const enum vnc_access access = rfb->joining->access;
	client->clientData = rfb->joining;
	/* Of a connection that it had made itself libvncserver asks no password. */
	client->reverseConnection = access != VNC_ACCESS_NONE;
	client->viewOnly = access == VNC_ACCESS_VIEW;
	client->clientGoneHook = on_client_gone;
	client->clientFramebufferUpdateRequestHook = on_update_request;
	rfb->joining = NULL;
	return RFB_CLIENT_ACCEPT;
}

/* The library draws challenges from random(), seeded with time and pid: seed it better. */
static void seed_challenges(void)
{
	unsigned seed = 0;
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed)) {
		srandom(seed);
	}
}

static void join_viewer(struct vnc_rfb *rfb, int slot, const struct vnc_joining *joining)
{
	struct vnc_client *viewer = &rfb->clients[slot];
	*viewer = (struct vnc_client){
		.rfb = rfb, .slot = slot, .source = joining->source, .access = joining->access
	};
	rfb->joining = viewer;
	seed_challenges();
	/* The descriptors of this process are few, but an fd_set takes 1024 and does not check. */
	if (joining->fd >= FD_SETSIZE) {
		close(joining->fd);
	} else {
		rfbNewClient(rfb->screen, joining->fd);
	}
	if (rfb->joining) {
		rfb->joining = NULL;
		report(rfb, slot, VNC_ACCESS_NONE, true);
	}
}

/* Takes all there is, or, before the first frame, leaves the viewers waiting. */
static bool take_mailbox(struct vnc_rfb *rfb, struct vnc_mailbox *taken)
{
	pthread_mutex_lock(&rfb->lock);
	*taken = rfb->mailbox;
	vnc_mailbox_init(&rfb->mailbox);
	if (!rfb->screen && taken->frame.fd < 0) {
		memcpy(rfb->mailbox.joining, taken->joining, sizeof(taken->joining));
		rfb->mailbox.cursor = CUA_STEAL(taken->cursor);
		rfb->mailbox.stop = taken->stop;
		memcpy(rfb->mailbox.sees_private, taken->sees_private, sizeof(taken->sees_private));
		rfb->mailbox.has_seers = taken->has_seers;
		rfb->mailbox.has_private = taken->has_private;
		rfb->mailbox.private_frame = taken->private_frame;
		taken->private_frame.fd = -1;
		for (int slot = 0; slot < VNC_VIEWERS_MAX; slot++) {
			taken->joining[slot].fd = -1;
		}
	}
	pthread_mutex_unlock(&rfb->lock);
	return !taken->stop;
}

/* Before damage and pointer, which are of the private frame while there is one. */
static void take_private(struct vnc_rfb *rfb, struct vnc_mailbox *taken)
{
	if (taken->has_seers) {
		memcpy(rfb->sees_private, taken->sees_private, sizeof(rfb->sees_private));
	}
	if (taken->has_private) {
		vnc_private_set(rfb, taken->private_frame);
		taken->private_frame.fd = -1;
		vnc_screen_read_anew(rfb);
	} else if (taken->has_seers) {
		vnc_private_apply(rfb);
	}
}

static bool handle_mailbox(struct vnc_rfb *rfb)
{
	struct vnc_mailbox taken;
	bool go_on = take_mailbox(rfb, &taken);
	if (go_on && taken.frame.fd >= 0) {
		vnc_screen_set_frame(rfb, taken.frame);
		taken.frame.fd = -1;
	}
	if (go_on && rfb->screen) {
		take_private(rfb, &taken);
		(vnc_private_is_on(rfb) ? vnc_private_damage : vnc_screen_damage)(
				rfb, &taken.damage);
		if (taken.cursor) {
			vnc_private_set_cursor(rfb, CUA_STEAL(taken.cursor));
		}
		if (taken.moved) {
			vnc_screen_move_cursor(rfb, taken.x, taken.y);
		}
		if (taken.text.bytes) {
			vnc_screen_send_text(rfb, &taken.text);
		}
		for (int slot = 0; slot < VNC_VIEWERS_MAX; slot++) {
			if (taken.joining[slot].fd >= 0) {
				join_viewer(rfb, slot, &taken.joining[slot]);
				taken.joining[slot].fd = -1;
			}
		}
		vnc_private_apply(rfb); /* who has just come, too */
	}
	vnc_mailbox_finish(&taken);
	return go_on;
}

/* Sleeps until there is mail or a viewer has something; not long if an update is under way that
 * one pass of rfbProcessEvents() did not finish: after a new size the pixels follow in another. */
static void wait_for_work(struct vnc_rfb *rfb)
{
	struct pollfd fds[1 + VNC_VIEWERS_MAX] = { { .fd = rfb->wake_fd, .events = POLLIN } };
	nfds_t count = 1;
	bool unfinished = false;
	rfbClientIteratorPtr iterator = rfb->screen ? rfbGetClientIterator(rfb->screen) : NULL;
	rfbClientPtr client;
	while (iterator && (client = rfbClientIteratorNext(iterator))) {
		if (count < CUA_ARRAY_LEN(fds)) {
			fds[count++] = (struct pollfd){ .fd = client->sock, .events = POLLIN };
		}
		unfinished = unfinished ||
				(FB_UPDATE_PENDING(client) &&
						!sraRgnEmpty(client->requestedRegion));
	}
	if (iterator) {
		rfbReleaseClientIterator(iterator);
	}
	poll(fds, count, unfinished ? DEFERRED_MS : -1);
	if (fds[0].revents) {
		uint64_t times;
		ssize_t got = read(rfb->wake_fd, &times, sizeof(times));
		(void)got;
	}
}

static void *run(void *data)
{
	struct vnc_rfb *rfb = data;
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	while (handle_mailbox(rfb)) {
		if (rfb->screen) {
			rfbProcessEvents(rfb->screen, 0);
		}
		wait_for_work(rfb);
	}
	vnc_screen_finish(rfb);
	return NULL;
}

enum cua_status vnc_rfb_create(const char *desktop, vnc_rfb_notify_fn notify, void *user_data,
		struct vnc_rfb **ret_rfb, struct cua_error *err)
{
	struct vnc_rfb *rfb = calloc(1, sizeof(*rfb));
	if (!rfb) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "vnc");
	}
	rfbLog = log_library;
	rfbErr = log_library;
	unsigned char seeded[CHALLENGE_LEN];
	rfbRandomBytes(seeded); /* from now on it does not seed itself */
	pthread_mutex_init(&rfb->lock, NULL);
	vnc_mailbox_init(&rfb->mailbox);
	rfb->frame.fd = rfb->private_frame.fd = -1;
	rfb->notify = notify;
	rfb->user_data = user_data;
	rfb->desktop = strdup(desktop);
	rfb->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int failed = rfb->desktop && rfb->wake_fd >= 0
			? pthread_create(&rfb->thread, NULL, run, rfb)
			: ENOMEM;
	if (failed) {
		vnc_rfb_destroy(rfb);
		return CUA_FAIL(err, CUA_ERR_NOMEM, failed, "vnc thread");
	}
	rfb->started = true;
	*ret_rfb = rfb;
	return CUA_OK;
}

void vnc_rfb_destroy(struct vnc_rfb *rfb)
{
	if (!rfb) {
		return;
	}
	if (rfb->started) {
		pthread_mutex_lock(&rfb->lock);
		rfb->mailbox.stop = true;
		pthread_mutex_unlock(&rfb->lock);
		const uint64_t one = 1;
		ssize_t written = write(rfb->wake_fd, &one, sizeof(one));
		(void)written;
		pthread_join(rfb->thread, NULL);
	}
	vnc_mailbox_finish(&rfb->mailbox);
	explicit_bzero(&rfb->passwords, sizeof(rfb->passwords));
	cua_closep(&rfb->wake_fd);
	pthread_mutex_destroy(&rfb->lock);
	free(rfb->desktop);
	free(rfb);
}

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "display/vnc/vnc_rfb_internal.h"

#define FRAME_EDGE_MAX 16384

void vnc_mailbox_init(struct vnc_mailbox *mailbox)
{
	*mailbox = (struct vnc_mailbox){ .frame.fd = -1, .private_frame.fd = -1 };
	for (int slot = 0; slot < VNC_VIEWERS_MAX; slot++) {
		mailbox->joining[slot].fd = -1;
	}
}

void vnc_mailbox_finish(struct vnc_mailbox *mailbox)
{
	cua_closep(&mailbox->frame.fd);
	cua_closep(&mailbox->private_frame.fd);
	for (int slot = 0; slot < VNC_VIEWERS_MAX; slot++) {
		cua_closep(&mailbox->joining[slot].fd);
	}
	rfbFreeCursor(mailbox->cursor);
	free(mailbox->text.bytes);
	vnc_mailbox_init(mailbox);
}

static void unlock_and_wake(struct vnc_rfb *rfb)
{
	pthread_mutex_unlock(&rfb->lock);
	const uint64_t one = 1;
	ssize_t written = write(rfb->wake_fd, &one, sizeof(one));
	(void)written; /* fails only if the counter is full: awake it is then */
}

static enum cua_status check_frame(const struct vnc_frame_source *frame, struct cua_error *err)
{
	if (frame->width_px < 1 || frame->width_px > FRAME_EDGE_MAX || frame->height_px < 1 ||
			frame->height_px > FRAME_EDGE_MAX) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "frame of %ux%u", frame->width_px,
				frame->height_px);
	}
	uint64_t row = UINT64_C(4) * frame->width_px;
	uint64_t needed = (uint64_t)frame->stride_bytes * (frame->height_px - 1) + row;
	struct stat info;
	if (fstat(frame->fd, &info) != 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, errno, "frame");
	}
	if (frame->stride_bytes < row || info.st_size < 0 || (uint64_t)info.st_size < needed) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "frame of %ux%u in %lld bytes",
				frame->width_px, frame->height_px, (long long)info.st_size);
	}
	return CUA_OK;
}

enum cua_status vnc_rfb_set_frame(struct vnc_rfb *rfb, int fd, uint32_t width_px,
		uint32_t height_px, uint32_t stride_bytes, struct cua_error *err)
{
	struct vnc_frame_source frame = {
		.fd = fd, .width_px = width_px, .height_px = height_px, .stride_bytes = stride_bytes
	};
	enum cua_status status = check_frame(&frame, err);
	if (status != CUA_OK) {
		cua_closep(&fd);
		return status;
	}
	pthread_mutex_lock(&rfb->lock);
	cua_closep(&rfb->mailbox.frame.fd);
	rfb->mailbox.frame = frame;
	rfb->mailbox.damage.count = 0; /* a new frame is read whole */
	unlock_and_wake(rfb);
	return CUA_OK;
}

enum cua_status vnc_rfb_set_private(struct vnc_rfb *rfb, int fd, uint32_t width_px,
		uint32_t height_px, uint32_t stride_bytes, struct cua_error *err)
{
	struct vnc_frame_source frame = {
		.fd = fd, .width_px = width_px, .height_px = height_px, .stride_bytes = stride_bytes
	};
	enum cua_status status = fd >= 0 ? check_frame(&frame, err) : CUA_OK;
	if (status != CUA_OK) {
		cua_closep(&frame.fd);
		frame.fd = -1; /* nobody sees it */
	}
	pthread_mutex_lock(&rfb->lock);
	cua_closep(&rfb->mailbox.private_frame.fd);
	rfb->mailbox.private_frame = frame;
	rfb->mailbox.has_private = true;
	rfb->mailbox.damage.count = 0; /* both frames are read whole */
	unlock_and_wake(rfb);
	return status;
}

void vnc_rfb_show_private(struct vnc_rfb *rfb, const bool sees[VNC_VIEWERS_MAX])
{
	pthread_mutex_lock(&rfb->lock);
	memcpy(rfb->mailbox.sees_private, sees, sizeof(rfb->mailbox.sees_private));
	rfb->mailbox.has_seers = true;
	unlock_and_wake(rfb);
}

static void join_boxes(struct vnc_box *into, const struct vnc_box *other)
{
	into->x1 = other->x1 < into->x1 ? other->x1 : into->x1;
	into->y1 = other->y1 < into->y1 ? other->y1 : into->y1;
	into->x2 = other->x2 > into->x2 ? other->x2 : into->x2;
	into->y2 = other->y2 > into->y2 ? other->y2 : into->y2;
}

void vnc_rfb_damage(struct vnc_rfb *rfb, uint16_t x, uint16_t y, uint16_t width, uint16_t height)
{
	pthread_mutex_lock(&rfb->lock);
	struct vnc_damage *damage = &rfb->mailbox.damage;
	if (damage->count == VNC_DAMAGE_MAX) {
		while (damage->count > 1) {
			join_boxes(&damage->boxes[0], &damage->boxes[--damage->count]);
		}
	}
	damage->boxes[damage->count++] = (struct vnc_box){ x, y, x + width, y + height };
	unlock_and_wake(rfb);
}

void vnc_rfb_set_cursor(struct vnc_rfb *rfb, uint16_t width, uint16_t height, uint16_t hot_x,
		uint16_t hot_y, const uint32_t *pixels)
{
	rfbCursorPtr cursor = vnc_cursor_create(width, height, hot_x, hot_y, pixels);
	if (!cursor) {
		return;
	}
	pthread_mutex_lock(&rfb->lock);
	rfbFreeCursor(rfb->mailbox.cursor);
	rfb->mailbox.cursor = cursor;
	unlock_and_wake(rfb);
}

void vnc_rfb_move_cursor(struct vnc_rfb *rfb, uint16_t x, uint16_t y)
{
	pthread_mutex_lock(&rfb->lock);
	rfb->mailbox.moved = true;
	rfb->mailbox.x = x;
	rfb->mailbox.y = y;
	unlock_and_wake(rfb);
}

void vnc_rfb_set_passwords(struct vnc_rfb *rfb, const char *view, const char *control)
{
	pthread_mutex_lock(&rfb->lock);
	explicit_bzero(&rfb->passwords, sizeof(rfb->passwords));
	memcpy(rfb->passwords.view, view, strnlen(view, VNC_PASSWORD_LEN));
	memcpy(rfb->passwords.control, control, strnlen(control, VNC_PASSWORD_LEN));
	pthread_mutex_unlock(&rfb->lock);
}

void vnc_rfb_set_cut_text(struct vnc_rfb *rfb, const char *text, size_t len, bool is_private,
		uint32_t viewers)
{
	char *copy = malloc(len + 1);
	if (!copy) {
		return;
	}
	memcpy(copy, text, len);
	pthread_mutex_lock(&rfb->lock);
	/* Who has not been given the one of before gets this one. */
	const struct vnc_cut_text unsent = rfb->mailbox.text;
	free(unsent.bytes);
	rfb->mailbox.text = (struct vnc_cut_text){ .bytes = copy,
		.len = len,
		.is_private = is_private,
		.viewers = viewers | (unsent.bytes ? unsent.viewers : 0) };
	unlock_and_wake(rfb);
}

void vnc_rfb_forget_cut_text(struct vnc_rfb *rfb)
{
	pthread_mutex_lock(&rfb->lock);
	free(rfb->mailbox.text.bytes);
	rfb->mailbox.text.bytes = NULL;
	pthread_mutex_unlock(&rfb->lock);
}

void vnc_rfb_add_viewer(
		struct vnc_rfb *rfb, int slot, int fd, uint32_t source, enum vnc_access access)
{
	pthread_mutex_lock(&rfb->lock);
	rfb->reports[slot] = (struct vnc_report){ .access = access };
	rfb->mailbox.joining[slot] =
			(struct vnc_joining){ .fd = fd, .source = source, .access = access };
	unlock_and_wake(rfb);
}

struct vnc_report vnc_rfb_report(struct vnc_rfb *rfb, int slot)
{
	pthread_mutex_lock(&rfb->lock);
	struct vnc_report report = rfb->reports[slot];
	pthread_mutex_unlock(&rfb->lock);
	return report;
}

bool vnc_rfb_refuses(struct vnc_rfb *rfb, uint32_t source)
{
	pthread_mutex_lock(&rfb->lock);
	bool refuses = vnc_lockout_refuses(&rfb->lockout, source, cua_now_us());
	pthread_mutex_unlock(&rfb->lock);
	return refuses;
}

bool vnc_rfb_remembers_failures(struct vnc_rfb *rfb)
{
	pthread_mutex_lock(&rfb->lock);
	bool remembers = vnc_lockout_remembers(&rfb->lockout, cua_now_us());
	pthread_mutex_unlock(&rfb->lock);
	return remembers;
}

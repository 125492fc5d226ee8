/* Does the X server hang? Asked by another thread while the display's waits for an answer: a server
 * that hangs would hang it for ever. One that is slow does not: what it has sent may lie behind a
 * million events of a flood, or wait for us to get a processor, and it may get none itself. */

#include "display/display_internal.h"

#include <poll.h>
#include <sys/socket.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"

void display_note_answer(struct display *display)
{
	atomic_store(&display->busy_since_us, cua_now_us());
}

void silence_init(struct display *display)
{
	display->silence.server = cua_unix_peer_pid(ConnectionNumber(display->xlib));
}

/* 0 if it is not known. */
static uint64_t server_delay_us(const struct display_silence *silence)
{
	return silence->server > 0 ? load_delay_ns(silence->server) / 1000U : 0;
}

/* Since the last look: something has come, is there to be read, or was handled, or nobody waits. */
static bool is_heard(struct display *display)
{
	struct display_silence *silence = &display->silence;
	const uint64_t since_us = atomic_load(&display->busy_since_us);
	const uint64_t bytes = xcb_total_read(display->xcb);
	struct pollfd readable = { .fd = ConnectionNumber(display->xlib), .events = POLLIN };
	const bool heard = since_us == 0 || since_us != silence->since_us ||
			bytes != silence->bytes || poll(&readable, 1, 0) > 0;
	silence->since_us = since_us;
	silence->bytes = bytes;
	return heard;
}

uint64_t display_silent_us(struct display *display, uint64_t since_last_us)
{
	struct display_silence *silence = &display->silence;
	if (is_heard(display)) {
		silence->silent_us = 0;
		silence->delay_us = server_delay_us(silence);
		return 0;
	}
	silence->silent_us += since_last_us;
	const uint64_t waited_us = server_delay_us(silence) - silence->delay_us;
	return silence->silent_us > waited_us ? silence->silent_us - waited_us : 0;
}

void display_break(struct display *display)
{
	display->silence.silent_us = 0;
	shutdown(ConnectionNumber(display->xlib), SHUT_RDWR);
}

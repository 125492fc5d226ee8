#ifndef CUA_BENCH_CLIENT_H
#define CUA_BENCH_CLIENT_H

/* An X client of the bench's own beside the desktop's host: it changes what the screen shows
 * between two measurements, and reads the screen as any program could. */

#include <stdint.h>

#include "cua/bench/bench.h"

struct bench_client;

CUA_NODISCARD enum cua_status bench_client_connect(const struct desktop_record *record,
		struct bench_client **ret_client, struct cua_error *err);
/* The same to a display by its name, which asks for no cookie. */
CUA_NODISCARD enum cua_status bench_client_connect_display(
		const char *display, struct bench_client **ret_client, struct cua_error *err);
void bench_client_close(struct bench_client *client);

/* Inverts one, two or three channels of every pixel of the area, others each time, and returns when
 * that is drawn: every pixel is new, and neighbours differ by as much as before, so that the
 * picture takes as many bytes. */
CUA_NODISCARD enum cua_status bench_client_change(
		struct bench_client *client, const struct cua_region *area, struct cua_error *err);

/* Reads the whole screen by MIT-SHM. *ret_pixels: B8G8R8X8 without padding; the client's, until
 * the next call. */
CUA_NODISCARD enum cua_status bench_client_read(
		struct bench_client *client, const uint8_t **ret_pixels, struct cua_error *err);

/* The same pictures of so many pixels, but for a caret, which may have blinked between them. The
 * fourth byte of a pixel means nothing. */
bool bench_pixels_alike(const uint8_t *one, const uint8_t *other, size_t count);

/* From here on bench_client_drawn() tells what is drawn. */
CUA_NODISCARD enum cua_status bench_client_follow(
		struct bench_client *client, struct cua_error *err);
/* Waits for drawing until wake_fd is readable, and reads the rows that were drawn on. CUA_OK with
 * *ret_end 0 if there was none. */
CUA_NODISCARD enum cua_status bench_client_drawn(struct bench_client *client, int wake_fd,
		const uint8_t **ret_pixels, int *ret_first, int *ret_end, struct cua_error *err);

/* bench_png.c: libpng as a program that takes screenshots uses it, all settings but the level left
 * alone. */
CUA_NODISCARD enum cua_status bench_png_write(const uint8_t *pixels, int width_px, int height_px,
		int level, struct cua_buffer *png, struct cua_error *err);

/* Any PNG as B8G8R8X8; *ret_pixels is the caller's. */
CUA_NODISCARD enum cua_status bench_png_read(const uint8_t *png, size_t len, int *ret_width_px,
		int *ret_height_px, uint8_t **ret_pixels, struct cua_error *err);

#endif

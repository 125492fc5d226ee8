#ifndef CUA_DISPLAY_READER_CLIENT_H
#define CUA_DISPLAY_READER_CLIENT_H

/* The host's end of the link to the reader (reader/reader.h). What comes over it is hostile: the
 * reader lives among the applications. */

#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"

struct display;

/**
 * reader_ask() - one question, one answer. Starts the reader if need be.
 * @request:    an object; borrowed.
 * @pixels:     grey, may be NULL.
 * @timeout_ms: for all of it. A reader that is not ready by then is killed.
 * @ret_answer: an object, of which nothing else has been checked.
 *
 * Return: CUA_OK; CUA_ERR_TIMEOUT; CUA_ERR_CLOSED; what the reader answered; what ends a wait.
 */
CUA_NODISCARD enum cua_status reader_ask(struct display *display, const cJSON *request,
		const uint8_t *pixels, size_t pixel_len, int timeout_ms, cJSON **ret_answer,
		struct cua_error *err);

void reader_stop(struct display *display);

#endif

#ifndef CUA_DEMOS_STANDIN_WIRE_PICTURE_H
#define CUA_DEMOS_STANDIN_WIRE_PICTURE_H

/* Pictures in requests: base64 of a PNG, with or without "data:image/png;base64," before it. */

#include "demos/standin/wire/wire.h"

/* The base64 of a data URL of this kind, NULL if text is none. */
const char *picture_of_data_url(const char *text);

/**
 * picture_take() - remember a picture as the newest one.
 * @base64:   borrowed from the request's body.
 * @place:    where it stands, for errors; kept.
 * @ret_size: pixels; may be NULL.
 *
 * Only its first bytes are read. False if they are not those of a PNG; nothing is refused then.
 */
bool picture_take(struct wire_request *request, const char *base64, const char *place,
		struct cua_point *ret_size);

/* A place of the newest picture in the pixels of what the model sees. */
struct cua_point picture_point(const struct wire_request *request, struct cua_point point);

/* Decodes the newest picture whole; refuses what is no base64. */
bool picture_decode_newest(struct wire_request *request);

#endif

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
 * Only its first bytes are read, the rest by picture_decode_taken(). False if they are not those of
 * a PNG, and when memory runs out; nothing is refused then.
 */
bool picture_take(struct wire_request *request, const char *base64, const char *place,
		struct cua_point *ret_size);

/* A place of the newest picture in the pixels of what the model sees. */
struct cua_point picture_point(const struct wire_request *request, struct cua_point point);

/* Notes that the picture at this place is none, as why says; yields false. */
bool picture_refuse(struct wire_request *request, const char *place, const struct cua_error *why);

/* Decodes whole what came after the newest turn, else the newest there is; refuses what is no
 * base64 or cannot be decoded, as the real services do. */
bool picture_decode_taken(struct wire_request *request);

#endif

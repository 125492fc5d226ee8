#include "demos/standin/wire/picture.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cua/picture/decode.h"

#define HEAD_BYTES 24 /* signature, length and type of IHDR, width, height */
#define HEAD_BASE64 (HEAD_BYTES / 3 * 4)

const char *picture_of_data_url(const char *text)
{
	static const char prefix[] = "data:image/png;base64,";
	return text && strncmp(text, prefix, sizeof(prefix) - 1) == 0 ? text + sizeof(prefix) - 1
								      : NULL;
}

static int read_big_endian(const unsigned char *at)
{
	return at[0] < 0x80 ? at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3] : 0;
}

static bool read_size(const char *base64, struct cua_point *ret_size)
{
	static const unsigned char signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
	unsigned char head[HEAD_BYTES];
	size_t len = 0;
	if (strnlen(base64, HEAD_BASE64) < HEAD_BASE64 ||
			sodium_base642bin(head, sizeof(head), base64, HEAD_BASE64, NULL, &len, NULL,
					sodium_base64_VARIANT_ORIGINAL) != 0 ||
			memcmp(head, signature, sizeof(signature)) != 0 ||
			memcmp(head + 12, "IHDR", 4) != 0) {
		return false;
	}
	*ret_size = (struct cua_point){ read_big_endian(head + 16), read_big_endian(head + 20) };
	return ret_size->x > 0 && ret_size->y > 0;
}

bool picture_take(struct wire_request *request, const char *base64, const char *place,
		struct cua_point *ret_size)
{
	struct talk *talk = &request->talk;
	struct cua_point size;
	if (!base64 || !read_size(base64, &size)) {
		return false;
	}
	struct talk_picture *fresh = realloc(talk->fresh, (talk->fresh_count + 1) * sizeof(*fresh));
	if (!fresh) {
		return false;
	}
	talk->fresh = fresh;
	fresh[talk->fresh_count].base64 = base64;
	snprintf(fresh[talk->fresh_count].place, sizeof(fresh->place), "%s", place);
	talk->newest = fresh[talk->fresh_count++];
	talk->picture_size = size;
	talk->seen_size = size;
	talk->pictures++;
	talk->picture_bytes += strlen(base64);
	int edge = size.x > size.y ? size.x : size.y;
	talk->edge_max = edge > talk->edge_max ? edge : talk->edge_max;
	if (ret_size) {
		*ret_size = size;
	}
	return true;
}

struct cua_point picture_point(const struct wire_request *request, struct cua_point point)
{
	const struct talk *talk = &request->talk;
	if (talk->picture_size.x > 0) {
		point.x = point.x * talk->seen_size.x / talk->picture_size.x;
		point.y = point.y * talk->seen_size.y / talk->picture_size.y;
	}
	return point;
}

bool picture_refuse(struct wire_request *request, const char *place, const struct cua_error *why)
{
	return wire_refuse(request, 400, "image_parse_error", place,
			"The image data you provided does not represent a valid image: %s",
			why->msg);
}

/* Its bytes stay, until those of the next. */
static bool decode(struct wire_request *request, const struct talk_picture *picture)
{
	struct talk *talk = &request->talk;
	struct cua_error why = { 0 };
	const size_t len = strlen(picture->base64), size = len / 4 * 3 + 3;
	free(talk->png);
	talk->png = malloc(size);
	if (!talk->png) {
		return wire_refuse(request, 500, NULL, "", "out of memory");
	}
	if (sodium_base642bin(talk->png, size, picture->base64, len, NULL, &talk->png_len, NULL,
			    sodium_base64_VARIANT_ORIGINAL) != 0) {
		return wire_refuse(request, 400, "invalid_base64", picture->place,
				"Invalid '%s': the image data is not valid base64.",
				picture->place);
	}
	return cua_picture_decode(talk->png, talk->png_len, &why) == CUA_OK ||
			picture_refuse(request, picture->place, &why);
}

bool picture_decode_taken(struct wire_request *request)
{
	const struct talk *talk = &request->talk;
	for (size_t i = 0; i < talk->fresh_count; i++) {
		if (!decode(request, &talk->fresh[i])) {
			return false;
		}
	}
	return talk->fresh_count || !talk->newest.base64 || decode(request, &talk->newest);
}

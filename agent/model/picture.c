#include "agent/model/picture.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/picture/check.h"

#define SIDE_MAX 2000
#define BYTES_MAX ((size_t)4 << 20) /* in base64 */

static int big16(const unsigned char *at)
{
	return at[0] << 8 | at[1];
}

static int little16(const unsigned char *at)
{
	return at[1] << 8 | at[0];
}

static bool png_size(const unsigned char *bytes, size_t len, int *width, int *height)
{
	if (len < 24 || memcmp(bytes + 12, "IHDR", 4) != 0 || bytes[16] > 0x7f ||
			bytes[20] > 0x7f) {
		return false;
	}
	*width = big16(bytes + 16) << 16 | big16(bytes + 18);
	*height = big16(bytes + 20) << 16 | big16(bytes + 22);
	return true;
}

/* Segment by segment to the start of a frame: markers C0 to CF, but for tables and restarts. */
static bool jpeg_size(const unsigned char *bytes, size_t len, int *width, int *height)
{
	for (size_t at = 2; at + 9 < len && bytes[at] == 0xff;) {
		const unsigned char marker = bytes[at + 1];
		if (marker == 0xff) {
			at++;
		} else if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
				marker != 0xcc) {
			*height = big16(bytes + at + 5);
			*width = big16(bytes + at + 7);
			return true;
		} else {
			at += 2 + (size_t)big16(bytes + at + 2);
		}
	}
	return false;
}

/* Source: RFC 9649, 2.5 to 2.7. */
static bool webp_size(const unsigned char *bytes, size_t len, int *width, int *height)
{
	if (len < 30) {
		return false;
	}
	if (memcmp(bytes + 12, "VP8 ", 4) == 0) {
		*width = little16(bytes + 26) & 0x3fff;
		*height = little16(bytes + 28) & 0x3fff;
		return true;
	}
	if (memcmp(bytes + 12, "VP8L", 4) == 0) {
		*width = (little16(bytes + 21) & 0x3fff) + 1;
		*height = ((bytes[24] & 0xf) << 10 | bytes[23] << 2 | bytes[22] >> 6) + 1;
		return true;
	}
	if (memcmp(bytes + 12, "VP8X", 4) == 0) {
		*width = (bytes[26] << 16 | little16(bytes + 24)) + 1;
		*height = (bytes[29] << 16 | little16(bytes + 27)) + 1;
		return true;
	}
	return false;
}

static bool measure(struct agent_image *image)
{
	if (!image->media_type) {
		return false;
	}
	const bool is_measured = strcmp(image->media_type, "image/png") == 0
			? png_size(image->bytes, image->len, &image->width, &image->height)
			: strcmp(image->media_type, "image/jpeg") == 0
			? jpeg_size(image->bytes, image->len, &image->width, &image->height)
			: webp_size(image->bytes, image->len, &image->width, &image->height);
	return is_measured && image->width > 0 && image->height > 0;
}

bool agent_picture_read(const char *base64, struct agent_image *ret_image)
{
	const size_t len = strlen(base64);
	unsigned char digest[crypto_hash_sha256_BYTES];
	struct agent_image image = { .bytes = malloc(len / 4 * 3 + 4) };
	const char *end = NULL;
	if (!image.bytes ||
			sodium_base642bin(image.bytes, len / 4 * 3 + 4, base64, len, " \t\r\n",
					&image.len, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
			*end) {
		agent_image_finish(&image);
		return false;
	}
	image.media_type = agent_image_type(image.bytes, image.len);
	const size_t size = sodium_base64_encoded_len(image.len, sodium_base64_VARIANT_ORIGINAL);
	image.base64 = measure(&image) ? malloc(size) : NULL;
	if (!image.base64) {
		agent_image_finish(&image);
		return false;
	}
	sodium_bin2base64(
			image.base64, size, image.bytes, image.len, sodium_base64_VARIANT_ORIGINAL);
	crypto_hash_sha256(digest, image.bytes, image.len);
	sodium_bin2hex(image.sha256, sizeof(image.sha256), digest, sizeof(digest));
	*ret_image = image;
	return true;
}

bool agent_picture_fits(const struct agent_image *picture, char *why, size_t size)
{
	struct cua_error wrong = { 0 };
	if (strcmp(picture->media_type, "image/webp") != 0 && picture->width <= SIDE_MAX &&
			picture->height <= SIDE_MAX && strlen(picture->base64) <= BYTES_MAX) {
		if (cua_picture_check(picture->bytes, picture->len, &wrong) == CUA_OK) {
			return true;
		}
		snprintf(why, size, "a picture is not shown: %s", wrong.msg);
		return false;
	}
	snprintf(why, size,
			"a picture of %dx%d, %s, %zu KB is not shown: make it PNG or JPEG of at "
			"most %d pixels on an edge and %zu KB",
			picture->width, picture->height, picture->media_type, picture->len / 1024,
			SIDE_MAX, BYTES_MAX / 4 * 3 / 1024);
	return false;
}

/* What the vnc process sends to the desktop host, whoever it is by now: a packet, and each message
 * around the same bytes. What is taken is within what the host counts on. */
#include <string.h>

#include "cua/contract/utf8.h"
#include "display/people_link.h"
#include "tests/fuzz/fuzz.h"

static void check_text(const char *text, size_t size)
{
	const char *end = memchr(text, '\0', size);
	FUZZ_CHECK(end);
	FUZZ_CHECK(cua_utf8_check(text, (size_t)(end - text), NULL) == CUA_OK);
}

static void check(const struct vnc_link_message *message, const char *data, const char *packet,
		size_t len)
{
	FUZZ_CHECK(message->viewer < VNC_LINK_VIEWERS_MAX);
	FUZZ_CHECK(data >= packet && message->data_len == len - (size_t)(data - packet));
	FUZZ_CHECK(message->type >= VNC_LINK_JOINED && message->type <= VNC_LINK_RESUME);
	if (message->type == VNC_LINK_JOINED) {
		FUZZ_CHECK(message->u.joined.mode < VNC_MODE_COUNT);
		check_text(message->u.joined.person, sizeof(message->u.joined.person));
		check_text(message->u.joined.name, sizeof(message->u.joined.name));
	} else if (message->type == VNC_LINK_VIEWERS) {
		FUZZ_CHECK(message->u.viewers.viewers <= VNC_LINK_VIEWERS_MAX);
		FUZZ_CHECK(message->u.viewers.controllers <= message->u.viewers.viewers);
	} else if (message->type == VNC_LINK_CUT_TEXT) {
		FUZZ_CHECK(message->data_len <= VNC_LINK_TEXT_MAX);
		FUZZ_CHECK(cua_utf8_check(data, message->data_len, NULL) == CUA_OK);
	}
}

static void parse(const char *packet, size_t len)
{
	struct vnc_link_message message;
	const char *data = NULL;
	struct cua_error error;
	if (people_link_parse(packet, len, &message, &data, &error) == CUA_OK) {
		check(&message, data, packet, len);
	}
}

/* A packet of this type, whose length is right, around the same bytes. */
static void parse_as(enum vnc_link_type type, const char *bytes, size_t len)
{
	struct vnc_link_message message = { .type = type };
	const size_t fields = len < sizeof(message.u) ? len : sizeof(message.u);
	const size_t text_len = type == VNC_LINK_CUT_TEXT ? len : 0;
	char *packet = malloc(sizeof(message) + text_len);
	FUZZ_CHECK(packet);
	memcpy(&message.u, bytes, fields);
	message.data_len = (uint32_t)text_len;
	memcpy(packet, &message, sizeof(message));
	memcpy(packet + sizeof(message), bytes, text_len);
	parse(packet, sizeof(message) + text_len);
	free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* At its exact size, so that a sanitizer sees a read beyond it. */
	char *packet = malloc(size > 0 ? size : 1);
	FUZZ_CHECK(packet);
	if (size > 0) {
		memcpy(packet, data, size);
	}
	parse(packet, size);
	for (enum vnc_link_type type = VNC_LINK_JOINED; type <= VNC_LINK_RESUME; type++) {
		parse_as(type, packet, size);
	}
	free(packet);
	return 0;
}

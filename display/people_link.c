/* What the vnc process sends, checked: it parses what viewers send, and may be theirs by now. */

#include "display/people_link.h"

#include <stdbool.h>
#include <string.h>

#include "cua/contract/utf8.h"

static bool is_text(const char *text, size_t size)
{
	const char *end = memchr(text, '\0', size);
	return end && cua_utf8_check(text, (size_t)(end - text), NULL) == CUA_OK;
}

static bool is_sane(const struct vnc_link_message *message, const char *data)
{
	switch (message->type) {
	case VNC_LINK_KEY:
	case VNC_LINK_POINTER:
	case VNC_LINK_READY:
	case VNC_LINK_LEFT:
	case VNC_LINK_RESUME:
		return message->data_len == 0;
	case VNC_LINK_JOINED:
		return message->data_len == 0 && message->u.joined.mode < VNC_MODE_COUNT &&
				is_text(message->u.joined.person,
						sizeof(message->u.joined.person)) &&
				is_text(message->u.joined.name, sizeof(message->u.joined.name));
	case VNC_LINK_VIEWERS:
		return message->data_len == 0 &&
				message->u.viewers.viewers <= VNC_LINK_VIEWERS_MAX &&
				message->u.viewers.controllers <= message->u.viewers.viewers;
	case VNC_LINK_CUT_TEXT:
		return message->data_len <= VNC_LINK_TEXT_MAX &&
				cua_utf8_check(data, message->data_len, NULL) == CUA_OK;
	default:
		return false; /* none of its messages */
	}
}

enum cua_status people_link_parse(const char *packet, size_t len,
		struct vnc_link_message *ret_message, const char **ret_data, struct cua_error *err)
{
	struct vnc_link_message message;
	if (len < sizeof(message)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%zu bytes, which are no message", len);
	}
	memcpy(&message, packet, sizeof(message));
	const char *data = packet + sizeof(message);
	if (message.data_len != len - sizeof(message) || message.viewer >= VNC_LINK_VIEWERS_MAX ||
			!is_sane(&message, data)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"a message of type %u of viewer %u that makes no sense",
				message.type, message.viewer);
	}
	*ret_message = message;
	*ret_data = data;
	return CUA_OK;
}

#include "display/vnc/vnc_gate.h"

#include <stdbool.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "display/vnc/vnc_link.h"

#define VERSION_LEN 12
#define SECURITY_NONE 1
#define SECURITY_VNC_AUTH 2
#define CHALLENGE_LEN 16
#define ENCODINGS_MAX 1024 /* noVNC sends some 40 */

/* Extended clipboard: formats are the low 16 bits, actions the high ones. */
#define CLIPBOARD_FORMATS 0xffffU
#define CLIPBOARD_CAPS (1U << 24)
#define CLIPBOARD_REQUEST (1U << 25)
#define CLIPBOARD_PEEK (1U << 26)
#define CLIPBOARD_PROVIDE (1U << 28)

static const struct vnc_gate_message more = { .kind = VNC_GATE_MORE };
static const struct vnc_gate_message bad = { .kind = VNC_GATE_BAD };

static uint16_t read_u16(const uint8_t *data)
{
	return (uint16_t)(data[0] << 8 | data[1]);
}

static uint32_t read_u32(const uint8_t *data)
{
	return (uint32_t)read_u16(data) << 16 | read_u16(data + 2);
}

static struct vnc_gate_message whole(enum vnc_gate_kind kind, size_t needed, size_t len)
{
	return len < needed ? more : (struct vnc_gate_message){ .kind = kind, .len = needed };
}

static bool is_text(const char *text, size_t size)
{
	return memchr(text, '\0', size) && cua_utf8_check(text, strlen(text), NULL) == CUA_OK;
}

static struct vnc_gate_message parse_pass(const uint8_t *data, size_t len)
{
	const size_t magic_len = sizeof(VNC_PASS_MAGIC) - 1;
	struct vnc_gate_message message = whole(VNC_GATE_PASS, sizeof(message.u.pass), len);
	if (memcmp(data, VNC_PASS_MAGIC, len < magic_len ? len : magic_len) != 0) {
		return bad;
	}
	if (message.kind == VNC_GATE_MORE) {
		return message;
	}
	struct vnc_pass *pass = &message.u.pass;
	memcpy(pass, data, sizeof(*pass));
	return pass->mode < VNC_MODE_COUNT && is_text(pass->person, sizeof(pass->person)) &&
					is_text(pass->name, sizeof(pass->name))
			? message
			: bad;
}

/* Refuses at the first wrong byte: an HTTP request or a TLS hello does not get to wait. */
static struct vnc_gate_message parse_version(const uint8_t *data, size_t len)
{
	static const char prefix[] = "RFB 003.";
	size_t known = len < sizeof(prefix) - 1 ? len : sizeof(prefix) - 1;
	if (memcmp(data, prefix, known) != 0) {
		return bad;
	}
	if (len < VERSION_LEN) {
		return more;
	}
	int minor = 0;
	for (size_t i = sizeof(prefix) - 1; i < VERSION_LEN - 1; i++) {
		if (data[i] < '0' || data[i] > '9') {
			return bad;
		}
		minor = minor * 10 + data[i] - '0';
	}
	if (data[VERSION_LEN - 1] != '\n') {
		return bad;
	}
	struct vnc_gate_message message = whole(VNC_GATE_VERSION, VERSION_LEN, len);
	/* Versions that were never published are 3.3; Apple's 3.889 is one of them. */
	message.u.minor = minor == 7 || minor == 8 ? minor : 3;
	return message;
}

/* libvncserver shifts and divides by what it is told here. */
static bool pixel_format_is_sane(const uint8_t *format)
{
	unsigned bits = format[0], depth = format[1], true_colour = format[3];
	if ((bits != 8 && bits != 16 && bits != 32) || depth > bits || depth == 0) {
		return false;
	}
	if (!true_colour) {
		return bits == 8;
	}
	for (int i = 0; i < 3; i++) {
		uint64_t max = read_u16(format + 4 + (size_t)2 * i);
		unsigned shift = format[10 + i];
		if (shift >= bits || max << shift >= UINT64_C(1) << bits) {
			return false;
		}
	}
	return true;
}

static struct vnc_gate_message parse_pixel_format(const uint8_t *data, size_t len)
{
	struct vnc_gate_message message = whole(VNC_GATE_FORWARD, 20, len);
	return message.kind == VNC_GATE_MORE || pixel_format_is_sane(data + 4) ? message : bad;
}

static struct vnc_gate_message parse_encodings(const uint8_t *data, size_t len)
{
	if (len < 4) {
		return more;
	}
	size_t count = read_u16(data + 2);
	return count > ENCODINGS_MAX ? bad : whole(VNC_GATE_FORWARD, 4 + 4 * count, len);
}

static struct vnc_gate_message parse_update_request(const uint8_t *data, size_t len)
{
	struct vnc_gate_message message = whole(VNC_GATE_FORWARD, 10, len);
	if (message.kind == VNC_GATE_FORWARD &&
			(read_u16(data + 6) == 0 || read_u16(data + 8) == 0)) {
		message.kind = VNC_GATE_IGNORE;
	}
	return message;
}

static struct vnc_gate_message parse_key(const uint8_t *data, size_t len)
{
	struct vnc_gate_message message = whole(VNC_GATE_KEY, 8, len);
	if (message.kind == VNC_GATE_KEY) {
		message.u.key.down = data[1] != 0;
		message.u.key.keysym = read_u32(data + 4);
	}
	return message;
}

static struct vnc_gate_message parse_pointer(const uint8_t *data, size_t len)
{
	struct vnc_gate_message message = whole(VNC_GATE_POINTER, 6, len);
	if (message.kind == VNC_GATE_POINTER) {
		message.u.pointer.buttons = data[1];
		message.u.pointer.x = read_u16(data + 2);
		message.u.pointer.y = read_u16(data + 4);
	}
	return message;
}

/* The answers to caps, request and peek are libvncserver's; "provide" is ours, because 0.9.14
 * hangs up on a finished zlib stream and hands out uninitialised bytes for a short one. */
static struct vnc_gate_message parse_extended_text(const uint8_t *data, size_t len, size_t size)
{
	struct vnc_gate_message message = whole(VNC_GATE_IGNORE, 8 + size, len);
	if (message.kind == VNC_GATE_MORE) {
		return message;
	}
	uint32_t flags = read_u32(data + 8);
	if (flags & CLIPBOARD_CAPS) {
		size_t formats = (size_t)__builtin_popcount(flags & CLIPBOARD_FORMATS);
		/* The first size is that of text, the lowest format: it must be there. */
		if (size != 4 + 4 * formats) {
			return bad;
		}
		message.kind = VNC_GATE_FORWARD;
	} else if (flags & (CLIPBOARD_REQUEST | CLIPBOARD_PEEK)) {
		message.kind = VNC_GATE_FORWARD;
	} else if (flags & CLIPBOARD_PROVIDE) {
		message.kind = VNC_GATE_TEXT_PROVIDE;
		message.u.text.bytes = data + 12;
		message.u.text.len = size - 4;
		message.u.text.flags = flags & CLIPBOARD_FORMATS;
	}
	return message;
}

static struct vnc_gate_message parse_cut_text(const uint8_t *data, size_t len)
{
	if (len < 8) {
		return more;
	}
	uint32_t field = read_u32(data + 4);
	bool extended = field & 0x80000000U; /* a negative length */
	size_t size = extended ? 0U - field : field;
	if (extended && size < 4) {
		return bad;
	}
	if (size > VNC_LINK_TEXT_MAX) {
		/* Somebody's clipboard is large: no reason to hang up, and none to hold it. */
		return (struct vnc_gate_message){ .kind = VNC_GATE_IGNORE, .len = 8, .skip = size };
	}
	if (extended) {
		return parse_extended_text(data, len, size);
	}
	struct vnc_gate_message message = whole(VNC_GATE_TEXT, 8 + size, len);
	if (message.kind == VNC_GATE_TEXT) {
		message.u.text.bytes = data + 8;
		message.u.text.len = size;
	}
	return message;
}

/* The size of the desktop is the host's business: a viewer that asks gets no answer. */
static struct vnc_gate_message parse_set_desktop_size(const uint8_t *data, size_t len)
{
	return len < 8 ? more : whole(VNC_GATE_IGNORE, 8 + (size_t)16 * data[6], len);
}

static struct vnc_gate_message parse_normal(const uint8_t *data, size_t len)
{
	static const struct {
		uint8_t type;
		struct vnc_gate_message (*parse)(const uint8_t *data, size_t len);
	} parsers[] = {
		{ 0, parse_pixel_format },
		{ 2, parse_encodings },
		{ 3, parse_update_request },
		{ 4, parse_key },
		{ 5, parse_pointer },
		{ 6, parse_cut_text },
		{ 251, parse_set_desktop_size },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(parsers); i++) {
		if (parsers[i].type == data[0]) {
			return parsers[i].parse(data, len);
		}
	}
	return bad; /* file transfer, chat, scaling and the rest of what libvncserver knows */
}

struct vnc_gate_message vnc_gate_next(enum vnc_phase phase, const uint8_t *data, size_t len)
{
	if (len == 0) {
		return more;
	}
	switch (phase) {
	case VNC_PHASE_PASS:
		return parse_pass(data, len);
	case VNC_PHASE_VERSION:
		return parse_version(data, len);
	case VNC_PHASE_SECURITY:
		return data[0] == SECURITY_VNC_AUTH ? whole(VNC_GATE_FORWARD, 1, len) : bad;
	case VNC_PHASE_NONE:
		return data[0] == SECURITY_NONE ? whole(VNC_GATE_NONE, 1, len) : bad;
	case VNC_PHASE_RESPONSE:
		return whole(VNC_GATE_FORWARD, CHALLENGE_LEN, len);
	case VNC_PHASE_INIT:
		return whole(VNC_GATE_FORWARD, 1, len);
	case VNC_PHASE_NORMAL:
		return parse_normal(data, len);
	}
	return bad;
}

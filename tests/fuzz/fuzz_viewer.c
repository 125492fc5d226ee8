/* What a viewer sends before anybody knows it: a pass, RFB's handshake, messages, compressed cut
 * text. The first byte says how far it is; what is taken is there, and within what it may be. */
#include <string.h>

#include "cua/base/buffer.h"
#include "cua/contract/utf8.h"
#include "display/vnc/vnc_clipboard.h"
#include "display/vnc/vnc_gate.h"
#include "display/vnc/vnc_link.h"
#include "tests/fuzz/fuzz.h"

static void check_text(const struct vnc_gate_message *message, const uint8_t *data, size_t size)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	const uint8_t *bytes = message->u.text.bytes;
	const size_t len = message->u.text.len;
	FUZZ_CHECK(len == 0 || (bytes >= data && len <= size - (size_t)(bytes - data)));
	cua_buffer_init(&text, VNC_LINK_TEXT_MAX);
	const enum cua_status status = message->kind == VNC_GATE_TEXT
			? vnc_text_from_latin1(bytes, len, &text, NULL)
			: vnc_text_inflate(message->u.text.flags, bytes, len, &text, NULL);
	FUZZ_CHECK(text.len <= VNC_LINK_TEXT_MAX);
	FUZZ_CHECK(status != CUA_OK ||
			cua_utf8_check(text.data ? text.data : "", text.len, NULL) == CUA_OK);
}

static void check_message(const struct vnc_gate_message *message, const uint8_t *data, size_t size)
{
	switch (message->kind) {
	case VNC_GATE_PASS:
		FUZZ_CHECK(message->u.pass.mode < VNC_MODE_COUNT);
		FUZZ_CHECK(memchr(message->u.pass.person, '\0', VNC_PERSON_SIZE));
		FUZZ_CHECK(memchr(message->u.pass.name, '\0', VNC_NAME_SIZE));
		break;
	case VNC_GATE_VERSION:
		FUZZ_CHECK(message->u.minor == 3 || message->u.minor == 7 || message->u.minor == 8);
		break;
	case VNC_GATE_TEXT:
	case VNC_GATE_TEXT_PROVIDE:
		check_text(message, data, size);
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0) {
		return 0;
	}
	const enum vnc_phase phase = (enum vnc_phase)(data[0] % (VNC_PHASE_NORMAL + 1));
	/* At its exact size, so that a sanitizer sees a read beyond it. */
	uint8_t *input = malloc(size);
	FUZZ_CHECK(input);
	memcpy(input, data + 1, size - 1);
	input = realloc(input, size > 1 ? size - 1 : 1);
	FUZZ_CHECK(input);
	for (size_t at = 0; at < size - 1;) {
		const struct vnc_gate_message message =
				vnc_gate_next(phase, input + at, size - 1 - at);
		FUZZ_CHECK(message.len <= size - 1 - at);
		if (message.kind == VNC_GATE_MORE || message.kind == VNC_GATE_BAD) {
			FUZZ_CHECK(message.len == 0);
			break;
		}
		FUZZ_CHECK(message.len > 0);
		check_message(&message, input, size - 1);
		at += message.len;
	}
	free(input);
	return 0;
}

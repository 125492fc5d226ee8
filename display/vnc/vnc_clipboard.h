#ifndef CUA_DISPLAY_VNC_VNC_CLIPBOARD_H
#define CUA_DISPLAY_VNC_VNC_CLIPBOARD_H

/* Cut text between the encodings of RFB and UTF-8 with LF line ends. Pure functions.
 * Source: rfbproto.rst, "ClientCutText" and "Extended Clipboard Pseudo-Encoding". */

#include <stddef.h>
#include <stdint.h>

#include "cua/base/buffer.h"
#include "cua/base/error.h"

/* All append to text, whose cap is the caller's choice, and may leave a part there when they
 * fail: CUA_ERR_TOO_LARGE, CUA_ERR_NOMEM, and CUA_ERR_INVAL for input that breaks the format. */

/* Carriage returns are dropped, as RFB has LF only. */
CUA_NODISCARD enum cua_status vnc_text_from_latin1(
		const uint8_t *latin1, size_t len, struct cua_buffer *text, struct cua_error *err);
/* What Latin-1 lacks becomes '?'. */
CUA_NODISCARD enum cua_status vnc_text_to_latin1(
		const char *utf8, size_t len, struct cua_buffer *latin1, struct cua_error *err);
/* The text format of a "provide" message; CUA_ERR_INVAL if it is not valid UTF-8. */
CUA_NODISCARD enum cua_status vnc_text_inflate(uint32_t formats, const uint8_t *zlib, size_t len,
		struct cua_buffer *text, struct cua_error *err);
/* A whole ServerCutText message that provides the text. */
CUA_NODISCARD enum cua_status vnc_text_deflate(
		const char *utf8, size_t len, struct cua_buffer *message, struct cua_error *err);
/* LF to CRLF and a NUL, as the extended clipboard carries it. */
CUA_NODISCARD enum cua_status vnc_text_to_crlf(
		const char *utf8, size_t len, struct cua_buffer *crlf, struct cua_error *err);

#endif

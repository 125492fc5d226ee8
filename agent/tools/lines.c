#include "agent/tools/lines.h"

#include <stdio.h>
#include <string.h>

#include "agent/tools/output.h"
#include "cua/contract/utf8.h"

#define SHOWN_MAX (TOOL_OUTPUT_HEAD + TOOL_OUTPUT_TAIL)

enum cua_status tool_check_text(
		const char *path, const char *bytes, size_t len, struct cua_error *err)
{
	if (len > 0 && memchr(bytes, '\0', len)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%.200s is no text: it has a byte 0", path);
	}
	enum cua_status status = len > 0 ? cua_utf8_check(bytes, len, err) : CUA_OK;
	if (status != CUA_OK) {
		cua_error_prefix(err, "%.200s is no text in UTF-8", path);
	}
	return status;
}

enum cua_status tool_tell_lines(struct tool_call *call, const char *text, int first, int count,
		bool numbered, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	long number = 1;
	const char *line = text;
	for (; status == CUA_OK && *line && number - first < count; number++) {
		const size_t len = strcspn(line, "\n");
		if (number >= first) {
			const size_t left =
					SHOWN_MAX > call->text.len ? SHOWN_MAX - call->text.len : 0;
			if (len > left && call->text.len > 0) {
				break;
			}
			if (len > left) {
				return cua_buffer_printf(&call->text, err,
						"%.*s\n[line %ld cut here; it has %zu bytes]",
						(int)left, line, number, len);
			}
			status = numbered ? cua_buffer_printf(&call->text, err, "%6ld\t%.*s\n",
							    number, (int)len, line)
					  : cua_buffer_append(&call->text, line,
							    len + (line[len] == '\n'), err);
		}
		line += len + (line[len] == '\n');
	}
	if (status != CUA_OK) {
		return status;
	}
	if (!*line && number <= first && first > 1) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "there are %ld lines; line %d is none",
				number - 1, first);
	}
	return *line ? cua_buffer_printf(&call->text, err,
				       "[cut before line %ld; %zu bytes are left]", number,
				       strlen(line))
		     : CUA_OK;
}

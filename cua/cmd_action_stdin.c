#include "cua/cmd_action_stdin.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cua/contract/utf8.h"

bool cmd_action_takes_stdin(const struct cua_action_spec *spec, const struct cua_arg_spec *arg)
{
	return arg->type == CUA_ARG_STRING &&
			(spec == &cua_action_table[CUA_ACTION_TYPE] ||
					spec == &cua_action_table[CUA_ACTION_CLIPBOARD_SET]);
}

static enum cua_status too_long(const struct cua_arg_spec *arg, struct cua_error *err)
{
	return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
			"%s: standard input has more than %d bytes, which is what is taken",
			arg->name, arg->max);
}

enum cua_status cmd_action_read_stdin(
		const struct cua_arg_spec *arg, struct cua_buffer *text, struct cua_error *err)
{
	char part[16384];
	ssize_t got = 0;
	enum cua_status status = cua_buffer_append(text, "", 0, err);
	while (status == CUA_OK &&
			((got = read(STDIN_FILENO, part, sizeof(part))) > 0 ||
					(got < 0 && errno == EINTR))) {
		if (got > 0 && text->len + (size_t)got > (size_t)arg->max) {
			return too_long(arg, err);
		}
		status = got > 0 ? cua_buffer_append(text, part, (size_t)got, err) : CUA_OK;
	}
	if (status == CUA_OK && got < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s: standard input", arg->name);
	}
	if (status == CUA_OK && memchr(text->data, '\0', text->len)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%s: standard input is no text: it has a NUL at byte %zu",
				arg->name, strlen(text->data));
	}
	if (status == CUA_OK) {
		status = cua_utf8_check(text->data, text->len, err);
		if (status != CUA_OK) {
			cua_error_prefix(err, "%s: standard input", arg->name);
		}
	}
	return status;
}

#include "agent/mcp/mcp_expand.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/buffer.h"
#include "cua/base/util.h"

#define EXPANDED_MAX ((size_t)1 << 20)

static const char name_letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

/* *at is behind the ${ of a variable, and behind its } afterwards. */
static enum cua_status expand_one(struct cua_buffer *out, const char **at, struct cua_error *err)
{
	const char *start = *at, *end = strchr(start, '}');
	const size_t name_len = strspn(start, name_letters);
	const char *after = start + name_len;
	const bool has_default = strncmp(after, ":-", 2) == 0;
	if (!end || name_len == 0 || name_len > 200 || (start[0] >= '0' && start[0] <= '9') ||
			(after != end && !has_default)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"a \"${\" must begin ${NAME} or ${NAME:-default}; \"$${\" stands "
				"for itself");
	}
	CUA_AUTO_FREE char *name = strndup(start, name_len);
	const char *value = name ? getenv(name) : NULL;
	*at = end + 1;
	if (!name) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "variable");
	}
	if (has_default && (!value || !value[0])) {
		return cua_buffer_append(out, after + 2, (size_t)(end - after) - 2, err);
	}
	if (!value) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"the variable %s is not set (${%s:-default} would give it a "
				"value)",
				name, name);
	}
	return cua_buffer_append(out, value, strlen(value), err);
}

enum cua_status mcp_expand(const char *text, char **ret_text, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer out;
	cua_buffer_init(&out, EXPANDED_MAX);
	enum cua_status status = cua_buffer_append(&out, "", 0, err);
	while (status == CUA_OK && *text) {
		if (strncmp(text, "$${", 3) == 0) {
			status = cua_buffer_append(&out, "${", 2, err);
			text += 3;
		} else if (strncmp(text, "${", 2) == 0) {
			text += 2;
			status = expand_one(&out, &text, err);
		} else {
			status = cua_buffer_append(&out, text++, 1, err);
		}
	}
	if (status == CUA_OK) {
		*ret_text = CUA_STEAL(out.data);
		cua_buffer_init(&out, EXPANDED_MAX);
	}
	return status;
}

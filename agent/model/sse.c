#include "agent/model/sse.h"

#include <stdio.h>
#include <string.h>

void agent_sse_init(
		struct agent_sse *sse, size_t max_len, agent_sse_event_fn on_event, void *user_data)
{
	*sse = (struct agent_sse){ .on_event = on_event, .user_data = user_data, .retry_ms = -1 };
	cua_buffer_init(&sse->line, max_len);
	cua_buffer_init(&sse->data, max_len);
}

void agent_sse_finish(struct agent_sse *sse)
{
	cua_buffer_finish(&sse->line);
	cua_buffer_finish(&sse->data);
}

static enum cua_status dispatch(struct agent_sse *sse, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	if (sse->has_data) {
		status = sse->on_event(sse->name, sse->data.data ? sse->data.data : "",
				sse->data.len, sse->user_data, err);
	}
	sse->has_data = false;
	sse->name[0] = '\0';
	cua_buffer_clear(&sse->data);
	return status;
}

static enum cua_status add_data(
		struct agent_sse *sse, const char *value, size_t len, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	if (sse->has_data) {
		status = cua_buffer_append(&sse->data, "\n", 1, err);
	}
	sse->has_data = true;
	return status == CUA_OK ? cua_buffer_append(&sse->data, value, len, err) : status;
}

static void take_id(struct agent_sse *sse, const char *value, size_t len)
{
	const bool fits = len < sizeof(sse->last_id) && !memchr(value, '\0', len);
	snprintf(sse->last_id, sizeof(sse->last_id), "%.*s", fits ? (int)len : 0, value);
}

/* Digits alone; what is over a day is no time to wait. */
static void take_retry(struct agent_sse *sse, const char *value, size_t len)
{
	long ms = 0;
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9') {
			return;
		}
		ms = ms > 86400000 ? ms : ms * 10 + (value[i] - '0');
	}
	if (len > 0) {
		sse->retry_ms = ms;
	}
}

static enum cua_status end_line(struct agent_sse *sse, struct cua_error *err)
{
	const char *line = sse->line.data ? sse->line.data : "";
	size_t len = sse->line.len;
	if (!sse->after_first && len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
		line += 3;
		len -= 3;
	}
	sse->after_first = true;
	if (len == 0) {
		return dispatch(sse, err);
	}
	const char *colon = memchr(line, ':', len);
	size_t name_len = colon ? (size_t)(colon - line) : len;
	const char *value = colon ? colon + 1 : line + len;
	size_t value_len = (size_t)(line + len - value);
	if (value_len > 0 && value[0] == ' ') {
		value++;
		value_len--;
	}
	if (name_len == 4 && memcmp(line, "data", 4) == 0) {
		return add_data(sse, value, value_len, err);
	}
	if (name_len == 5 && memcmp(line, "event", 5) == 0) {
		snprintf(sse->name, sizeof(sse->name), "%.*s",
				(int)(value_len < 63 ? value_len : 63), value);
	}
	if (name_len == 2 && memcmp(line, "id", 2) == 0) {
		take_id(sse, value, value_len);
	}
	if (name_len == 5 && memcmp(line, "retry", 5) == 0) {
		take_retry(sse, value, value_len);
	}
	return CUA_OK; /* comments (an empty name) and what is to come */
}

static size_t until_line_end(const char *bytes, size_t len)
{
	size_t at = 0;
	while (at < len && bytes[at] != '\n' && bytes[at] != '\r') {
		at++;
	}
	return at;
}

/* Fills the line up to its cap, so that the failing byte is the same however bytes arrive. */
static enum cua_status add_to_line(
		struct agent_sse *sse, const char *bytes, size_t len, struct cua_error *err)
{
	size_t room = sse->line.max_len - sse->line.len;
	if (len > room) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "a line of the stream is over %zu bytes",
				sse->line.max_len);
	}
	return len > 0 ? cua_buffer_append(&sse->line, bytes, len, err) : CUA_OK;
}

enum cua_status agent_sse_feed(
		struct agent_sse *sse, const char *bytes, size_t len, struct cua_error *err)
{
	while (len > 0) {
		if (sse->after_cr) {
			sse->after_cr = false;
			if (*bytes == '\n') {
				bytes++;
				len--;
				continue;
			}
		}
		size_t part = until_line_end(bytes, len);
		enum cua_status status = add_to_line(sse, bytes, part, err);
		if (status != CUA_OK) {
			return status;
		}
		bytes += part;
		len -= part;
		if (len == 0) {
			break;
		}
		sse->after_cr = *bytes == '\r';
		bytes++;
		len--;
		status = end_line(sse, err);
		cua_buffer_clear(&sse->line);
		if (status != CUA_OK) {
			return status;
		}
	}
	return CUA_OK;
}

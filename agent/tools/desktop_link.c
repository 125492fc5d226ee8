#include "agent/tools/desktop_link.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "agent/tools/world.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

enum cua_status tool_link_send(
		const struct tool_link *link, const cJSON *message, struct cua_error *err)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(message);
	const size_t len = text ? strlen(text) : 0;
	if (!text || len > TOOL_LINK_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "the answer is too large");
	}
	text[len] = '\n'; /* in place of the NUL */
	return cua_write_all(link->fd, text, len + 1)
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_CLOSED, errno, "the desktop's host is gone");
}

static enum cua_status take_line(struct tool_link *link, cJSON **ret_message, struct cua_error *err)
{
	char *end = memchr(link->received.data, '\n', link->received.len);
	*end = '\0';
	CUA_AUTO_JSON cJSON *message = cJSON_Parse(link->received.data);
	cua_buffer_consume(&link->received, (size_t)(end - link->received.data) + 1);
	if (!cJSON_IsObject(message)) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the desktop's host sent no JSON");
	}
	*ret_message = CUA_STEAL(message);
	return CUA_OK;
}

bool tool_link_has_message(const struct tool_link *link)
{
	return link->received.len > 0 && memchr(link->received.data, '\n', link->received.len);
}

enum cua_status tool_link_receive(
		struct tool_link *link, int timeout_ms, cJSON **ret_message, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + (uint64_t)timeout_ms * 1000U;
	char part[65536];
	while (!tool_link_has_message(link)) {
		struct pollfd ready = { .fd = link->fd, .events = POLLIN };
		const int count = poll(&ready, 1, timeout_ms < 0 ? -1 : cua_ms_until(deadline_us));
		if (count == 0) {
			return CUA_ERR_TIMEOUT;
		}
		const ssize_t got = count < 0 ? -1 : read(link->fd, part, sizeof(part));
		if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
			continue;
		}
		if (got <= 0) {
			return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the desktop's host is gone");
		}
		enum cua_status status = cua_buffer_append(&link->received, part, (size_t)got, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	return take_line(link, ret_message, err);
}

bool tool_is_cancelled(struct tool_call *call)
{
	struct tool_world *world = call->world;
	while (!world->is_cancelled) {
		CUA_AUTO_JSON cJSON *message = NULL;
		const enum cua_status status = tool_link_receive(&world->link, 0, &message, NULL);
		if (status == CUA_ERR_TIMEOUT) {
			break;
		}
		/* What else comes is the answer to an act that nobody waits for any more. */
		world->is_cancelled = status != CUA_OK || cua_json_member(message, "cancel");
	}
	return world->is_cancelled;
}

enum cua_status tool_desktop_ask(struct tool_call *call, const cJSON *request, cJSON **ret_answer,
		struct cua_error *err)
{
	struct tool_link *link = &call->world->link;
	CUA_AUTO_JSON cJSON *message = cJSON_CreateObject();
	CUA_AUTO_JSON cJSON *answer = NULL;
	cJSON_AddItemToObject(message, "act", cJSON_Duplicate(request, true));
	cJSON_AddNumberToObject(message, "number", ++link->number);
	enum cua_status status = tool_link_send(link, message, err);
	do {
		cJSON_Delete(CUA_STEAL(answer));
		/* The host has deadlines of its own, and answers a cancelled call too. */
		if (status == CUA_OK) {
			status = tool_link_receive(link, -1, &answer, err);
		}
		if (status != CUA_OK) {
			return status;
		}
		/* An answer of another number is that of a call that was given up. */
	} while (cua_json_member(answer, "acted") &&
			cua_json_int(answer, "number") != link->number);
	cJSON *acted = cua_json_member(answer, "acted");
	if (!cJSON_IsObject(acted)) {
		call->world->is_cancelled = true;
		return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "the caller gave up");
	}
	call->deadline_us += (uint64_t)(cua_json_number(answer, "waited_ms") * 1000.0);
	const cJSON *error = cua_json_member(acted, "error");
	if (error) {
		const bool is_forbidden = strcmp(cua_json_text(error, "code"), "policy") == 0;
		return CUA_FAIL(err, is_forbidden ? CUA_ERR_POLICY : CUA_ERR_APP, 0, "%.500s",
				cua_json_text(error, "message"));
	}
	*ret_answer = cJSON_DetachItemFromObject(answer, "acted");
	return CUA_OK;
}

#include "cua/mcp/serve_http.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_internal.h"

static const char *header(const struct mcp_serve_headers *headers, const char *name)
{
	return headers->find(name, headers->user_data);
}

/* A value that is no plain ASCII comes as =?base64?...?=. */
static bool is_same(const char *value, const char *expected)
{
	static const char begin[] = "=?base64?", end[] = "?=";
	const size_t len = strlen(value), around = strlen(begin) + strlen(end);
	if (len < around || strncmp(value, begin, strlen(begin)) != 0 ||
			strcmp(value + len - strlen(end), end) != 0) {
		return strcmp(value, expected) == 0;
	}
	CUA_AUTO_FREE unsigned char *text = malloc(len);
	size_t text_len = 0;
	return text &&
			sodium_base642bin(text, len, value + strlen(begin), len - around, NULL,
					&text_len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
			text_len == strlen(expected) && memcmp(text, expected, text_len) == 0;
}

static int mismatch(const struct mcp_serve_message *message, const struct mcp_serve_out *out,
		const char *name, const char *value, const char *expected)
{
	return mcp_serve_refuse(out, message->id, MCP_SERVE_ERROR_HEADER, NULL,
			value ? "the header %s is \"%.80s\", and the message says \"%.80s\""
			      : "the header %s is missing%.0s; the message says \"%.80s\"",
			name, value ? value : "", expected);
}

static int check_one(const struct mcp_serve_message *message,
		const struct mcp_serve_headers *headers, const struct mcp_serve_out *out,
		const char *name, const char *key, const char *expected)
{
	const char *value = header(headers, key);
	return value && is_same(value, expected) ? 0
						 : mismatch(message, out, name, value, expected);
}

/* What is named beside the method. */
static const char *name_of(const struct mcp_serve_message *message)
{
	if (strcmp(message->method, "tools/call") == 0 ||
			strcmp(message->method, "prompts/get") == 0) {
		return message->name;
	}
	return strcmp(message->method, "resources/read") == 0
			? cua_json_string(message->params, "uri")
			: NULL;
}

static int check_modern(const struct mcp_serve_message *message,
		const struct mcp_serve_headers *headers, const struct mcp_serve_out *out)
{
	const char *name = message->method ? name_of(message) : NULL;
	int code = message->revision ? check_one(message, headers, out, "MCP-Protocol-Version",
						       "mcp-protocol-version", message->revision)
				     : 0;
	if (code == 0 && message->method) {
		code = check_one(
				message, headers, out, "Mcp-Method", "mcp-method", message->method);
	}
	return code == 0 && name ? check_one(message, headers, out, "Mcp-Name", "mcp-name", name)
				 : code;
}

static bool is_handshake(const struct mcp_serve_message *message)
{
	return message->method && strcmp(message->method, "initialize") == 0;
}

int mcp_serve_http_check(const struct mcp_serve_message *message,
		const struct mcp_serve_headers *headers, const struct mcp_serve_out *out,
		const char **ret_revision)
{
	const char *version = header(headers, "mcp-protocol-version");
	*ret_revision = NULL;
	if (message->revision || (version && strcmp(version, MCP_SERVE_REVISION) == 0)) {
		return check_modern(message, headers, out);
	}
	if (version && !mcp_serve_knows_revision(version)) {
		return mcp_serve_refuse(out, message->id, MCP_SERVE_ERROR_VERSION,
				mcp_serve_version_data(version),
				"the revision \"%.40s\" is not served here", version);
	}
	/* A handshake says itself which revision it wants. */
	if (!is_handshake(message)) {
		*ret_revision = version ? version : MCP_SERVE_REVISION_UNMARKED;
	}
	return 0;
}

int mcp_serve_http_resume(struct mcp_serve_session *session,
		const struct mcp_serve_message *message, const struct mcp_serve_headers *headers,
		const char *revision, const struct mcp_serve_out *out)
{
	const char *id = header(headers, "mcp-session-id");
	const char *accepts = header(headers, "accept");
	/* The newest revision has no sessions, whatever a client sends along. */
	if (!id || !revision || is_handshake(message)) {
		return 0;
	}
	if (mcp_serve_session_resume(session, id)) {
		/* Where no stream is taken, a question would not be heard before the answer. */
		if (!accepts || !strcasestr(accepts, "text/event-stream")) {
			cJSON_Delete(CUA_STEAL(session->capabilities));
		}
		return 0;
	}
	return mcp_serve_refuse(out, message->id, MCP_SERVE_ERROR_REQUEST, NULL,
			"this session is not known here: begin again with initialize");
}

char *mcp_serve_http_session_id(const struct mcp_serve_session *session,
		const struct mcp_serve_message *message, int code)
{
	return code == 0 && is_handshake(message) && !message->revision
			? mcp_serve_session_id(session)
			: NULL;
}

int mcp_serve_http_status(const char *revision, int code)
{
	switch (code) {
	case 0:
		return 200;
	case MCP_SERVE_ERROR_PARSE:
	case MCP_SERVE_ERROR_REQUEST:
	case MCP_SERVE_ERROR_HEADER:
	case MCP_SERVE_ERROR_CAPABILITY:
	case MCP_SERVE_ERROR_VERSION:
		return 400;
	case MCP_SERVE_ERROR_METHOD:
		return revision ? 200 : 404;
	default:
		return revision ? 200 : 400;
	}
}

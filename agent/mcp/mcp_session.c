/* From nothing to a server that can be asked: starting it, and finding out which revision of the
 * protocol it speaks. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/mcp/mcp_server_internal.h"
#include "agent/mcp/mcp_text.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

/* The newest first. */
static const char *const legacy[] = { "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05",
	"2024-10-07" };

static const char *legacy_version(const char *version)
{
	for (size_t i = 0; version && i < CUA_ARRAY_LEN(legacy); i++) {
		if (strcmp(legacy[i], version) == 0) {
			return legacy[i];
		}
	}
	return NULL;
}

static int left_ms(const struct agent_mcp_server *server)
{
	return cua_ms_until(server->started_us + (uint64_t)server->options.init_ms * 1000U);
}

enum cua_status agent_mcp_server_start(struct agent_mcp_server *server, struct cua_error *err)
{
	if (server->transport) {
		return CUA_OK;
	}
	const struct mcp_transport_config config = { .entry = server->entry,
		.cancel_fd = server->options.cancel_fd,
		.memory_bytes = server->options.memory_bytes,
		.tasks = server->options.tasks,
		.on_text = mcp_take_text,
		.user_data = server };
	server->started_us = cua_now_us();
	server->starts++;
	server->is_ready = false;
	server->timeouts = 0;
	return server->entry->transport == AGENT_MCP_STDIO
			? mcp_stdio_create(&config, &server->transport, err)
			: mcp_http_create(&config, &server->transport, err);
}

void mcp_session_close(struct agent_mcp_server *server)
{
	if (server->transport) {
		server->transport->ops->destroy(server->transport);
		server->transport = NULL;
	}
	server->is_ready = false;
	server->has_changed = server->has_changed || server->is_listed; /* for all one knows */
}

void agent_mcp_server_hang_up(struct agent_mcp_server *server)
{
	const struct mcp_outgoing session = { .version = server->version };
	if (server->transport) {
		server->transport->ops->hang_up(server->transport, &session);
	}
}

static void use_version(struct agent_mcp_server *server, enum mcp_era era, const char *version)
{
	server->era = era;
	snprintf(server->version, sizeof(server->version), "%s", version);
}

enum cua_status mcp_session_choose(
		struct agent_mcp_server *server, const cJSON *supported, struct cua_error *err)
{
	const cJSON *item = NULL;
	const char *best = NULL;
	cJSON_ArrayForEach (item, supported) {
		const char *version = cJSON_GetStringValue(item);
		if (version && strcmp(version, MCP_MODERN) == 0) {
			use_version(server, MCP_ERA_MODERN, MCP_MODERN);
			return CUA_OK;
		}
		version = legacy_version(version);
		best = version && (!best || strcmp(version, best) > 0) ? version : best;
	}
	if (!best) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"the server speaks no revision of the protocol that is spoken "
				"here");
	}
	use_version(server, MCP_ERA_LEGACY, "");
	return CUA_OK;
}

static void keep_facts(struct agent_mcp_server *server, const cJSON *result, const cJSON *info)
{
	const char *instructions = cua_json_string(result, "instructions");
	mcp_text_line(server->own_name, sizeof(server->own_name), cua_json_text(info, "name"));
	mcp_text_line(server->own_version, sizeof(server->own_version),
			cua_json_text(info, "version"));
	free(server->instructions);
	server->instructions = instructions ? mcp_text_clean(instructions) : NULL;
}

/* Does the server speak the newest revision? Any answer that is not of it, and silence, say that it
 * does not. */
static enum cua_status read_probe(struct agent_mcp_server *server, const struct mcp_reply *reply,
		struct cua_error *err)
{
	const cJSON *supported = cua_json_member(reply->result, "supportedVersions");
	if (cJSON_IsArray(supported)) {
		const cJSON *info = cua_json_member(cua_json_member(reply->result, "_meta"),
				"io.modelcontextprotocol/serverInfo");
		keep_facts(server, reply->result,
				info ? info : cua_json_member(reply->result, "serverInfo"));
		return mcp_session_choose(server, supported, err);
	}
	if (!reply->result && reply->code == MCP_ERROR_VERSION) {
		return mcp_session_choose(server, cua_json_member(reply->error, "supported"), err);
	}
	if (!reply->result &&
			(reply->code == MCP_ERROR_HEADER || reply->code == MCP_ERROR_CAPABILITY)) {
		return CUA_OK; /* only the newest knows these */
	}
	use_version(server, MCP_ERA_LEGACY, "");
	return CUA_OK;
}

static bool shows_legacy(const struct agent_mcp_server *server, enum cua_status status,
		const struct mcp_wait *wait)
{
	if (status == CUA_ERR_APP) { /* HTTP said no, but not because of who asks */
		return wait->http_status >= 400 && wait->http_status < 500 &&
				wait->http_status != 401 && wait->http_status != 403;
	}
	return status == CUA_ERR_TIMEOUT ||
			(status == CUA_ERR_CLOSED && server->entry->transport == AGENT_MCP_STDIO &&
					wait->is_sent);
}

/* ret_silent: nothing came at all. */
static enum cua_status probe(
		struct agent_mcp_server *server, bool *ret_silent, struct cua_error *err)
{
	const int left = left_ms(server), ms = server->options.probe_ms;
	const struct mcp_question question = {
		.method = "server/discover", .ms = left < ms ? left : ms, .max_ms = left
	};
	struct mcp_reply reply;
	struct mcp_wait wait;
	struct cua_error why = { 0 };
	enum cua_status status = CUA_OK;
	bool asks_again = true;
	for (int i = 0; i < 2 && asks_again && status == CUA_OK; i++) {
		use_version(server, MCP_ERA_MODERN, MCP_MODERN);
		status = mcp_ask(server, &question, NULL, &wait, &reply, &why);
		*ret_silent = status == CUA_ERR_TIMEOUT;
		asks_again = status == CUA_OK && reply.code == MCP_ERROR_VERSION;
		if (status == CUA_OK) {
			status = read_probe(server, &reply, &why);
		} else if (shows_legacy(server, status, &wait)) {
			use_version(server, MCP_ERA_LEGACY, "");
			if (status == CUA_ERR_CLOSED) { /* what it does not know makes it end */
				mcp_session_close(server);
				status = agent_mcp_server_start(server, &why);
			} else {
				status = CUA_OK;
			}
		}
		asks_again = asks_again && server->era == MCP_ERA_MODERN;
		mcp_reply_finish(&reply);
	}
	if (status != CUA_OK) {
		use_version(server, MCP_ERA_UNKNOWN, "");
		if (err) {
			*err = why;
		}
	}
	return status;
}

/* ret_refused: the server said no to a handshake. */
static enum cua_status initialize(
		struct agent_mcp_server *server, bool *ret_refused, struct cua_error *err)
{
	const int left = left_ms(server);
	const struct mcp_question question = { .method = "initialize", .ms = left, .max_ms = left };
	struct mcp_reply reply;
	struct mcp_wait wait;
	cJSON *params = cJSON_CreateObject();
	use_version(server, MCP_ERA_LEGACY, "");
	cJSON_AddStringToObject(params, "protocolVersion", legacy[0]);
	cJSON_AddItemToObject(params, "capabilities", mcp_capabilities(server));
	cJSON_AddItemToObject(params, "clientInfo", mcp_client_info());
	enum cua_status status = mcp_ask(server, &question, params, &wait, &reply, err);
	const char *version = cua_json_string(reply.result, "protocolVersion");
	*ret_refused = status == CUA_OK && !reply.result;
	if (status == CUA_OK && !reply.result) {
		status = CUA_FAIL(err, CUA_ERR_APP, 0, "the server refused to start: %s",
				reply.problem);
	} else if (status == CUA_OK && !legacy_version(version)) {
		char said[80];
		mcp_text_line(said, sizeof(said), version ? version : "nothing");
		status = CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"the server speaks %s, which is not spoken here", said);
	}
	if (status == CUA_OK) {
		use_version(server, MCP_ERA_LEGACY, legacy_version(version));
		keep_facts(server, reply.result, cua_json_member(reply.result, "serverInfo"));
		mcp_notify(server, "notifications/initialized", NULL);
		const struct mcp_outgoing session = { .version = server->version };
		if (server->transport->ops->listen) {
			server->transport->ops->listen(server->transport, &session);
		}
	}
	mcp_reply_finish(&reply);
	return status;
}

enum cua_status mcp_session_open(struct agent_mcp_server *server, struct cua_error *err)
{
	if (server->transport && server->is_ready) {
		return CUA_OK;
	}
	enum cua_status status = agent_mcp_server_start(server, err);
	/* Others that started at the same time may have used it up meanwhile. */
	if (left_ms(server) < server->options.init_ms / 2) {
		server->started_us = cua_now_us() - (uint64_t)server->options.init_ms * 500U;
	}
	bool is_silent = false, is_refused = false;
	if (status == CUA_OK && server->era == MCP_ERA_UNKNOWN) {
		status = probe(server, &is_silent, err);
	}
	if (status == CUA_OK && server->era == MCP_ERA_LEGACY) {
		status = initialize(server, &is_refused, err);
	}
	if (is_silent && is_refused && probe(server, &is_silent, NULL) == CUA_OK &&
			server->era == MCP_ERA_MODERN) {
		status = CUA_OK; /* it was slow to start, and knows no handshake */
	}
	server->is_ready = status == CUA_OK;
	server->connect_ms = (double)(cua_now_us() - server->started_us) / 1000.0;
	if (status != CUA_OK) {
		mcp_session_close(server);
	}
	if (status != CUA_OK && server->entry->transport != AGENT_MCP_SSE) {
		use_version(server, MCP_ERA_UNKNOWN, ""); /* what was taken for known was not */
	}
	return status;
}

#include "agent/mcp/mcp_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/mcp/mcp_client_internal.h"
#include "agent/mcp/mcp_pins.h"
#include "cua/base/json.h"
#include "cua/base/names.h"
#include "cua/base/util.h"

static void tell(const struct agent_mcp *mcp, const struct mcp_member *member, const char *what)
{
	if (mcp->options.on_trouble) {
		mcp->options.on_trouble(member->entry->name, what, mcp->options.user_data);
	}
}

/* --- what may be offered --- */

static void tell_dropped(const struct agent_mcp *mcp, const struct mcp_member *member)
{
	char what[300];
	if (member->tools->dropped > 0) {
		snprintf(what, sizeof(what), "%zu of its tools cannot be used (%s)",
				member->tools->dropped, member->tools->problem);
		tell(mcp, member, what);
	}
}

static enum cua_status approve(
		const struct agent_mcp *mcp, const struct mcp_member *member, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *changes = NULL;
	const struct agent_mcp_options *options = &mcp->options;
	enum cua_status status =
			agent_mcp_pins_compare(member->entry, member->tools, &changes, err);
	if (status != CUA_OK || !agent_mcp_pins_need_approval(changes)) {
		return status;
	}
	if (options->on_approve &&
			options->on_approve(member->entry->name, changes, options->user_data)) {
		return agent_mcp_pins_approve(member->entry, member->tools, err);
	}
	char what[200];
	snprintf(what, sizeof(what),
			"%d changes wait for approval and are not offered: cua mcp-servers approve "
			"%s",
			cJSON_GetArraySize(changes), member->entry->name);
	tell(mcp, member, what);
	return CUA_OK;
}

/* What it offers now, held against what was approved. */
static enum cua_status list(
		const struct agent_mcp *mcp, struct mcp_member *member, struct cua_error *err)
{
	member->tools = NULL;
	enum cua_status status = agent_mcp_server_tools(member->server, &member->tools, err);
	if (status == CUA_OK) {
		tell_dropped(mcp, member);
		status = approve(mcp, member, err);
	}
	if (status != CUA_OK) {
		member->tools = NULL;
	}
	return status;
}

/* --- from start to end --- */

/* A program that no person has seen is not started for a run. */
static enum cua_status check_start(
		const struct agent_mcp *mcp, const struct mcp_member *member, struct cua_error *err)
{
	bool is_known = false;
	if (mcp->options.on_approve) {
		return CUA_OK;
	}
	enum cua_status status = agent_mcp_pins_know(member->entry, &is_known, err);
	return status != CUA_OK || is_known
			? status
			: CUA_FAIL(err, CUA_ERR_POLICY, 0,
					  "not started: nobody has approved it, or how it is "
					  "started: cua mcp-servers approve %s",
					  member->entry->name);
}

static bool has_entry(const struct agent_mcp *mcp, const char *name)
{
	for (size_t i = 0; i < mcp->config.count; i++) {
		if (strcmp(mcp->config.entries[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}

static void tell_missing(const struct agent_mcp *mcp)
{
	const char *at = mcp->options.only ? mcp->options.only : "", *one = NULL;
	char name[AGENT_MCP_NAME_MAX + 1];
	size_t len = 0;
	while (cua_names_next(&at, &one, &len)) {
		snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : 0), one);
		if (!has_entry(mcp, name) && mcp->options.on_trouble) {
			mcp->options.on_trouble(name, "mcpServers.json has no such server",
					mcp->options.user_data);
		}
	}
}

static enum cua_status start_all(struct agent_mcp *mcp, struct cua_error *err)
{
	struct cua_error why = { 0 };
	tell_missing(mcp);
	for (size_t i = 0; i < mcp->config.count; i++) {
		struct mcp_member *member = &mcp->members[i];
		member->entry = &mcp->config.entries[i];
		if (member->entry->problem[0]) {
			tell(mcp, member, member->entry->problem);
			mcp->count++;
			continue;
		}
		enum cua_status status = agent_mcp_server_create(
				member->entry, &mcp->options.server, &member->server, err);
		if (status != CUA_OK) {
			return status;
		}
		mcp->count++;
		if (check_start(mcp, member, &why) != CUA_OK ||
				agent_mcp_server_start(member->server, &why) != CUA_OK) {
			tell(mcp, member, why.msg);
			agent_mcp_server_destroy(CUA_STEAL(member->server));
		}
	}
	for (size_t i = 0; i < mcp->count; i++) {
		struct mcp_member *member = &mcp->members[i];
		enum cua_status status = member->server ? list(mcp, member, &why) : CUA_OK;
		if (status == CUA_ERR_CANCELLED) {
			*err = why;
			return status;
		}
		if (status != CUA_OK) {
			tell(mcp, member, why.msg);
		}
	}
	return CUA_OK;
}

enum cua_status agent_mcp_open(const struct agent_mcp_options *options, struct agent_mcp **ret_mcp,
		struct cua_error *err)
{
	struct cua_error why = { 0 };
	struct agent_mcp *mcp = calloc(1, sizeof(*mcp));
	if (!mcp) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "servers");
	}
	mcp->options = *options;
	enum cua_status status = agent_mcp_config_load_usable(
			options->path, options->only, &mcp->config, &why);
	if (status == CUA_OK) {
		mcp->members = calloc(mcp->config.count + 1, sizeof(*mcp->members));
		status = mcp->members ? mcp_make_schemas(mcp, &why)
				      : CUA_FAIL(&why, CUA_ERR_NOMEM, ENOMEM, "servers");
	}
	if (status == CUA_OK) {
		status = start_all(mcp, &why);
	}
	if (status != CUA_OK) {
		agent_mcp_close(mcp);
		if (err) {
			*err = why;
		}
		return status;
	}
	*ret_mcp = mcp;
	return CUA_OK;
}

void agent_mcp_close(struct agent_mcp *mcp)
{
	if (!mcp) {
		return;
	}
	for (size_t i = 0; i < mcp->count; i++) { /* all at once */
		if (mcp->members[i].server) {
			agent_mcp_server_hang_up(mcp->members[i].server);
		}
	}
	for (size_t i = 0; i < mcp->count; i++) {
		agent_mcp_server_destroy(mcp->members[i].server);
	}
	free(mcp->members);
	agent_mcp_config_finish(&mcp->config);
	cJSON_Delete(mcp->schemas);
	free(mcp);
}

void agent_mcp_set_deadline(struct agent_mcp *mcp, uint64_t deadline_us)
{
	for (size_t i = 0; i < mcp->count; i++) {
		if (mcp->members[i].server) {
			agent_mcp_server_set_deadline(mcp->members[i].server, deadline_us);
		}
	}
}

bool agent_mcp_standing(
		const struct agent_mcp *mcp, size_t index, struct agent_mcp_standing *ret_standing)
{
	if (index >= mcp->count) {
		return false;
	}
	const struct mcp_member *member = &mcp->members[index];
	*ret_standing = (struct agent_mcp_standing){ .server = member->entry->name,
		.is_usable = member->tools != NULL };
	for (size_t i = 0; member->tools && i < member->tools->count; i++) {
		ret_standing->tools += member->tools->list[i].is_approved;
	}
	return true;
}

/* --- calls --- */

struct target {
	struct mcp_member *member;
	const struct agent_mcp_tool *tool;
	const cJSON *arguments;
};

static struct mcp_member *find_member(struct agent_mcp *mcp, const char *name)
{
	for (size_t i = 0; i < mcp->count; i++) {
		if (strcmp(mcp->members[i].entry->name, name) == 0) {
			return &mcp->members[i];
		}
	}
	return NULL;
}

static enum cua_status find_by_name(struct agent_mcp *mcp, const char *server, const char *tool,
		const cJSON *arguments, struct target *ret_target, struct cua_error *err)
{
	struct mcp_member *member = find_member(mcp, server);
	if (!member) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"there is no server \"%.64s\"; mcp_tools lists "
				"them",
				server);
	}
	if (!member->tools) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the server %s cannot be used", server);
	}
	*ret_target = (struct target){ .member = member,
		.tool = mcp_tools_find(member->tools, tool),
		.arguments = arguments };
	return ret_target->tool ? CUA_OK
				: CUA_FAIL(err, CUA_ERR_INVAL, 0,
						  "the server %s has no tool \"%.128s\"; mcp_tools "
						  "lists them",
						  server, tool);
}

static enum cua_status find_direct(struct agent_mcp *mcp, const char *function,
		const cJSON *arguments, struct target *ret_target, struct cua_error *err)
{
	for (size_t i = 0; i < mcp->count; i++) {
		const struct agent_mcp_tools *tools = mcp->members[i].tools;
		for (size_t t = 0; tools && t < tools->count; t++) {
			char name[65];
			mcp_function_name(mcp->members[i].entry->name, tools->list[t].name, name);
			if (strcmp(name, function) == 0) {
				*ret_target = (struct target){ &mcp->members[i], &tools->list[t],
					arguments };
				return CUA_OK;
			}
		}
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0,
			"there is no function \"%.64s\", or its server cannot be used now",
			function);
}

static enum cua_status find(struct agent_mcp *mcp, const char *function, const cJSON *arguments,
		struct target *ret_target, struct cua_error *err)
{
	return strcmp(function, "mcp_call") == 0
			? find_by_name(mcp, cua_json_text(arguments, "server"),
					  cua_json_text(arguments, "tool"),
					  cua_json_member(arguments, "arguments"), ret_target, err)
			: find_direct(mcp, function, arguments, ret_target, err);
}

static enum cua_status check_target(const struct target *target, struct cua_error *err)
{
	if (!cJSON_IsObject(target->arguments)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "arguments must be an object");
	}
	if (!target->tool->is_approved) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"the tool %s of the server %s is new or has changed, and nobody "
				"has "
				"approved it: a person must (cua mcp-servers approve %s)",
				target->tool->name, target->member->entry->name,
				target->member->entry->name);
	}
	return CUA_OK;
}

/* Those that said so, before anything of them is described or called. */
static enum cua_status list_again(struct agent_mcp *mcp, struct cua_error *err)
{
	for (size_t i = 0; i < mcp->count; i++) {
		struct mcp_member *member = &mcp->members[i];
		if (!member->server || !agent_mcp_server_has_changed(member->server)) {
			continue;
		}
		struct cua_error why = { 0 };
		enum cua_status status = list(mcp, member, &why);
		if (status == CUA_ERR_CANCELLED) {
			return CUA_FAIL(err, status, 0, "cancelled");
		}
		if (status != CUA_OK) {
			tell(mcp, member, why.msg);
		}
	}
	return CUA_OK;
}

enum cua_status agent_mcp_resolve(struct agent_mcp *mcp, const char *function,
		const cJSON *arguments, struct agent_mcp_target *ret_target, struct cua_error *err)
{
	struct target target;
	enum cua_status status = list_again(mcp, err);
	if (status != CUA_OK) {
		return status;
	}
	if (strcmp(function, "mcp_tools") == 0) {
		*ret_target = (struct agent_mcp_target){
			.server = "", .arguments = arguments, .network = "none"
		};
		return CUA_OK;
	}
	status = find(mcp, function, arguments, &target, err);
	status = status == CUA_OK ? check_target(&target, err) : status;
	if (status == CUA_OK) {
		const struct agent_mcp_entry *entry = target.member->entry;
		*ret_target = (struct agent_mcp_target){ .server = entry->name,
			.arguments = target.arguments,
			.annotations = cua_json_member(target.tool->definition, "annotations"),
			.network = agent_mcp_network_name(entry) };
		snprintf(ret_target->tool, sizeof(ret_target->tool), "%s", target.tool->name);
	}
	return status;
}

static enum cua_status call(const struct target *target, struct agent_mcp_result *ret_result,
		bool *ret_uncertain, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *result = NULL;
	struct cua_error why = { 0 };
	enum cua_status status = agent_mcp_server_call(target->member->server, target->tool,
			target->arguments, &result, ret_uncertain, &why);
	if (status == CUA_OK) {
		return mcp_content_read(result, ret_result, err);
	}
	if (status == CUA_ERR_INVAL) {
		return mcp_content_text(why.msg, true, ret_result, err);
	}
	if (*ret_uncertain) {
		const size_t len = strlen(why.msg);
		snprintf(why.msg + len, sizeof(why.msg) - len,
				" (the call may have had its effect)");
	}
	cua_error_prefix(&why, "%s", target->member->entry->name);
	if (err) {
		*err = why;
	}
	return status;
}

enum cua_status agent_mcp_call(struct agent_mcp *mcp, const struct agent_mcp_target *target,
		struct agent_mcp_result *ret_result, bool *ret_uncertain, struct cua_error *err)
{
	struct target found;
	struct cua_error why = { 0 };
	*ret_uncertain = false;
	enum cua_status status = list_again(mcp, err);
	if (status != CUA_OK) {
		return status;
	}
	if (!target->server[0]) {
		return mcp_describe(mcp, target->arguments, ret_result, err);
	}
	if (find_by_name(mcp, target->server, target->tool, target->arguments, &found, &why) !=
					CUA_OK ||
			check_target(&found, &why) != CUA_OK) {
		return mcp_content_text(why.msg, true, ret_result, err);
	}
	return call(&found, ret_result, ret_uncertain, err);
}

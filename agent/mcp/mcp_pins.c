#include "agent/mcp/mcp_pins.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/mcp/mcp_folders.h"
#include "agent/model/json_span.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/contract/text.h"

#define PINS_MAX ((size_t)64 << 20)

static enum cua_status pins_path(const char *name, char *path, size_t size, struct cua_error *err)
{
	char state[CUA_PATH_MAX - AGENT_MCP_NAME_MAX - 32];
	enum cua_status status = agent_mcp_check_name(name, err);
	if (status == CUA_OK) {
		status = cua_state_dir(state, sizeof(state), err);
	}
	if (status == CUA_OK) {
		snprintf(path, size, "%s/mcp/pins", state);
		status = cua_make_dirs(path, 0700, err);
		snprintf(path, size, "%s/mcp/pins/%s.json", state, name);
	}
	return status;
}

/* ret_json stays NULL if nothing was approved yet. */
static enum cua_status read_pins(const char *name, cJSON **ret_json, struct cua_error *err)
{
	char path[CUA_PATH_MAX];
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, PINS_MAX);
	struct cua_error why = { 0 };
	enum cua_status status = pins_path(name, path, sizeof(path), &why);
	if (status == CUA_OK) {
		status = cua_file_read(path, &text, &why);
		if (status == CUA_ERR_NOT_FOUND) {
			return CUA_OK;
		}
	}
	if (status != CUA_OK) {
		return CUA_FAIL(err, status, 0, "%s", why.msg);
	}
	*ret_json = cJSON_ParseWithLength(text.data, text.len);
	return *ret_json ? CUA_OK
			 : CUA_FAIL(err, CUA_ERR_IO, 0,
					   "%s is damaged: remove it, and approve again", path);
}

/* What the variables in command, args and url have become, as a hash: it may be a secret. Those in
 * env and headers are tokens, which are renewed. */
static void add_expanded(cJSON *launch, const struct agent_mcp_entry *entry)
{
	char hash[65];
	CUA_AUTO_FREE char *written = cJSON_PrintUnformatted(launch);
	CUA_AUTO_JSON cJSON *texts = cJSON_CreateArray();
	if (!written || !strstr(written, "${")) {
		return;
	}
	for (char *const *text = entry->argv; text && *text; text++) {
		cJSON_AddItemToArray(texts, cJSON_CreateString(*text));
	}
	if (entry->url) {
		cJSON_AddItemToArray(texts, cJSON_CreateString(entry->url));
	}
	if (mcp_tool_hash(texts, hash)) {
		cJSON_AddStringToObject(launch, "expanded", hash);
	}
}

/* As it is written: what it is started with, and what it may see. Values of the environment and of
 * headers may be secrets all the same, so of these there is a hash. */
static cJSON *launch_of(const struct agent_mcp_entry *entry)
{
	static const char *const members[] = { "type", "command", "args", "url", "read", "write",
		"network" };
	static const char *const hidden[] = { "env", "headers" };
	cJSON *launch = cJSON_CreateObject();
	char hash[65];
	for (size_t i = 0; i < CUA_ARRAY_LEN(members); i++) {
		const cJSON *member = cua_json_member(entry->written, members[i]);
		if (member) {
			cJSON_AddItemToObject(launch, members[i], cJSON_Duplicate(member, true));
		}
	}
	/* A link is changed by whoever may write there. */
	cJSON *led = mcp_folders_led_elsewhere(entry);
	if (led) {
		cJSON_AddItemToObject(launch, "leads_to", led);
	}
	add_expanded(launch, entry);
	for (size_t i = 0; i < CUA_ARRAY_LEN(hidden); i++) {
		const cJSON *member = cua_json_member(entry->written, hidden[i]);
		if (member && mcp_tool_hash(member, hash)) {
			cJSON_AddStringToObject(launch, hidden[i], hash);
		}
	}
	return launch;
}

static void add_change(cJSON *changes, const char *change, const char *tool, const cJSON *before,
		const cJSON *now)
{
	cJSON *item = cJSON_CreateObject();
	cJSON_AddStringToObject(item, "change", change);
	if (tool) {
		cJSON_AddStringToObject(item, "tool", tool);
	}
	if (before) {
		cJSON_AddItemToObject(item, "before", cJSON_Duplicate(before, true));
	}
	if (now) {
		cJSON_AddItemToObject(item, "now", cJSON_Duplicate(now, true));
	}
	cJSON_AddItemToArray(changes, item);
}

enum cua_status agent_mcp_pins_compare(const struct agent_mcp_entry *entry,
		struct agent_mcp_tools *tools, cJSON **ret_changes, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *pins = NULL;
	CUA_AUTO_JSON cJSON *launch = launch_of(entry);
	enum cua_status status = read_pins(entry->name, &pins, err);
	cJSON *changes = status == CUA_OK ? cJSON_CreateArray() : NULL;
	if (status != CUA_OK || !changes) {
		return status != CUA_OK ? status : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "changes");
	}
	const cJSON *pinned = cua_json_member(pins, "tools"), *pin = NULL;
	const cJSON *old_launch = cua_json_member(pins, "launch");
	const bool is_same = old_launch && cJSON_Compare(old_launch, launch, true);
	if (!is_same) {
		add_change(changes, "server", NULL, old_launch, launch);
	}
	for (size_t i = 0; i < tools->count; i++) {
		struct agent_mcp_tool *tool = &tools->list[i];
		pin = cua_json_member(pinned, tool->name);
		const bool is_known = pin && strcmp(cua_json_text(pin, "hash"), tool->hash) == 0;
		tool->is_approved = is_known && is_same;
		if (!is_known) {
			add_change(changes, pin ? "changed" : "new", tool->name,
					cua_json_member(pin, "definition"), tool->definition);
		}
	}
	cJSON_ArrayForEach (pin, pinned) {
		if (!mcp_tools_find(tools, pin->string)) {
			add_change(changes, "gone", pin->string, cua_json_member(pin, "definition"),
					NULL);
		}
	}
	*ret_changes = changes;
	return CUA_OK;
}

enum cua_status agent_mcp_pins_know(
		const struct agent_mcp_entry *entry, bool *ret_known, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *pins = NULL;
	CUA_AUTO_JSON cJSON *launch = launch_of(entry);
	enum cua_status status = read_pins(entry->name, &pins, err);
	const cJSON *approved = cua_json_member(pins, "launch");
	*ret_known = status == CUA_OK && approved && cJSON_Compare(approved, launch, true);
	return status;
}

enum cua_status agent_mcp_pins_tools(const char *name, cJSON **ret_tools, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *pins = NULL;
	CUA_AUTO_JSON cJSON *tools = NULL;
	enum cua_status status = read_pins(name, &pins, err);
	const cJSON *pinned = cua_json_member(pins, "tools"), *pin = NULL;
	if (status == CUA_OK && pinned && !(tools = cJSON_CreateObject())) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "tools of a server");
	}
	cJSON_ArrayForEach (pin, pinned) {
		cJSON_AddItemToObject(tools, pin->string,
				cJSON_Duplicate(cua_json_member(pin, "definition"), true));
	}
	if (status == CUA_OK) {
		*ret_tools = CUA_STEAL(tools);
	}
	return status;
}

bool agent_mcp_pins_need_approval(const cJSON *changes)
{
	const cJSON *change = NULL;
	cJSON_ArrayForEach (change, changes) {
		if (strcmp(cua_json_text(change, "change"), "gone") != 0) {
			return true;
		}
	}
	return false;
}

enum cua_status agent_mcp_pins_approve(const struct agent_mcp_entry *entry,
		struct agent_mcp_tools *tools, struct cua_error *err)
{
	char path[CUA_PATH_MAX];
	CUA_AUTO_JSON cJSON *pins = cJSON_CreateObject();
	enum cua_status status = pins_path(entry->name, path, sizeof(path), err);
	cJSON_AddItemToObject(pins, "launch", launch_of(entry));
	cJSON *list = cJSON_AddObjectToObject(pins, "tools");
	for (size_t i = 0; i < tools->count; i++) {
		cJSON *pin = cJSON_AddObjectToObject(list, tools->list[i].name);
		cJSON_AddStringToObject(pin, "hash", tools->list[i].hash);
		cJSON_AddItemToObject(pin, "definition",
				cJSON_Duplicate(tools->list[i].definition, true));
	}
	CUA_AUTO_FREE char *text = cJSON_Print(pins);
	if (status == CUA_OK && !text) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "approval");
	}
	if (status == CUA_OK) {
		status = cua_file_write(path, text, strlen(text), 0600, err);
	}
	for (size_t i = 0; status == CUA_OK && i < tools->count; i++) {
		tools->list[i].is_approved = true;
	}
	return status;
}

enum cua_status agent_mcp_pins_forget(const char *name, struct cua_error *err)
{
	char path[CUA_PATH_MAX];
	enum cua_status status = pins_path(name, path, sizeof(path), err);
	if (status == CUA_OK && unlink(path) != 0 && errno != ENOENT) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	return status;
}

/* --- for people --- */

static void print_value(FILE *out, const char *sign, const char *name, const cJSON *value)
{
	CUA_AUTO_FREE char *text = cJSON_IsString(value) ? strdup(value->valuestring)
							 : cJSON_PrintUnformatted(value);
	fprintf(out, "    %s %s: ", sign, name);
	cua_text_line(out, text ? text : "", 0);
	putc('\n', out);
}

/* By hash: cJSON_Compare() takes twice the time for each level of nesting. */
static bool is_same(const cJSON *one, const cJSON *other)
{
	char one_hash[65], other_hash[65];
	return one && other && mcp_tool_hash(one, one_hash) && mcp_tool_hash(other, other_hash) &&
			strcmp(one_hash, other_hash) == 0;
}

/* The members that differ: of a new one all. */
static void print_members(FILE *out, const cJSON *before, const cJSON *now)
{
	const cJSON *member = NULL;
	cJSON_ArrayForEach (member, before) {
		const cJSON *other = cua_json_member(now, member->string);
		if (now && !is_same(member, other)) {
			print_value(out, "-", member->string, member);
		}
	}
	cJSON_ArrayForEach (member, now) {
		const cJSON *other = cua_json_member(before, member->string);
		if (!is_same(member, other) && strcmp(member->string, "name") != 0) {
			print_value(out, before ? "+" : " ", member->string, member);
		}
	}
}

char *agent_mcp_pins_print(const cJSON *changes)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	const cJSON *change = NULL;
	if (!out) {
		return NULL;
	}
	cJSON_ArrayForEach (change, changes) {
		const char *kind = cua_json_text(change, "change");
		const cJSON *before = cua_json_member(change, "before");
		fprintf(out, "  %s %s\n",
				strcmp(kind, "server") != 0 ? kind
						: before    ? "changed"
							    : "new",
				strcmp(kind, "server") != 0 ? cua_json_text(change, "tool")
							    : "way to start it");
		print_members(out, before, cua_json_member(change, "now"));
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

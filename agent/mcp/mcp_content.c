#include "agent/mcp/mcp_content.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/mcp/mcp_text.h"
#include "agent/mcp/mcp_tool.h"
#include "agent/model/picture.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/text.h"

#define CUT_MARK "\n[cut here: the answer is longer than what is passed on]"

void agent_mcp_result_finish(struct agent_mcp_result *result)
{
	for (size_t i = 0; i < result->image_count; i++) {
		agent_image_finish(&result->images[i]);
	}
	free(result->text);
	*result = (struct agent_mcp_result){ 0 };
}

/* The result that is put together, and the stream of its text. */
struct writing {
	struct agent_mcp_result *result;
	FILE *out;
	int parts;
	const cJSON *structured; /* until a text repeats it */
};

/* Parts stand below each other. */
static void begin(struct writing *writing)
{
	if (writing->parts++ > 0) {
		putc('\n', writing->out);
	}
}

static void note(struct writing *writing, const char *what, const char *name, const char *type)
{
	begin(writing);
	fprintf(writing->out, "[%s", what);
	if (name[0]) {
		putc(' ', writing->out);
		cua_text_line(writing->out, name, 500);
	}
	if (type[0]) {
		fputs(", ", writing->out);
		cua_text_line(writing->out, type, 80);
	}
	putc(']', writing->out);
}

static void add_text(struct writing *writing, const char *text)
{
	begin(writing);
	cua_text_block(writing->out, text);
	CUA_AUTO_JSON cJSON *json = writing->structured ? cJSON_Parse(text) : NULL;
	char said[65], structured[65];
	/* By hash: cJSON_Compare() takes twice the time for each level of nesting. */
	if (json && mcp_tool_hash(json, said) && mcp_tool_hash(writing->structured, structured) &&
			strcmp(said, structured) == 0) {
		writing->structured = NULL;
	}
}

static void add_picture(
		struct writing *writing, const char *data, const char *name, const char *type)
{
	struct agent_mcp_result *result = writing->result;
	if (result->image_count < AGENT_MCP_IMAGES_MAX &&
			agent_picture_read(data, &result->images[result->image_count])) {
		result->image_count++;
		if (name[0]) {
			note(writing, "picture", name, type);
		}
	} else {
		note(writing, "a picture that cannot be shown", name, type);
	}
}

static void add_resource(struct writing *writing, const cJSON *resource)
{
	const char *text = cua_json_string(resource, "text"),
		   *blob = cua_json_string(resource, "blob");
	const char *uri = cua_json_text(resource, "uri"),
		   *type = cua_json_text(resource, "mimeType");
	if (text) {
		note(writing, "resource", uri, type);
		add_text(writing, text);
	} else if (blob && strncmp(type, "image/", 6) == 0) {
		add_picture(writing, blob, uri, type);
	} else {
		note(writing, "a resource that is no text", uri, type);
	}
}

/* Of a kind that is not known here: as it is. */
static void add_unknown(struct writing *writing, const cJSON *block)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(block);
	if (text) {
		add_text(writing, text);
	}
}

static void add_block(struct writing *writing, const cJSON *block)
{
	const char *type = cua_json_text(block, "type"), *mime = cua_json_text(block, "mimeType");
	const char *text = cua_json_string(block, "text"), *data = cua_json_string(block, "data");
	if (strcmp(type, "text") == 0 && text) {
		add_text(writing, text);
	} else if (strcmp(type, "image") == 0 && data) {
		add_picture(writing, data, "", mime);
	} else if (strcmp(type, "audio") == 0 && data) {
		note(writing, "a sound, which cannot be passed on", "", mime);
	} else if (strcmp(type, "resource_link") == 0) {
		note(writing, "link", cua_json_text(block, "uri"), mime);
		add_text(writing, cua_json_text(block, "name"));
	} else if (strcmp(type, "resource") == 0) {
		add_resource(writing, cua_json_member(block, "resource"));
	} else {
		add_unknown(writing, block);
	}
}

/* At the start of a character. */
static void cut(char *text)
{
	size_t len = strlen(text);
	if (len <= AGENT_MCP_TEXT_MAX) {
		return;
	}
	len = AGENT_MCP_TEXT_MAX - strlen(CUT_MARK);
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
		len--;
	}
	memcpy(text + len, CUT_MARK, sizeof(CUT_MARK));
}

enum cua_status mcp_content_read(
		const cJSON *json, struct agent_mcp_result *ret_result, struct cua_error *err)
{
	const cJSON *content = cua_json_member(json, "content"), *block = NULL;
	const cJSON *structured = cua_json_member(json, "structuredContent");
	size_t len = 0;
	if (!cJSON_IsArray(content) && !structured) {
		return CUA_FAIL(err, CUA_ERR_APP, 0, "the tool's answer has no content");
	}
	struct agent_mcp_result result = { .is_error = cJSON_IsTrue(
							   cua_json_member(json, "isError")) };
	struct writing writing = { .result = &result,
		.out = open_memstream(&result.text, &len),
		.structured = structured };
	if (!writing.out) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
	}
	cJSON_ArrayForEach (block, content) {
		add_block(&writing, block);
	}
	if (writing.structured) {
		add_unknown(&writing, writing.structured);
	}
	if (fclose(writing.out) != 0) {
		agent_mcp_result_finish(&result);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
	}
	cut(result.text);
	*ret_result = result;
	return CUA_OK;
}

enum cua_status mcp_content_text(const char *text, bool is_error,
		struct agent_mcp_result *ret_result, struct cua_error *err)
{
	*ret_result = (struct agent_mcp_result){ .is_error = is_error,
		.text = mcp_text_clean(text) };
	if (!ret_result->text) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
	}
	cut(ret_result->text);
	return CUA_OK;
}

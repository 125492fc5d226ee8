#include "agent/tools/lines.h"
#include "agent/tools/world.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

#define FILE_MAX ((size_t)8 << 20)
#define ENTRIES_MAX 1000
#define AROUND_LINES 4 /* shown of an edit on either side */

static const char *const commands[] = { "view", "create", "str_replace", "insert", NULL };

static enum cua_status needs(const struct tool_call *call, const char *name, struct cua_error *err)
{
	return tool_string(call, name) ? CUA_OK
				       : CUA_FAIL(err, CUA_ERR_INVAL, 0, "text_editor: %s needs %s",
							 tool_string(call, "command"), name);
}

static enum cua_status read_text(
		struct tool_call *call, struct cua_buffer *text, struct cua_error *err)
{
	const char *path = tool_string(call, "path");
	cua_buffer_init(text, FILE_MAX);
	enum cua_status status = tool_read_whole(&call->world->workspace, path, text, err);
	if (status == CUA_OK) {
		status = cua_buffer_append(text, "", 0, err);
	}
	return status == CUA_OK ? tool_check_text(path, text->data, text->len, err) : status;
}

static int line_of(const char *text, size_t at)
{
	int line = 1;
	for (size_t i = 0; i < at; i++) {
		line += text[i] == '\n';
	}
	return line;
}

static int count_lines(const char *text)
{
	int count = 0;
	for (; *text; text++) {
		count += *text == '\n' || !text[1];
	}
	return count;
}

/* Writes it, and shows the lines around what has changed. */
static enum cua_status finish(struct tool_call *call, const char *text, int first, int count,
		struct cua_error *err)
{
	bool has_backup = false;
	const int top = first > AROUND_LINES ? first - AROUND_LINES : 1;
	enum cua_status status = tool_write_whole(&call->world->workspace,
			tool_string(call, "path"), text, strlen(text), &has_backup, err);
	if (status == CUA_OK) {
		status = cua_buffer_printf(&call->text, err, "%s is written; it reads now:\n",
				tool_string(call, "path"));
	}
	return status == CUA_OK ? tool_tell_lines(call, text, top,
						  first - top + count + AROUND_LINES, true, err)
				: status;
}

/* --- view --- */

static int is_shown(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static enum cua_status list_folder(struct tool_call *call, int fd, struct cua_error *err)
{
	struct dirent **entries = NULL;
	const int count = scandirat(fd, ".", &entries, is_shown, alphasort);
	enum cua_status status = count < 0
			? CUA_FAIL(err, CUA_ERR_IO, 0, "the folder is not readable")
			: CUA_OK;
	for (int i = 0; i < count; i++) {
		if (status == CUA_OK && i < ENTRIES_MAX) {
			status = cua_buffer_printf(&call->text, err, "%s%s\n", entries[i]->d_name,
					entries[i]->d_type == DT_DIR ? "/" : "");
		}
		free(entries[i]);
	}
	free(entries);
	return status == CUA_OK && count > ENTRIES_MAX
			? cua_buffer_printf(&call->text, err, "[%d more]", count - ENTRIES_MAX)
			: status;
}

static enum cua_status view(struct tool_call *call, struct cua_error *err)
{
	const char *path = tool_string(call, "path");
	const cJSON *range = cua_json_member(call->arguments, "view_range");
	CUA_AUTO_FD int folder_fd = -1;
	if (tool_open(&call->world->workspace, path, O_RDONLY | O_DIRECTORY, &folder_fd, NULL) ==
			CUA_OK) {
		return list_folder(call, folder_fd, err);
	}
	CUA_AUTO_BUFFER struct cua_buffer text;
	enum cua_status status = read_text(call, &text, err);
	if (status != CUA_OK) {
		return status;
	}
	const int first = cJSON_IsArray(range) ? cJSON_GetArrayItem(range, 0)->valueint : 1;
	const int last = cJSON_IsArray(range) ? cJSON_GetArrayItem(range, 1)->valueint : -1;
	if (first < 1 || (last != -1 && last < first)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"text_editor: view_range is [first line, last line]; -1 is the "
				"end");
	}
	return tool_tell_lines(call, text.data ? text.data : "", first,
			last == -1 ? INT32_MAX : last - first + 1, true, err);
}

/* --- changes --- */

static enum cua_status create(struct tool_call *call, struct cua_error *err)
{
	bool has_backup = false;
	const char *text = tool_string(call, "file_text");
	enum cua_status status = needs(call, "file_text", err);
	if (status == CUA_OK) {
		status = tool_write_whole(&call->world->workspace, tool_string(call, "path"), text,
				strlen(text), &has_backup, err);
	}
	return status == CUA_OK ? cua_buffer_printf(&call->text, err, "%s is written, %zu bytes",
						  tool_string(call, "path"), strlen(text))
				: status;
}

static enum cua_status str_replace(struct tool_call *call, struct cua_error *err)
{
	const char *old = tool_string(call, "old_str"), *new = tool_string(call, "new_str");
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, FILE_MAX);
	enum cua_status status = needs(call, "old_str", err);
	if (status == CUA_OK && !old[0]) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0, "text_editor: old_str is empty");
	}
	if (status == CUA_OK) {
		status = read_text(call, &text, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	char *found = text.data ? strstr(text.data, old) : NULL;
	char *second = found ? strstr(found + 1, old) : NULL;
	if (!found || second) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				found ? "text_editor: old_str is there more than once, in lines %d "
					"and %d; give more of its surroundings"
				      : "text_editor: old_str is not in the file, as it is written",
				found ? line_of(text.data, (size_t)(found - text.data)) : 0,
				second ? line_of(text.data, (size_t)(second - text.data)) : 0);
	}
	const size_t at = (size_t)(found - text.data);
	CUA_AUTO_BUFFER struct cua_buffer whole;
	cua_buffer_init(&whole, 2 * FILE_MAX);
	status = cua_buffer_printf(&whole, err, "%.*s%s%s", (int)at, text.data, new ? new : "",
			found + strlen(old));
	return status == CUA_OK ? finish(call, whole.data, line_of(whole.data, at),
						  count_lines(new ? new : ""), err)
				: status;
}

static enum cua_status insert(struct tool_call *call, struct cua_error *err)
{
	const int after = tool_integer(call, "insert_line", -1);
	const char *new = tool_string(call, "insert_text");
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, FILE_MAX);
	enum cua_status status = needs(call, "insert_text", err);
	if (status == CUA_OK) {
		status = read_text(call, &text, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	const int lines = count_lines(text.data ? text.data : "");
	if (after < 0 || after > lines) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"text_editor: insert_line must be 0 to %d, the line behind which "
				"the text goes",
				lines);
	}
	size_t at = 0;
	for (int line = 0; line < after; line++) {
		at += strcspn(text.data + at, "\n");
		at += text.data[at] == '\n';
	}
	const bool breaks_before = at > 0 && text.data[at - 1] != '\n';
	const bool breaks_after = new[0] && new[strlen(new) - 1] != '\n' && text.len > at;
	CUA_AUTO_BUFFER struct cua_buffer whole;
	cua_buffer_init(&whole, 2 * FILE_MAX);
	status = cua_buffer_printf(&whole, err, "%.*s%s%s%s%s", (int)at, text.data ? text.data : "",
			breaks_before ? "\n" : "", new, breaks_after ? "\n" : "",
			text.data ? text.data + at : "");
	return status == CUA_OK ? finish(call, whole.data, after + 1, count_lines(new), err)
				: status;
}

static enum cua_status run(struct tool_call *call, struct cua_error *err)
{
	static enum cua_status (*const steps[])(struct tool_call *, struct cua_error *) = { view,
		create, str_replace, insert };
	const char *command = tool_string(call, "command");
	for (size_t i = 0; commands[i]; i++) {
		if (strcmp(commands[i], command) == 0) {
			return steps[i](call, err);
		}
	}
	return CUA_ERR_INVAL;
}

const struct tool tool_editor = {
	.name = "text_editor",
	.help = "View files and folders of the workspace, and edit text files. What an edit "
		"replaces "
		"is kept with a ~ behind its name.",
	.place = TOOL_IN_SANDBOX,
	.effect = CUA_EFFECT_CHANGES | CUA_EFFECT_DESTROYS,
	.args = { { "command", TOOL_ARG_STRING, .required = true, .max = 20, .choices = commands,
				  .help = "what to do" },
			{ "path", TOOL_ARG_STRING, .required = true, .min = 1, .max = 4096,
					.help = "relative to the workspace, or absolute and in "
						"it" },
			{ "view_range", TOOL_ARG_INTEGERS, .min = 2, .max = 2,
					.help = "view: first and last line; -1 is the end" },
			{ "file_text", TOOL_ARG_STRING, .max = 8 << 20,
					.help = "create: all of it" },
			{ "old_str", TOOL_ARG_STRING, .max = 8 << 20,
					.help = "str_replace: what is there, exactly and once" },
			{ "new_str", TOOL_ARG_STRING, .max = 8 << 20,
					.help = "str_replace: what to put in its place" },
			{ "insert_line", TOOL_ARG_INTEGER, .max = INT32_MAX,
					.help = "insert: behind this line; 0 is the beginning" },
			{ "insert_text", TOOL_ARG_STRING, .max = 8 << 20,
					.help = "insert: the text" } },
	.run = run,
};

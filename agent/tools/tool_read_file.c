#include "agent/tools/picture.h"
#include "agent/tools/program.h"
#include "agent/tools/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/tools/lines.h"
#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "cua/picture/decode.h"

#define FILE_MAX ((size_t)64 << 20)
#define INFO_MAX ((size_t)64 << 10)
#define PAGES_MAX 10 /* of a PDF, in one call */

/* --- PDF --- */

static enum cua_status show_page(
		struct tool_call *call, const char *path, int page, struct cua_error *err)
{
	char number[16];
	snprintf(number, sizeof(number), "%d", page);
	const char *const argv[] = { "pdftoppm", "-png", "-r", "80", "-f", number, "-l", number,
		path, NULL };
	CUA_AUTO_BUFFER struct cua_buffer png;
	int code = 0;
	cua_buffer_init(&png, TOOL_PICTURE_MAX);
	enum cua_status status = tool_program_run(call, argv, NULL, &png, &code, err);
	if (status == CUA_OK && (code != 0 || png.len == 0)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "page %d cannot be shown", page);
	}
	return status == CUA_OK ? tool_show_picture(call, png.data, png.len, err) : status;
}

static enum cua_status count_pages(struct tool_call *call, const char *name, const char *path,
		int *ret_pages, struct cua_error *err)
{
	const char *const argv[] = { "pdfinfo", path, NULL };
	CUA_AUTO_BUFFER struct cua_buffer text;
	int code = 0;
	cua_buffer_init(&text, INFO_MAX);
	enum cua_status status = tool_program_run(call, argv, NULL, &text, &code, err);
	if (status == CUA_OK) {
		status = cua_buffer_append(&text, "", 1, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	const char *line = strstr(text.data, "Pages:");
	if (code != 0 || !line || sscanf(line, "Pages: %d", ret_pages) != 1) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%.200s cannot be read as a PDF: it is damaged, or wants a "
				"password",
				name);
	}
	return CUA_OK;
}

/* The words of the pages, and a picture of each. */
static enum cua_status read_pdf(struct tool_call *call, const char *name, struct cua_error *err)
{
	CUA_AUTO_FREE char *path = NULL;
	char first[16], last[16];
	int pages = 0;
	const int from = tool_integer(call, "offset", 1);
	const int limit = tool_integer(call, "limit", PAGES_MAX);
	enum cua_status status = tool_argument_path(&call->world->workspace, name, &path, err);
	if (status == CUA_OK) {
		status = count_pages(call, name, path, &pages, err);
	}
	if (status == CUA_OK && from > pages) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%.200s has %d page%s; there is no page %d", name, pages,
				pages == 1 ? "" : "s", from);
	}
	if (status != CUA_OK) {
		return status;
	}
	const int count = limit < PAGES_MAX ? limit : PAGES_MAX;
	const int to = pages - from < count ? pages : from + count - 1;
	snprintf(first, sizeof(first), "%d", from);
	snprintf(last, sizeof(last), "%d", to);
	const char *const argv[] = { "pdftotext", "-layout", "-f", first, "-l", last, path, "-",
		NULL };
	status = tool_program_tell(call, argv, err);
	if (status == CUA_OK && !call->is_error && (from > 1 || to < pages)) {
		status = cua_buffer_printf(
				&call->text, err, "\n[pages %d to %d of %d]", from, to, pages);
	}
	for (int page = from; status == CUA_OK && !call->is_error && page <= to; page++) {
		status = show_page(call, path, page, err);
	}
	return status;
}

/* --- the rest --- */

static enum cua_status run(struct tool_call *call, struct cua_error *err)
{
	const char *path = tool_string(call, "path");
	CUA_AUTO_BUFFER struct cua_buffer bytes;
	cua_buffer_init(&bytes, FILE_MAX);
	enum cua_status status = tool_read_whole(&call->world->workspace, path, &bytes, err);
	if (status != CUA_OK) {
		return status;
	}
	if (cua_picture_type(bytes.data, bytes.len)) {
		return tool_show_picture(call, bytes.data, bytes.len, err);
	}
	if (bytes.len >= 5 && memcmp(bytes.data, "%PDF-", 5) == 0) {
		return read_pdf(call, path, err);
	}
	status = tool_check_text(path, bytes.data, bytes.len, err);
	return status == CUA_OK
			? tool_tell_lines(call, bytes.data ? bytes.data : "",
					  tool_integer(call, "offset", 1),
					  tool_integer(call, "limit", INT32_MAX), false, err)
			: status;
}

const struct tool tool_read_file = {
	.name = "read_file",
	.help = "Read a file of the workspace: text, a picture, or pages of a PDF as words and "
		"pictures.",
	.place = TOOL_IN_SANDBOX,
	.args = { { "path", TOOL_ARG_STRING, .required = true, .min = 1, .max = 4096,
				  .help = "relative to the workspace, or absolute and in it" },
			{ "offset", TOOL_ARG_INTEGER, .min = 1, .max = INT32_MAX - 1,
					.help = "the first line, or page of a PDF; 1 if not "
						"given" },
			{ "limit", TOOL_ARG_INTEGER, .min = 1, .max = INT32_MAX,
					.help = "how many lines, or pages of a PDF (at most "
						"10)" } },
	.run = run,
};

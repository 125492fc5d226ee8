#include "display/clipboard.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "cua/picture/check.h"
#include "display/display_internal.h"
#include "display/file_uri.h"

#define GET_TIMEOUT_MS 10000
#define SAVE_TIMEOUT_MS 3000
/* Taken from another application for keeping; several sizes of one picture go beyond it. */
#define SAVE_ITEM_BYTES_MAX ((size_t)8 << 20)
#define TARGET_NAME_MAX 128
#define FILES_MAX 4096

/* Without it LibreOffice takes the bytes for those of an old code page. */
static const char html_head[] =
		"<meta http-equiv=\"content-type\" content=\"text/html; charset=utf-8\">";

static inline void content_unrefp(struct clipboard_content **content)
{
	clipboard_content_unref(*content);
}

#define AUTO_CONTENT __attribute__((cleanup(content_unrefp)))

/* --- formats --- */

#define FORMAT_TARGETS_MAX 5

/* The targets of a format, the best first; unused ones are None. */
static void format_targets(const struct display *display, enum cua_clipboard_format format,
		Atom targets[FORMAT_TARGETS_MAX])
{
	const struct display_atoms *atoms = &display->atoms;
	const Atom all[CUA_CLIPBOARD_FORMAT_COUNT][FORMAT_TARGETS_MAX] = {
		[CUA_CLIPBOARD_TEXT] = { atoms->utf8_string, atoms->text_plain_utf8, atoms->text,
				XA_STRING, atoms->text_plain },
		[CUA_CLIPBOARD_HTML] = { atoms->text_html },
		[CUA_CLIPBOARD_PNG] = { atoms->image_png },
		[CUA_CLIPBOARD_FILES] = { atoms->gnome_copied_files, atoms->text_uri_list },
	};
	memcpy(targets, all[format], sizeof(all[format]));
}

/* The best target of a format among those that are offered; None. */
static Atom best_target(const struct display *display, enum cua_clipboard_format format,
		const Atom *offered, int count)
{
	Atom targets[FORMAT_TARGETS_MAX];
	format_targets(display, format, targets);
	for (int i = 0; i < FORMAT_TARGETS_MAX && targets[i] != None; i++) {
		for (int k = 0; k < count; k++) {
			if (offered[k] == targets[i]) {
				return targets[i];
			}
		}
	}
	return None;
}

/* --- getting --- */

static int owned_targets(const struct clipboard_content *content, Atom *targets)
{
	for (int i = 0; i < content->count; i++) {
		targets[i] = content->items[i].target;
	}
	return content->count;
}

static enum cua_status read_target(struct display *display, const struct selection_take *take,
		Atom target, struct cua_buffer *data, struct cua_error *err)
{
	const struct clipboard_content *owned = display->clipboard.owned[take->selection];
	Atom type = None;
	for (int i = 0; owned && i < owned->count; i++) {
		if (owned->items[i].target == target) {
			return cua_buffer_append(
					data, owned->items[i].data, owned->items[i].len, err);
		}
	}
	return selection_take(display, take, target, data, &type, err);
}

static bool is_printable(const char *text)
{
	const size_t len = strnlen(text, TARGET_NAME_MAX + 1);
	for (size_t i = 0; i < len; i++) {
		if (text[i] < 0x20 || text[i] > 0x7e) {
			return false;
		}
	}
	return len <= TARGET_NAME_MAX;
}

/* Names of targets are the applications' choice; atoms may even be invented. */
static void add_target_names(struct display *display, const Atom *targets, int count, cJSON *result)
{
	cJSON *list = cJSON_AddArrayToObject(result, "targets");
	for (int i = 0; i < count; i++) {
		char *name = XGetAtomName(display->xlib, targets[i]);
		if (name && is_printable(name)) {
			cJSON_AddItemToArray(list, cJSON_CreateString(name));
		}
		if (name) {
			XFree(name);
		}
	}
}

static void add_formats(
		const struct display *display, const Atom *targets, int count, cJSON *result)
{
	cJSON *list = cJSON_AddArrayToObject(result, "formats");
	for (int i = 0; i < CUA_CLIPBOARD_FORMAT_COUNT; i++) {
		if (best_target(display, i, targets, count) != None) {
			cJSON_AddItemToArray(
					list, cJSON_CreateString(cua_clipboard_format_names[i]));
		}
	}
}

static enum cua_status convert_to_utf8(
		struct cua_buffer *data, size_t skip, const char *charset, struct cua_error *err)
{
	const size_t room = 3 * data->len; /* of one byte 2, of two bytes 3 at most */
	CUA_AUTO_FREE char *converted = malloc(room + 1);
	iconv_t converter = iconv_open("UTF-8", charset);
	if (!converted || converter == (iconv_t)-1) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "clipboard");
	}
	char *in = data->data + skip, *out = converted;
	size_t in_left = data->len - skip, out_left = room;
	const size_t result = iconv(converter, &in, &in_left, &out, &out_left);
	iconv_close(converter);
	if (result == (size_t)-1) {
		return CUA_FAIL(err, CUA_ERR_APP, 0, "the clipboard holds text that is not %s",
				charset);
	}
	cua_buffer_clear(data);
	return cua_buffer_append(data, converted, room - out_left, err);
}

/* Some owners write UTF-16, which begins with a byte order mark, some a NUL at the end; STRING is
 * Latin-1. */
static enum cua_status to_utf8(struct cua_buffer *data, Atom target, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	if (data->len >= 2 && memcmp(data->data, "\xff\xfe", 2) == 0) {
		status = convert_to_utf8(data, 2, "UTF-16LE", err);
	} else if (target == XA_STRING && data->len > 0) {
		status = convert_to_utf8(data, 0, "ISO-8859-1", err);
	}
	while (data->len > 0 && data->data[data->len - 1] == '\0') {
		data->len--;
	}
	if (status == CUA_OK &&
			(strlen(data->data) != data->len ||
					cua_utf8_check(data->data, data->len, NULL) != CUA_OK)) {
		status = CUA_FAIL(err, CUA_ERR_APP, 0,
				"the clipboard holds text that is not UTF-8, or has a NUL in it");
	}
	return status;
}

/* "copy" or "cut" and URIs, or URIs alone, and comments. */
static enum cua_status add_files(cJSON *result, struct cua_buffer *data, struct cua_error *err)
{
	enum cua_status status = to_utf8(data, None, err);
	cJSON *list = status == CUA_OK ? cJSON_AddArrayToObject(result, "files") : NULL;
	char *rest = NULL;
	for (char *line = list ? strtok_r(data->data, "\r\n", &rest) : NULL; line;
			line = strtok_r(NULL, "\r\n", &rest)) {
		if (strcmp(line, "copy") == 0 || strcmp(line, "cut") == 0) {
			cJSON_AddStringToObject(result, "operation", line);
		} else if (line[0] != '#' && cJSON_GetArraySize(list) < FILES_MAX) {
			CUA_AUTO_FREE char *path = file_uri_to_path(line);
			cJSON_AddItemToArray(list, cJSON_CreateString(path ? path : line));
		}
	}
	return status;
}

static enum cua_status add_png(cJSON *result, const struct cua_buffer *data, struct cua_error *err)
{
	const size_t size = sodium_base64_ENCODED_LEN(data->len, sodium_base64_VARIANT_ORIGINAL);
	CUA_AUTO_FREE char *base64 = malloc(size);
	if (data->len < 8 || memcmp(data->data, "\x89PNG\r\n\x1a\n", 8) != 0) {
		return CUA_FAIL(err, CUA_ERR_APP, 0,
				"the clipboard offers a PNG, but what came is none");
	}
	if (!base64) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "clipboard");
	}
	sodium_bin2base64(base64, size, (const unsigned char *)data->data, data->len,
			sodium_base64_VARIANT_ORIGINAL);
	cJSON_AddStringToObject(result, "png_base64", base64);
	return CUA_OK;
}

static enum cua_status add_content(enum cua_clipboard_format format, Atom target,
		struct cua_buffer *data, cJSON *result, struct cua_error *err)
{
	const size_t head_len = strlen(html_head);
	enum cua_status status = CUA_OK;
	switch (format) {
	case CUA_CLIPBOARD_TEXT:
		status = to_utf8(data, target, err);
		if (status == CUA_OK) {
			cJSON_AddStringToObject(result, "text", data->data);
		}
		return status;
	case CUA_CLIPBOARD_HTML:
		status = to_utf8(data, target, err);
		if (status == CUA_OK) {
			const bool has_head = strncmp(data->data, html_head, head_len) == 0;
			cJSON_AddStringToObject(
					result, "html", data->data + (has_head ? head_len : 0));
		}
		return status;
	case CUA_CLIPBOARD_PNG:
		return add_png(result, data, err);
	case CUA_CLIPBOARD_FILES:
		return add_files(result, data, err);
	case CUA_CLIPBOARD_FORMAT_COUNT:
		break;
	}
	return status;
}

static enum cua_status fail_without(
		const cJSON *result, enum cua_clipboard_format format, struct cua_error *err)
{
	CUA_AUTO_FREE char *formats =
			cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(result, "formats"));
	return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "the clipboard holds no %s; it holds %s",
			cua_clipboard_format_names[format], formats ? formats : "[]");
}

static enum cua_status get_format(struct display *display, const struct selection_take *take,
		enum cua_clipboard_format format, cJSON *result, struct cua_error *err)
{
	Atom targets[CLIPBOARD_ITEMS_MAX];
	int count = 0;
	const struct clipboard_content *owned = display->clipboard.owned[take->selection];
	enum cua_status status = CUA_OK;
	if (owned) {
		count = owned_targets(owned, targets);
	} else {
		status = selection_take_targets(
				display, take, targets, CLIPBOARD_ITEMS_MAX, &count, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	add_formats(display, targets, count, result);
	add_target_names(display, targets, count, result);
	Atom target = best_target(display, format, targets, count);
	if (target == None && format != CUA_CLIPBOARD_TEXT) {
		return fail_without(result, format, err);
	}
	CUA_AUTO_BUFFER struct cua_buffer data;
	cua_buffer_init(&data, CLIPBOARD_BYTES_MAX);
	status = cua_buffer_append(&data, "", 0, err);
	/* An owner that lists nothing may have text all the same. */
	if (status == CUA_OK && (target != None || count == 0)) {
		target = target != None ? target : display->atoms.utf8_string;
		status = read_target(display, take, target, &data, err);
	}
	return status == CUA_OK ? add_content(format, target, &data, result, err) : status;
}

enum cua_status clipboard_act_get(struct display *display, const struct cua_action *action,
		cJSON *result, struct cua_error *err)
{
	struct selection_take take;
	if (veil_answer(display, result)) {
		return CUA_OK;
	}
	enum cua_status status = selection_take_begin(
			display, (enum cua_selection)action->selection, GET_TIMEOUT_MS, &take, err);
	if (status == CUA_OK) {
		status = get_format(display, &take,
				(enum cua_clipboard_format)action->clipboard_format, result, err);
	}
	selection_take_end(display);
	return status;
}

/* --- setting --- */

static bool is_ascii(const char *text)
{
	while ((unsigned char)*text > 0 && (unsigned char)*text < 0x80) {
		text++;
	}
	return *text == '\0';
}

static enum cua_status add_text(const struct display *display, struct clipboard_content *content,
		const char *text, struct cua_error *err)
{
	const struct display_atoms *atoms = &display->atoms;
	const struct {
		Atom target, type;
	} items[] = { { atoms->utf8_string, atoms->utf8_string },
		{ atoms->text_plain_utf8, atoms->text_plain_utf8 },
		{ atoms->text, atoms->utf8_string }, { atoms->text_plain, atoms->text_plain },
		{ XA_STRING, XA_STRING } };
	const size_t count =
			CUA_ARRAY_LEN(items) - (is_ascii(text) ? 0 : 1); /* STRING is Latin-1 */
	enum cua_status status = CUA_OK;
	for (size_t i = 0; i < count && status == CUA_OK; i++) {
		status = clipboard_content_add(
				content, items[i].target, items[i].type, text, strlen(text), err);
	}
	return status;
}

static enum cua_status add_html(const struct display *display, struct clipboard_content *content,
		const char *html, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer whole;
	cua_buffer_init(&whole, CLIPBOARD_BYTES_MAX);
	enum cua_status status = cua_buffer_printf(
			&whole, err, "%s%s", strcasestr(html, "charset=") ? "" : html_head, html);
	return status == CUA_OK
			? clipboard_content_add(content, display->atoms.text_html,
					  display->atoms.text_html, whole.data, whole.len, err)
			: status;
}

static enum cua_status add_png_base64(const struct display *display,
		struct clipboard_content *content, const char *base64, struct cua_error *err)
{
	const size_t len = strlen(base64);
	size_t png_len = 0;
	const char *end = NULL;
	CUA_AUTO_FREE unsigned char *png = malloc(len / 4 * 3 + 3);
	if (!png) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "png_base64");
	}
	if (sodium_base642bin(png, len / 4 * 3 + 3, base64, len, " \t\r\n", &png_len, &end,
			    sodium_base64_VARIANT_ORIGINAL) != 0 ||
			(end && *end)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"png_base64 is not base64 at character %zu of %zu",
				end ? (size_t)(end - base64) : len, len);
	}
	if (png_len < 8 || memcmp(png, "\x89PNG\r\n\x1a\n", 8) != 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"png_base64 is no PNG; it must begin with iVBORw0KGgo");
	}
	return clipboard_content_add(content, display->atoms.image_png, display->atoms.image_png,
			png, png_len, err);
}

/* One file of the list to both lists of URIs and to the list of paths. */
static enum cua_status add_file(const char *file, struct cua_buffer *uris,
		struct cua_buffer *copied, struct cua_buffer *paths, struct cua_error *err)
{
	CUA_AUTO_FREE char *path =
			strncmp(file, "file:", 5) == 0 ? file_uri_to_path(file) : strdup(file);
	CUA_AUTO_FREE char *uri = path && path[0] == '/' ? file_uri_from_path(path) : NULL;
	if (!uri) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"files: \"%.80s\" must be an absolute path or a file:// URI", file);
	}
	enum cua_status status = cua_buffer_printf(uris, err, "%s\r\n", uri);
	if (status == CUA_OK) {
		status = cua_buffer_printf(copied, err, "\n%s", uri);
	}
	if (status == CUA_OK) {
		status = cua_buffer_printf(paths, err, "%s%s", paths->len > 0 ? "\n" : "", path);
	}
	return status;
}

static enum cua_status add_file_list(const struct display *display,
		struct clipboard_content *content, const char *files, bool with_text,
		struct cua_error *err)
{
	const struct display_atoms *atoms = &display->atoms;
	CUA_AUTO_BUFFER struct cua_buffer uris, copied, paths;
	cua_buffer_init(&uris, CLIPBOARD_BYTES_MAX);
	cua_buffer_init(&copied, CLIPBOARD_BYTES_MAX);
	cua_buffer_init(&paths, CLIPBOARD_BYTES_MAX);
	CUA_AUTO_FREE char *copy = strdup(files);
	if (!copy) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "files");
	}
	enum cua_status status = cua_buffer_printf(&copied, err, "copy");
	char *rest = NULL;
	for (char *line = strtok_r(copy, "\r\n", &rest); line && status == CUA_OK;
			line = strtok_r(NULL, "\r\n", &rest)) {
		status = add_file(line, &uris, &copied, &paths, err);
	}
	if (status == CUA_OK && uris.len == 0) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0, "files names no file");
	}
	if (status == CUA_OK) {
		status = clipboard_content_add(content, atoms->text_uri_list, atoms->text_uri_list,
				uris.data, uris.len, err);
	}
	if (status == CUA_OK) {
		status = clipboard_content_add(content, atoms->gnome_copied_files,
				atoms->gnome_copied_files, copied.data, copied.len, err);
	}
	return status == CUA_OK && with_text ? add_text(display, content, paths.data, err) : status;
}

static enum cua_status make_content(const struct display *display, const struct cua_action *action,
		struct clipboard_content **ret_content, struct cua_error *err)
{
	AUTO_CONTENT struct clipboard_content *content = clipboard_content_create();
	enum cua_status status =
			content ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "clipboard");
	/* Files first: a file manager that is asked for text as well would paste that. */
	if (status == CUA_OK && action->files) {
		status = add_file_list(display, content, action->files, !action->text, err);
	}
	if (status == CUA_OK && action->text) {
		status = add_text(display, content, action->text, err);
	}
	if (status == CUA_OK && action->html) {
		status = add_html(display, content, action->html, err);
	}
	if (status == CUA_OK && action->png_base64) {
		status = add_png_base64(display, content, action->png_base64, err);
	}
	if (status == CUA_OK) {
		*ret_content = CUA_STEAL(content);
	}
	return status;
}

/* Whoever pastes a damaged one may show nothing, or half of it, and tells nobody. */
static enum cua_status check_png(const struct display *display,
		const struct clipboard_content *content, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (int i = 0; i < content->count && status == CUA_OK; i++) {
		const struct clipboard_item *item = &content->items[i];
		if (item->target == display->atoms.image_png) {
			status = cua_picture_check(item->data, item->len, err);
		}
	}
	if (status != CUA_OK) {
		cua_error_prefix(err, "png_base64");
	}
	return status;
}

enum cua_status clipboard_check(const struct display *display, const struct cua_action *action,
		struct cua_error *err)
{
	AUTO_CONTENT struct clipboard_content *content = NULL;
	enum cua_status status = make_content(display, action, &content, err);
	return status == CUA_OK && action->png_base64 ? check_png(display, content, err) : status;
}

static enum cua_status own_now(struct display *display, enum cua_selection selection,
		struct clipboard_content *content, struct cua_error *err)
{
	struct selection_take take;
	enum cua_status status =
			selection_take_begin(display, selection, SAVE_TIMEOUT_MS, &take, err);
	selection_take_end(display);
	return status == CUA_OK ? selection_own(display, selection, content, take.time, err)
				: status;
}

enum cua_status clipboard_act_set(
		struct display *display, const struct cua_action *action, struct cua_error *err)
{
	AUTO_CONTENT struct clipboard_content *content = NULL;
	enum cua_status status = make_content(display, action, &content, err);
	if (status == CUA_OK) {
		status = type_await_chord(display, err);
	}
	return status == CUA_OK
			? own_now(display, (enum cua_selection)action->selection, content, err)
			: status;
}

static enum cua_status set_text(
		struct display *display, const char *text, bool waits, struct cua_error *err)
{
	AUTO_CONTENT struct clipboard_content *content = clipboard_content_create();
	if (!content) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "clipboard");
	}
	enum cua_status status = add_text(display, content, text, err);
	if (status != CUA_OK) {
		return status;
	}
	return waits ? own_now(display, CUA_SELECTION_CLIPBOARD, content, err)
		     : selection_own(display, CUA_SELECTION_CLIPBOARD, content, CurrentTime, err);
}

enum cua_status clipboard_set_text(struct display *display, const char *text, struct cua_error *err)
{
	return set_text(display, text, true, err);
}

enum cua_status clipboard_take_from_viewer(
		struct display *display, const char *text, struct cua_error *err)
{
	return set_text(display, text, false, err);
}

/* --- keeping --- */

static enum cua_status save_items(struct display *display, const struct selection_take *take,
		struct clipboard_content *content, struct cua_error *err)
{
	Atom targets[CLIPBOARD_ITEMS_MAX];
	int count = 0;
	enum cua_status status = selection_take_targets(
			display, take, targets, CLIPBOARD_ITEMS_MAX, &count, err);
	for (int i = 0; i < count && status == CUA_OK; i++) {
		CUA_AUTO_BUFFER struct cua_buffer data;
		Atom type = None;
		cua_buffer_init(&data, SAVE_ITEM_BYTES_MAX);
		struct cua_error local = { 0 };
		status = selection_take(display, take, targets[i], &data, &type, &local);
		if (status == CUA_OK && type != None && type != XA_ATOM && type != XA_INTEGER) {
			status = clipboard_content_add(content, targets[i], type,
					data.data ? data.data : "", data.len, &local);
		}
		if (status == CUA_ERR_TOO_LARGE ||
				(status == CUA_ERR_APP && cua_now_us() < take->deadline_us)) {
			status = CUA_OK; /* goes without this format */
		} else if (status == CUA_ERR_APP) {
			return CUA_OK; /* slow: what is there must do */
		} else if (status != CUA_OK && err) {
			*err = local;
		}
	}
	return status;
}

enum cua_status clipboard_save(struct display *display, enum cua_selection selection,
		struct clipboard_content **ret_content, struct cua_error *err)
{
	struct clipboard_content *owned = display->clipboard.owned[selection];
	if (owned) {
		owned->refs++;
		*ret_content = owned;
		return CUA_OK;
	}
	AUTO_CONTENT struct clipboard_content *content = clipboard_content_create();
	if (!content) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "clipboard");
	}
	struct selection_take take;
	enum cua_status status =
			selection_take_begin(display, selection, SAVE_TIMEOUT_MS, &take, err);
	if (status == CUA_OK) {
		status = save_items(display, &take, content, err);
	}
	selection_take_end(display);
	if (status == CUA_ERR_APP) {
		status = CUA_OK; /* an owner that does not answer has nothing to be kept */
	}
	if (status == CUA_OK) {
		*ret_content = CUA_STEAL(content);
	}
	return status;
}

enum cua_status clipboard_restore(struct display *display, enum cua_selection selection,
		struct clipboard_content *content, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	if (content->count == 0) {
		selection_disown(display, selection);
		status = display_ok(display, err);
	} else {
		status = own_now(display, selection, content, err);
	}
	clipboard_content_unref(content);
	return status;
}

struct counted {
	const unsigned int *count;
	unsigned int before;
};

static bool has_counted(struct display *display, void *user_data)
{
	const struct counted *counted = user_data;
	(void)display;
	return *counted->count != counted->before;
}

enum cua_status clipboard_wait_count(struct display *display, const unsigned int *count,
		unsigned int before, int timeout_ms, struct cua_error *err)
{
	struct counted counted = { count, before };
	return display_wait(display, cua_now_us() + (uint64_t)timeout_ms * 1000U, has_counted,
			&counted, err);
}

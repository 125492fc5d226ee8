#include "display/reader/reader.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "display/reader/bus.h"
#include "display/reader/ocr.h"
#include "display/reader/tree.h"

/* An application may answer without end; what dies then is this process. */
#define MEMORY_MAX ((rlim_t)1 << 30)

struct reader {
	int fd;
	struct bus *bus; /* NULL before the first question about elements */
	struct ocr *ocr; /* NULL before the first picture */
};

static bool read_all(int fd, void *data, size_t len)
{
	char *at = data;
	while (len > 0) {
		const ssize_t got = read(fd, at, len);
		if (got <= 0 && !(got < 0 && errno == EINTR)) {
			return false;
		}
		at += got > 0 ? got : 0;
		len -= got > 0 ? (size_t)got : 0;
	}
	return true;
}

static int int_of(const cJSON *json, const char *name, int fallback)
{
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(json, name);
	return cJSON_IsNumber(number) ? number->valueint : fallback;
}

static struct box box_of(const cJSON *json)
{
	return (struct box){ int_of(json, "x", 0), int_of(json, "y", 0), int_of(json, "width", 0),
		int_of(json, "height", 0) };
}

static gint64 deadline_of(const cJSON *json)
{
	return g_get_monotonic_time() + (gint64)int_of(json, "deadline_ms", 1000) * 1000;
}

/* --- the bus --- */

static enum cua_status need_bus(struct reader *reader, struct cua_error *err)
{
	if (reader->bus && !bus_is_open(reader->bus)) {
		bus_close(CUA_STEAL(reader->bus));
	}
	return reader->bus ? CUA_OK : bus_open(&reader->bus, err);
}

static void read_tree_request(const cJSON *json, struct tree_request *request)
{
	const cJSON *screen = cJSON_GetObjectItemCaseSensitive(json, "screen");
	const cJSON *window = NULL;
	const cJSON *width = cJSON_GetArrayItem(screen, 0), *height = cJSON_GetArrayItem(screen, 1);
	request->screen = (struct box){ 0, 0, width ? width->valueint : 0,
		height ? height->valueint : 0 };
	request->max_nodes = int_of(json, "max_nodes", READER_NODES_MAX);
	request->max_depth = int_of(json, "max_depth", READER_DEPTH_MAX);
	request->max_text = int_of(json, "max_text", READER_TEXT_MAX);
	request->all = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "all"));
	request->deadline_us = deadline_of(json);
	request->scale_percent = int_of(json, "scale_percent", 100);
	cJSON_ArrayForEach (window, cJSON_GetObjectItemCaseSensitive(json, "windows")) {
		if (request->window_count >= READER_WINDOWS_MAX) {
			break;
		}
		struct tree_window *to = &request->windows[request->window_count++];
		to->id = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(window, "id"));
		to->pid = (unsigned int)int_of(window, "pid", 0);
		to->popup = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(window, "popup"));
		to->box = box_of(window);
		g_strlcpy(to->title, cua_json_text(window, "title"), sizeof(to->title));
	}
}

static enum cua_status do_tree(
		struct reader *reader, const cJSON *json, cJSON *answer, struct cua_error *err)
{
	CUA_AUTO_FREE struct tree_request *request = calloc(1, sizeof(*request));
	enum cua_status status = request ? need_bus(reader, err)
					 : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "tree");
	if (status == CUA_OK) {
		read_tree_request(json, request);
		status = tree_read(reader->bus, request, answer, err);
	}
	return status;
}

static enum cua_status do_element(
		struct reader *reader, const cJSON *json, cJSON *answer, struct cua_error *err)
{
	CUA_AUTO_FREE struct tree_request *request = calloc(1, sizeof(*request));
	enum cua_status status = request ? need_bus(reader, err)
					 : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "element");
	if (status == CUA_OK) {
		struct tree_place place = tree_place_read(json);
		read_tree_request(json, request);
		status = tree_element(reader->bus, request, cua_json_text(json, "bus"),
				cua_json_text(json, "path"), &place,
				cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "scroll")),
				answer, err);
	}
	return status;
}

static enum cua_status do_spans(
		struct reader *reader, const cJSON *json, cJSON *answer, struct cua_error *err)
{
	enum cua_status status = need_bus(reader, err);
	return status != CUA_OK
			? status
			: tree_spans(reader->bus, cua_json_text(json, "text"),
					  cJSON_GetObjectItemCaseSensitive(json, "elements"),
					  deadline_of(json), answer, err);
}

static enum cua_status do_url(
		struct reader *reader, const cJSON *json, cJSON *answer, struct cua_error *err)
{
	enum cua_status status = need_bus(reader, err);
	return status != CUA_OK ? status
				: tree_url(reader->bus, cua_json_text(json, "bus"),
						  cua_json_text(json, "path"), deadline_of(json),
						  answer, err);
}

static enum cua_status do_ocr(struct reader *reader, const cJSON *json, const uint8_t *pixels,
		size_t pixel_len, cJSON *answer, struct cua_error *err)
{
	const int width = int_of(json, "width", 0), height = int_of(json, "height", 0);
	if (width <= 0 || height <= 0 || (size_t)width * (size_t)height != pixel_len) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%zu pixels for %dx%d", pixel_len, width,
				height);
	}
	const char *lang = cua_json_text(json, "lang");
	if (reader->ocr && strcmp(ocr_lang(reader->ocr), lang) != 0) {
		ocr_close(reader->ocr);
		reader->ocr = NULL;
	}
	enum cua_status status = reader->ocr ? CUA_OK : ocr_open(lang, &reader->ocr, err);
	return status != CUA_OK ? status
				: ocr_read(reader->ocr, pixels, width, height,
						  int_of(json, "deadline_ms", 5000), answer, err);
}

/* --- the loop --- */

static cJSON *serve(
		struct reader *reader, const cJSON *json, const uint8_t *pixels, size_t pixel_len)
{
	struct cua_error error = { 0 };
	cJSON *answer = cJSON_CreateObject();
	const char *verb = cua_json_text(json, "do");
	enum cua_status status;
	if (strcmp(verb, "tree") == 0) {
		status = do_tree(reader, json, answer, &error);
	} else if (strcmp(verb, "element") == 0) {
		status = do_element(reader, json, answer, &error);
	} else if (strcmp(verb, "spans") == 0) {
		status = do_spans(reader, json, answer, &error);
	} else if (strcmp(verb, "url") == 0) {
		status = do_url(reader, json, answer, &error);
	} else if (strcmp(verb, "ocr") == 0) {
		status = do_ocr(reader, json, pixels, pixel_len, answer, &error);
	} else {
		status = CUA_FAIL(&error, CUA_ERR_INVAL, 0, "unknown request");
	}
	if (status != CUA_OK) {
		cJSON_AddStringToObject(answer, "code", cua_status_name(status));
		cJSON_AddStringToObject(answer, "error", error.msg);
	}
	return answer;
}

static bool serve_one(struct reader *reader)
{
	struct reader_header header;
	if (!read_all(reader->fd, &header, sizeof(header)) || header.json_len > READER_JSON_MAX ||
			header.pixel_len > READER_PIXELS_MAX) {
		return false;
	}
	CUA_AUTO_FREE char *text = malloc((size_t)header.json_len + 1);
	CUA_AUTO_FREE uint8_t *pixels = malloc((size_t)header.pixel_len + 1);
	if (!text || !pixels || !read_all(reader->fd, text, header.json_len) ||
			!read_all(reader->fd, pixels, header.pixel_len)) {
		return false;
	}
	text[header.json_len] = '\0';
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(text);
	CUA_AUTO_JSON cJSON *answer = serve(reader, json, pixels, header.pixel_len);
	CUA_AUTO_FREE char *out = cJSON_PrintUnformatted(answer);
	const size_t len = out ? strlen(out) : 0;
	const struct reader_header reply = { .json_len = (uint32_t)len };
	return out && len <= READER_JSON_MAX && cua_write_all(reader->fd, &reply, sizeof(reply)) &&
			cua_write_all(reader->fd, out, len);
}

int reader_run(int fd)
{
	struct reader reader = { .fd = fd };
	const struct rlimit memory = { MEMORY_MAX, MEMORY_MAX };
	setrlimit(RLIMIT_DATA, &memory);
	signal(SIGPIPE, SIG_IGN); /* a host that has gone is seen below */
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	while (poll(&readable, 1, READER_IDLE_MS) > 0 && serve_one(&reader)) {
	}
	bus_close(reader.bus);
	ocr_close(reader.ocr);
	return 0;
}

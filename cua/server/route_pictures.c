/* What runs saw: the screenshots of their journals, and what goes with a question. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/event.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/server/routes.h"
#include "cua/server/run_folder.h"
#include "cua/server/runs.h"
#include "cua/server/server.h"

#define SHA256_SIZE 65
#define MEMBER "\"screenshot\":\""
#define MEMBER_LEN (sizeof(MEMBER) - 1)
#define WINDOW_LEN ((off_t)256 << 10)

static enum cua_status take_file(
		struct request *request, int dir_fd, const char *name, struct cua_error *err)
{
	CUA_AUTO_FD int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "this run has no %s", name);
	}
	request->file_type = "image/png";
	for (char piece[16384];;) {
		const ssize_t len = read(fd, piece, sizeof(piece));
		if (len <= 0) {
			return len == 0 ? CUA_OK : CUA_FAIL(err, CUA_ERR_IO, errno, "%s", name);
		}
		enum cua_status status = cua_buffer_append(&request->file, piece, (size_t)len, err);
		if (status != CUA_OK) {
			return status;
		}
	}
}

/* --- screenshots --- */

/* The last one that these bytes of a journal name. A quote within a string has a backslash before
 * it, so that no text of a page looks like the member. */
static bool find_in(const char *bytes, ssize_t len, char sha256[SHA256_SIZE])
{
	for (ssize_t at = len - (ssize_t)(MEMBER_LEN + SHA256_SIZE); at >= 0; at--) {
		if (memcmp(bytes + at, MEMBER, MEMBER_LEN) == 0) {
			snprintf(sha256, SHA256_SIZE, "%.*s", SHA256_SIZE - 1,
					bytes + at + MEMBER_LEN);
			if (agent_event_is_sha256(sha256)) {
				return true;
			}
		}
	}
	return false;
}

/* From the end of the journal on, in windows that overlap by what is looked for. */
static enum cua_status find_last(int dir_fd, char sha256[SHA256_SIZE], struct cua_error *err)
{
	CUA_AUTO_FREE char *bytes = malloc((size_t)WINDOW_LEN);
	CUA_AUTO_FD int fd = openat(dir_fd, "events.jsonl", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	off_t end = fd < 0 || !bytes ? 0 : lseek(fd, 0, SEEK_END);
	while (end > 0) {
		const off_t from = end > WINDOW_LEN ? end - WINDOW_LEN : 0;
		if (find_in(bytes, pread(fd, bytes, (size_t)(end - from), from), sha256)) {
			return CUA_OK;
		}
		end = from > 0 ? from + (off_t)(MEMBER_LEN + SHA256_SIZE) : 0;
	}
	return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "this run has no screenshot yet");
}

/* Named by what is in it, a picture never changes; the last one is another with each step. */
static enum cua_status get_screenshot(struct request *request, struct cua_error *err)
{
	char name[100], sha256[SHA256_SIZE];
	CUA_AUTO_FD int dir_fd = -1;
	const char *asked = request->parameters[1];
	const bool is_last = strcmp(asked, "last") == 0;
	if (!is_last && !agent_event_is_sha256(asked)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"a screenshot is named by its SHA-256, as events do, or last");
	}
	snprintf(sha256, sizeof(sha256), "%.64s", asked);
	enum cua_status status = run_folder_open(request, request->parameters[0], &dir_fd, err);
	if (status == CUA_OK && is_last) {
		status = find_last(dir_fd, sha256, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	request->cache = is_last ? "private, no-cache" : "private, max-age=31536000, immutable";
	snprintf(request->etag, sizeof(request->etag), "\"%.32s\"", sha256);
	snprintf(name, sizeof(name), "screenshots/%s.png", sha256);
	return take_file(request, dir_fd, name, err);
}

/* --- what goes with a question --- */

static enum cua_status get_question_picture(struct request *request, struct cua_error *err)
{
	char run[RUNS_NAME_SIZE], picture[RUNS_NAME_SIZE];
	CUA_AUTO_FD int dir_fd = -1;
	if (!runs_picture(request->server->runs, request->parameters[0], run, picture)) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
				"this is not asked any more, or there is no picture of it");
	}
	enum cua_status status = run_folder_open(request, run, &dir_fd, err);
	return status == CUA_OK ? take_file(request, dir_fd, picture, err) : status;
}

static const struct route table[] = {
	{ "GET", "/v1/runs/{run}/screenshots/{sha256}", "getScreenshot",
			"A picture that an event names, or last", SCOPE_WATCH, ROUTE_FILE, NULL,
			NULL, NULL, 0, get_screenshot },
	{ "GET", "/v1/approvals/{approval}/picture", "getApprovalPicture",
			"The screen, with the spot marked that it is about", SCOPE_WATCH,
			ROUTE_FILE, NULL, NULL, NULL, 0, get_question_picture },
};
const struct routes picture_routes = ROUTES("pictures", "What runs saw", table);

#include "display/reader_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "display/display_internal.h"
#include "display/element_list.h"
#include "display/reader/reader.h"
#include "display/session_client.h"

#define PROGRAM "cua-reader"
#define START_TIMEOUT_MS 5000

void reader_stop(struct display *display)
{
	struct display_reader *reader = &display->reader;
	cua_closep(&reader->fd);
	cua_closep(&reader->session_fd); /* the session kills the process */
	*reader = (struct display_reader){ -1, -1 };
}

static enum cua_status start(struct display *display, struct cua_error *err)
{
	struct display_reader *reader = &display->reader;
	int pair[2];
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject();
	CUA_AUTO_JSON cJSON *answer = NULL;
	char path[CUA_PATH_MAX];
	enum cua_status status = cua_program_path(PROGRAM, path, sizeof(path), NULL);
	if (status != CUA_OK) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"the program " PROGRAM " is missing; it belongs beside cua");
	}
	/* The file goes in as a descriptor: it is neither bound into the sandbox, which a desktop
	 * without a reader would pay for, nor found there under a name that others may write to. */
	CUA_AUTO_FD int program_fd = open(path, O_RDONLY | O_CLOEXEC);
	CUA_AUTO_FD int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	cJSON_AddItemToArray(cJSON_AddArrayToObject(request, "argv"), cJSON_CreateString(PROGRAM));
	if (program_fd < 0 || null_fd < 0 ||
			socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "link to the reader");
	}
	CUA_AUTO_FD int theirs = pair[1];
	reader->fd = pair[0];
	fcntl(reader->fd, F_SETFL, O_NONBLOCK);
	const int fds[] = { theirs, null_fd, null_fd, program_fd };
	status = session_request_fds(&display->record, request, fds, (int)CUA_ARRAY_LEN(fds),
			&reader->session_fd, err);
	if (status == CUA_OK) {
		status = session_answer(reader->session_fd, START_TIMEOUT_MS, &answer, err);
	}
	if (status != CUA_OK) {
		cua_error_prefix(err, "the reader does not start");
		reader_stop(display);
	}
	return status;
}

static bool is_ready(struct display *display, void *user_data)
{
	(void)user_data;
	struct pollfd ready = { .fd = display->wait_fd, .events = display->wait_events };
	return poll(&ready, 1, 0) > 0;
}

static enum cua_status wait_for(
		struct display *display, short events, uint64_t deadline_us, struct cua_error *err)
{
	display->wait_fd = display->reader.fd;
	display->wait_events = events;
	enum cua_status status = display_wait(display, deadline_us, is_ready, NULL, err);
	display->wait_fd = -1;
	return status;
}

static enum cua_status closed(struct cua_error *err)
{
	return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the reader ended unexpectedly");
}

static enum cua_status send_all(struct display *display, const void *data, size_t len,
		uint64_t deadline_us, struct cua_error *err)
{
	const char *at = data;
	while (len > 0) {
		const ssize_t sent = send(display->reader.fd, at, len, MSG_NOSIGNAL);
		if (sent >= 0) {
			at += sent;
			len -= (size_t)sent;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR) {
			return closed(err);
		}
		enum cua_status status = wait_for(display, POLLOUT, deadline_us, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	return CUA_OK;
}

static enum cua_status receive_all(struct display *display, void *data, size_t len,
		uint64_t deadline_us, struct cua_error *err)
{
	char *at = data;
	while (len > 0) {
		const ssize_t got = recv(display->reader.fd, at, len, 0);
		if (got > 0) {
			at += got;
			len -= (size_t)got;
			continue;
		}
		if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
			return closed(err);
		}
		enum cua_status status = wait_for(display, POLLIN, deadline_us, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	return CUA_OK;
}

static enum cua_status receive_answer(struct display *display, uint64_t deadline_us,
		cJSON **ret_answer, struct cua_error *err)
{
	struct reader_header header;
	enum cua_status status = receive_all(display, &header, sizeof(header), deadline_us, err);
	if (status != CUA_OK) {
		return status;
	}
	if (header.json_len > READER_JSON_MAX || header.pixel_len != 0) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "the reader answered too much");
	}
	CUA_AUTO_FREE char *text = malloc((size_t)header.json_len + 1);
	if (!text) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer of the reader");
	}
	status = receive_all(display, text, header.json_len, deadline_us, err);
	if (status != CUA_OK) {
		return status;
	}
	text[header.json_len] = '\0';
	CUA_AUTO_JSON cJSON *answer = cJSON_Parse(text);
	if (!cJSON_IsObject(answer)) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the reader answered no JSON");
	}
	*ret_answer = CUA_STEAL(answer);
	return CUA_OK;
}

static enum cua_status ask_once(struct display *display, const char *text, const uint8_t *pixels,
		size_t pixel_len, uint64_t deadline_us, cJSON **ret_answer, struct cua_error *err)
{
	const struct reader_header header = { (uint32_t)strlen(text), (uint32_t)pixel_len };
	enum cua_status status = display->reader.fd >= 0 ? CUA_OK : start(display, err);
	if (status == CUA_OK) {
		status = send_all(display, &header, sizeof(header), deadline_us, err);
	}
	if (status == CUA_OK) {
		status = send_all(display, text, header.json_len, deadline_us, err);
	}
	if (status == CUA_OK) {
		status = send_all(display, pixels, pixel_len, deadline_us, err);
	}
	if (status == CUA_OK) {
		status = receive_answer(display, deadline_us, ret_answer, err);
	}
	if (status != CUA_OK) {
		reader_stop(display); /* what it still says would be taken for the next answer */
	}
	return status;
}

enum cua_status reader_ask(struct display *display, const cJSON *request, const uint8_t *pixels,
		size_t pixel_len, int timeout_ms, cJSON **ret_answer, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + (uint64_t)timeout_ms * 1000U;
	const bool was_running = display->reader.fd >= 0;
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(request);
	CUA_AUTO_JSON cJSON *answer = NULL;
	if (!text || strlen(text) > READER_JSON_MAX || pixel_len > READER_PIXELS_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "too much for the reader");
	}
	enum cua_status status =
			ask_once(display, text, pixels, pixel_len, deadline_us, &answer, err);
	/* One that was running may have just ended for want of work. */
	if (status == CUA_ERR_CLOSED && was_running && !display->dead) {
		status = ask_once(display, text, pixels, pixel_len, deadline_us, &answer, err);
	}
	load_disregard(display->load); /* applications have answered what the reader asked */
	if (status == CUA_ERR_TIMEOUT) {
		return CUA_FAIL(err, status, 0, "the screen was not read in %d ms", timeout_ms);
	}
	if (status != CUA_OK) {
		return status;
	}
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(answer, "code");
	const cJSON *message = cJSON_GetObjectItemCaseSensitive(answer, "error");
	if (code) {
		const enum cua_status said =
				cua_status_from_name(cJSON_IsString(code) ? code->valuestring : "");
		/* It speaks for the screen alone, not for people or policies. */
		const bool plain = said == CUA_ERR_NOT_FOUND || said == CUA_ERR_TIMEOUT ||
				said == CUA_ERR_UNAVAILABLE || said == CUA_ERR_INVAL;
		CUA_AUTO_FREE char *clean = element_clean_text(message, 300);
		return CUA_FAIL(err, plain ? said : CUA_ERR_APP, 0, "%s",
				clean ? clean : "the reader refused");
	}
	*ret_answer = CUA_STEAL(answer);
	return CUA_OK;
}

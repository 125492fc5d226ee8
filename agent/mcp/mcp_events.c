#include "agent/mcp/mcp_events.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/mcp/mcp_message.h"
#include "cua/base/file.h"
#include "cua/base/http_client.h"
#include "cua/base/util.h"

struct mcp_events {
	char *url;      /* owned */
	char **headers; /* owned */
	pthread_t thread;
	bool has_thread;
	int stop_fd;          /* readable: the thread ends */
	int write_fd;         /* the thread's: lines of "NAME\tDATA" */
	int read_fd;          /* -1 once it has ended */
	struct cua_buffer in; /* of what was read, what is no whole line */
	/* The thread's. */
	struct cua_http_response response;
	struct agent_sse sse;
};

/* --- in the thread --- */

static bool write_line(struct mcp_events *events, const char *name, const char *data, size_t len)
{
	CUA_AUTO_FREE char *line = malloc(strlen(name) + len + 2);
	if (!line) {
		return false;
	}
	const size_t start = strlen(name) + 1;
	memcpy(line, name, start - 1);
	line[start - 1] = '\t';
	for (size_t i = 0; i < len; i++) {
		line[start + i] = (char)(data[i] == '\n' ? ' ' : data[i]);
	}
	line[start + len] = '\n';
	return cua_write_all(events->write_fd, line, start + len + 1);
}

static enum cua_status on_event(const char *name, const char *data, size_t len, void *user_data,
		struct cua_error *err)
{
	return len == 0 || write_line(user_data, name, data, len)
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_CLOSED, errno, "events");
}

static bool is_stream(const struct mcp_events *events)
{
	return strncasecmp(events->response.content_type, "text/event-stream", 17) == 0;
}

static void on_headers(void *user_data)
{
	struct mcp_events *events = user_data;
	if (is_stream(events)) { /* what cannot be written, on_event() notices */
		(void)!write_line(events, MCP_EVENTS_READY, "", 0);
	}
}

static enum cua_status on_data(const char *data, size_t len, void *user_data, struct cua_error *err)
{
	struct mcp_events *events = user_data;
	return is_stream(events) ? agent_sse_feed(&events->sse, data, len, err)
				 : CUA_FAIL(err, CUA_ERR_APP, 0, "no stream of events");
}

static void *run(void *user_data)
{
	struct mcp_events *events = user_data;
	struct cua_http_client *client = NULL;
	const struct cua_http_request request = {
		.method = "GET",
		.url = events->url,
		.headers = (const char *const *)events->headers,
		.no_proxy = strncasecmp(events->url, "https", 5) != 0,
		.max_body_len = 65536,
		.on_data = on_data,
		.on_headers = on_headers,
		.user_data = events,
	};
	if (cua_http_client_create(NULL, events->stop_fd, &client, NULL) == CUA_OK) {
		/* However it ends: a server need not have such a stream. */
		(void)!cua_http_perform(client, &request, &events->response, NULL);
		cua_http_response_finish(&events->response);
	}
	cua_http_client_destroy(client);
	close(events->write_fd);
	return NULL;
}

/* --- outside --- */

static bool copy_headers(struct mcp_events *events, const char *const *headers)
{
	size_t count = 0;
	while (headers[count]) {
		count++;
	}
	events->headers = calloc(count + 1, sizeof(*events->headers));
	for (size_t i = 0; events->headers && i < count; i++) {
		events->headers[i] = strdup(headers[i]);
		if (!events->headers[i]) {
			return false;
		}
	}
	return events->headers != NULL;
}

enum cua_status mcp_events_open(const char *url, const char *const *headers,
		struct mcp_events **ret_events, struct cua_error *err)
{
	struct mcp_events *events = calloc(1, sizeof(*events));
	if (!events) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "events");
	}
	int ends[2] = { -1, -1 };
	events->read_fd = -1;
	events->url = strdup(url);
	events->stop_fd = eventfd(0, EFD_CLOEXEC);
	agent_sse_init(&events->sse, MCP_MESSAGE_MAX, on_event, events);
	cua_buffer_init(&events->in, MCP_MESSAGE_MAX + 256);
	bool is_good = copy_headers(events, headers) && events->url && events->stop_fd >= 0 &&
			pipe2(ends, O_CLOEXEC) == 0;
	events->read_fd = ends[0];
	events->write_fd = ends[1];
	is_good = is_good && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 &&
			pthread_create(&events->thread, NULL, run, events) == 0;
	events->has_thread = is_good;
	if (!is_good) {
		cua_closep(&ends[1]);
		mcp_events_close(events);
		return CUA_FAIL(err, CUA_ERR_NOMEM, errno, "events");
	}
	*ret_events = events;
	return CUA_OK;
}

void mcp_events_close(struct mcp_events *events)
{
	if (!events) {
		return;
	}
	cua_closep(&events->read_fd); /* who writes to it fails */
	if (events->has_thread) {
		(void)eventfd_write(events->stop_fd, 1);
		pthread_join(events->thread, NULL);
	}
	cua_closep(&events->stop_fd);
	for (size_t i = 0; events->headers && events->headers[i]; i++) {
		free(events->headers[i]);
	}
	free(events->headers);
	free(events->url);
	agent_sse_finish(&events->sse);
	cua_buffer_finish(&events->in);
	free(events);
}

const int *mcp_events_fd(const struct mcp_events *events)
{
	return &events->read_fd;
}

/* The whole lines of what was read. */
static enum cua_status tell_lines(struct mcp_events *events, agent_sse_event_fn on_line,
		void *user_data, struct cua_error *err)
{
	size_t at = 0;
	const char *end = NULL;
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && events->in.len > at &&
			(end = memchr(events->in.data + at, '\n', events->in.len - at))) {
		char *line = events->in.data + at;
		char *tab = memchr(line, '\t', (size_t)(end - line));
		at = (size_t)(end - events->in.data) + 1;
		line[end - line] = '\0';
		if (tab) {
			*tab = '\0';
			status = on_line(line, tab + 1, (size_t)(end - tab) - 1, user_data, err);
		}
	}
	cua_buffer_consume(&events->in, at);
	return status;
}

enum cua_status mcp_events_read(struct mcp_events *events, agent_sse_event_fn on_line,
		void *user_data, struct cua_error *err)
{
	char bytes[65536];
	const ssize_t len = events->read_fd >= 0 ? read(events->read_fd, bytes, sizeof(bytes)) : 0;
	if (len == 0) {
		cua_closep(&events->read_fd);
		events->read_fd = -1;
	}
	if (len <= 0) {
		return CUA_OK;
	}
	enum cua_status status = cua_buffer_append(&events->in, bytes, (size_t)len, err);
	return status == CUA_OK ? tell_lines(events, on_line, user_data, err) : status;
}

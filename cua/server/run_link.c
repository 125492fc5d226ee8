#include "cua/server/run_link.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/runs.h"
#include "cua/base/buffer.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"

#define LINE_MAX_LEN ((size_t)2 << 20)
#define READ_LEN 65536

struct run_link {
	uv_pipe_t pipe;
	uv_connect_t connect;
	uv_write_t write;
	struct run_link_handler handler;
	struct cua_buffer line; /* begun, not yet ended */
	bool has_head;          /* the head of the answer was read */
	bool is_closing;
	char bytes[READ_LEN];
};

static void on_pipe_closed(uv_handle_t *pipe)
{
	struct run_link *link = pipe->data;
	cua_buffer_finish(&link->line);
	free(link);
}

static void end(struct run_link *link, bool tells)
{
	if (link->is_closing) {
		return;
	}
	link->is_closing = true;
	uv_close((uv_handle_t *)&link->pipe, on_pipe_closed);
	if (tells) {
		link->handler.on_closed(link->handler.user_data);
	}
}

/* A line of the head, or one of JSON. False if it is neither. */
static bool take_line(struct run_link *link)
{
	const char *text = link->line.data ? link->line.data : "";
	if (!link->has_head) {
		link->has_head = strcmp(text, "\r") == 0;
		return strncmp(text, "HTTP/1.1 ", 9) != 0 || strncmp(text + 9, "200", 3) == 0;
	}
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(text);
	if (json) {
		link->handler.on_line(json, link->handler.user_data);
	}
	return json;
}

static bool take_bytes(struct run_link *link, const char *bytes, size_t len)
{
	const char *line_end = NULL;
	while (!link->is_closing && (line_end = memchr(bytes, '\n', len))) {
		const size_t part = (size_t)(line_end - bytes);
		if (cua_buffer_append(&link->line, bytes, part, NULL) != CUA_OK ||
				!take_line(link)) {
			return false;
		}
		cua_buffer_clear(&link->line);
		bytes += part + 1;
		len -= part + 1;
	}
	return link->is_closing || cua_buffer_append(&link->line, bytes, len, NULL) == CUA_OK;
}

static void on_alloc(uv_handle_t *pipe, size_t size, uv_buf_t *ret_buf)
{
	struct run_link *link = pipe->data;
	(void)size;
	*ret_buf = uv_buf_init(link->bytes, sizeof(link->bytes));
}

static void on_read(uv_stream_t *pipe, ssize_t len, const uv_buf_t *buf)
{
	struct run_link *link = pipe->data;
	if (len < 0 || !take_bytes(link, buf->base, (size_t)len)) {
		end(link, true);
	}
}

static void on_written(uv_write_t *write, int status)
{
	(void)write, (void)status; /* reading tells of a failure, too */
}

static void on_connected(uv_connect_t *connect, int status)
{
	static char head[] = "GET /v1/run/watch HTTP/1.1\r\nHost: run\r\n\r\n";
	struct run_link *link = connect->data;
	const uv_buf_t buf = uv_buf_init(head, sizeof(head) - 1);
	if (status != 0 || link->is_closing) {
		end(link, true);
		return;
	}
	if (uv_write(&link->write, (uv_stream_t *)&link->pipe, &buf, 1, on_written) != 0 ||
			uv_read_start((uv_stream_t *)&link->pipe, on_alloc, on_read) != 0) {
		end(link, true);
	}
}

struct run_link *run_link_create(
		uv_loop_t *loop, const char *run, const struct run_link_handler *handler)
{
	char path[CUA_PATH_MAX];
	struct run_link *link = calloc(1, sizeof(*link));
	if (!link || agent_runs_socket(run, path, sizeof(path), NULL) != CUA_OK) {
		free(link);
		return NULL;
	}
	link->handler = *handler;
	cua_buffer_init(&link->line, LINE_MAX_LEN);
	uv_pipe_init(loop, &link->pipe, 0);
	link->pipe.data = link;
	link->connect.data = link;
	uv_pipe_connect(&link->connect, &link->pipe, path, on_connected);
	return link;
}

void run_link_destroy(struct run_link *link)
{
	if (link) {
		end(link, false);
	}
}

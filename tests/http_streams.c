#include "tests/http_streams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/util.h"

#define HEARD_MAX ((size_t)4 << 20)

static struct streams *streams;

struct streams *streams_of(struct site *site)
{
	(void)site;
	return streams;
}

static void take(struct site *site, struct cua_http_stream *stream)
{
	streams->stream = stream;
	streams->count++;
	tell(site, 's');
}

static void on_request(struct cua_http_exchange *exchange, void *user_data)
{
	const struct cua_http_reply reply = { .status = 200,
		.content_type = "text/event-stream",
		.body = "no events here",
		.body_len = 14 };
	if (strcmp(exchange->head.path, "/events") != 0) {
		cua_http_reply(exchange, &reply);
		return;
	}
	struct cua_http_stream *stream = cua_http_reply_stream(exchange, &reply, user_data);
	if (stream) {
		assert_ptr_equal(stream->user_data, user_data);
		assert_string_equal(stream->head.path, "/events");
		take(user_data, stream);
	}
}

static enum cua_status on_stream(
		struct cua_http_stream *stream, void *user_data, struct cua_error *err)
{
	if (strcmp(stream->head.path, "/missing") == 0) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "nothing \"here\"");
	}
	if (strcmp(stream->head.path, "/forbidden") == 0) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0, "not now");
	}
	take(user_data, stream);
	return CUA_OK;
}

static void on_stream_data(struct cua_http_stream *stream, const char *data, size_t len,
		bool is_text, bool is_last, void *user_data)
{
	(void)stream;
	streams->heard_len += len;
	if (!streams->is_counting) {
		assert_int_equal(cua_buffer_append(&streams->heard, data, len, NULL), CUA_OK);
	}
	if (is_last) {
		*(is_text ? &streams->text_count : &streams->binary_count) += 1;
		if (!streams->is_counting) {
			tell(user_data, 'm');
		}
	}
}

static void on_stream_drained(struct cua_http_stream *stream, void *user_data)
{
	(void)stream;
	tell(user_data, 'd');
}

static void on_stream_closed(struct cua_http_stream *stream, void *user_data)
{
	(void)stream;
	streams->stream = NULL;
	streams->count--;
	tell(user_data, 'x');
}

static void open_on(struct site *site)
{
	streams = calloc(1, sizeof(*streams));
	assert_non_null(streams);
	cua_buffer_init(&streams->heard, HEARD_MAX);
	site->listen.address = "127.0.0.1";
	site->handler = (struct cua_http_handler){ .on_request = on_request,
		.on_stream = on_stream,
		.on_stream_data = on_stream_data,
		.on_stream_drained = on_stream_drained,
		.on_stream_closed = on_stream_closed };
	site->listen.unread_timeout_s = 5;
	site_start(site);
}

int open_streams(void **state)
{
	struct site *site = site_create();
	open_on(site);
	*state = site;
	return 0;
}

int open_tls_streams(void **state)
{
	struct site *site = site_create();
	wire_use_tls(site);
	open_on(site);
	*state = site;
	return 0;
}

int close_streams(void **state)
{
	const int result = close_site(state);
	assert_int_equal(streams->count, 0);
	cua_buffer_finish(&streams->heard);
	free(streams);
	return result;
}

void streams_send(struct site *site, void *to_send)
{
	const struct to_send *message = to_send;
	(void)site;
	assert_int_equal(cua_http_stream_send(streams->stream, message->is_text, message->data,
					 message->len, NULL),
			CUA_OK);
}

void streams_end(struct site *site, void *unused)
{
	(void)site, (void)unused;
	cua_http_stream_close(streams->stream);
}

void streams_listen(struct site *site, void *listens)
{
	(void)site;
	cua_http_stream_listen(streams->stream, *(const bool *)listens);
}

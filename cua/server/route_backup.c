/* The files of a project as one archive, which goes out while it is made, and back. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CUA_LOG_MODULE "serve"
#include "cua/base/json.h"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "cua/server/routes.h"
#include "cua/server/server.h"
#include "cua/server/workspace.h"
#include "cua/server/workspace_path.h"
#include "cua/server/workspace_tar.h"

#define BACKUPS_MAX 4   /* at once: each has a thread while it lasts */
#define RESTORES_MAX 2  /* as many take memory for what an archive claims */
#define SILENT_MAX_S 30 /* a client that reads nothing */

/* One that goes out: a thread makes pieces, the loop's sends them, one at a time. */
struct backup {
	struct stream_face face;
	struct server *server;
	struct cua_http_stream *stream; /* NULL: closed */
	int root_fd;
	uv_work_t work;
	uv_async_t made;
	bool is_made_open, is_working;
	enum cua_status status;
	struct cua_error error;
	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t taken;
	struct cua_buffer piece; /* "": it was taken */
	bool is_drained, is_gone;
};

/* --- its life: the loop's thread --- */

static void release(struct backup *backup)
{
	if (backup->stream || backup->is_working || backup->is_made_open) {
		return;
	}
	backup->server->backups--;
	cua_closep(&backup->root_fd);
	cua_buffer_finish(&backup->piece);
	pthread_cond_destroy(&backup->taken);
	pthread_mutex_destroy(&backup->mutex);
	free(backup);
}

static void on_made_closed(uv_handle_t *handle)
{
	struct backup *backup = handle->data;
	backup->is_made_open = false;
	release(backup);
}

/* The piece that there is, when the one before is out. */
static void send_piece(struct backup *backup)
{
	struct cua_error error = { 0 };
	pthread_mutex_lock(&backup->mutex);
	if (backup->stream && backup->is_drained && backup->piece.len > 0) {
		backup->is_drained = false;
		backup->is_gone = cua_http_stream_send(backup->stream, false, backup->piece.data,
						  backup->piece.len, &error) != CUA_OK;
		cua_buffer_clear(&backup->piece);
		pthread_cond_signal(&backup->taken);
	}
	pthread_mutex_unlock(&backup->mutex);
}

static void on_made(uv_async_t *made)
{
	send_piece(made->data);
}

/* --- making it: on a thread --- */

static enum cua_status take_piece(
		const void *data, size_t len, void *user_data, struct cua_error *err)
{
	struct backup *backup = user_data;
	struct timespec until;
	int waited = 0;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += SILENT_MAX_S;
	pthread_mutex_lock(&backup->mutex);
	while (backup->piece.len > 0 && !backup->is_gone && waited == 0) {
		waited = pthread_cond_timedwait(&backup->taken, &backup->mutex, &until);
	}
	enum cua_status status = backup->is_gone || waited != 0
			? CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "nobody reads it")
			: cua_buffer_append(&backup->piece, data, len, err);
	pthread_mutex_unlock(&backup->mutex);
	uv_async_send(&backup->made);
	return status;
}

static enum cua_status take_last(struct backup *backup, struct cua_error *err)
{
	return take_piece("", 0, backup, err);
}

static void on_work(uv_work_t *work)
{
	struct backup *backup = work->data;
	backup->status = workspace_tar_write(backup->root_fd, take_piece, backup, &backup->error);
	if (backup->status == CUA_OK) {
		backup->status = take_last(backup, &backup->error);
	}
}

static void on_worked(uv_work_t *work, int status)
{
	struct backup *backup = work->data;
	(void)status;
	backup->is_working = false;
	if (backup->status != CUA_OK) {
		/* What came lacks the end of an archive. */
		cua_log_info("a backup broke off: %s", backup->error.msg);
	}
	if (backup->stream) {
		cua_http_stream_close(backup->stream);
	}
	uv_close((uv_handle_t *)&backup->made, on_made_closed);
}

/* --- the stream: the loop's thread --- */

static void on_drained(struct cua_http_stream *stream)
{
	struct backup *backup = stream->user_data;
	pthread_mutex_lock(&backup->mutex);
	backup->is_drained = true;
	pthread_mutex_unlock(&backup->mutex);
	send_piece(backup);
}

static void on_closed(struct cua_http_stream *stream)
{
	struct backup *backup = stream->user_data;
	pthread_mutex_lock(&backup->mutex);
	backup->is_gone = true;
	pthread_cond_signal(&backup->taken);
	pthread_mutex_unlock(&backup->mutex);
	backup->stream = NULL;
	release(backup);
}

static struct cua_http_stream *begin_stream(
		struct request *request, struct cua_http_exchange *exchange)
{
	struct backup *backup = request->stream_data;
	const struct cua_http_reply reply = {
		.status = 200, .content_type = "application/x-tar", .headers = request->headers.data
	};
	uv_async_init(&backup->server->loop, &backup->made, on_made);
	backup->made.data = backup;
	backup->is_made_open = true;
	backup->stream = cua_http_reply_stream(exchange, &reply, backup);
	backup->is_working = backup->stream &&
			uv_queue_work(&backup->server->loop, &backup->work, on_work, on_worked) ==
					0;
	if (!backup->is_working) {
		uv_close((uv_handle_t *)&backup->made, on_made_closed);
	}
	return backup->stream;
}

/* --- routes --- */

static enum cua_status open_root(struct request *request, int *ret_fd, struct cua_error *err)
{
	char path[1100];
	CUA_AUTO_JSON cJSON *row = NULL;
	enum cua_status status = store_get(request->server->store, &row, err,
			"there is no such project", "SELECT id FROM projects WHERE id = ?", "s",
			request->parameters[0]);
	if (status == CUA_OK) {
		status = workspace_of_project(
				request->server, cua_json_text(row, "id"), path, sizeof(path), err);
	}
	if (status != CUA_OK) {
		return status;
	}
	*ret_fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret_fd >= 0 ? CUA_OK : CUA_FAIL(err, CUA_ERR_IO, errno, "the project's folder");
}

static struct backup *backup_create(struct server *server, int *root_fd)
{
	pthread_condattr_t clock;
	struct backup *backup = calloc(1, sizeof(*backup));
	if (!backup) {
		return NULL;
	}
	backup->face = (struct stream_face){ .on_drained = on_drained, .on_closed = on_closed };
	backup->server = server;
	backup->root_fd = cua_steal_fd(root_fd);
	backup->work.data = backup;
	cua_buffer_init(&backup->piece, (size_t)1 << 20);
	pthread_mutex_init(&backup->mutex, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&backup->taken, &clock);
	pthread_condattr_destroy(&clock);
	return backup;
}

static enum cua_status get_backup(struct request *request, struct cua_error *err)
{
	CUA_AUTO_FD int root_fd = -1;
	struct server *server = request->server;
	enum cua_status status = open_root(request, &root_fd, err);
	if (status != CUA_OK) {
		return status;
	}
	if (server->backups++ >= BACKUPS_MAX) {
		server->backups--;
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "%d backups are being made already",
				BACKUPS_MAX);
	}
	request->stream_data = backup_create(server, &root_fd);
	if (!request->stream_data) {
		server->backups--;
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "backup");
	}
	request->begin_stream = begin_stream;
	return cua_buffer_printf(&request->headers, err,
			"content-disposition: attachment; filename=\"%s.tar\"\r\n",
			request->parameters[0]);
}

static const struct field backup_fields[] = { TICKET_FIELD, { 0 } };
static const struct fields backup_query = { "BackupQuery", backup_fields };

static const struct field restore_fields[] = {
	{ "path", FIELD_TEXT, FIELD_REQUIRED, 1, WORKSPACE_PATH_MAX, NULL, NULL,
			"of the archive, a file of the project that was uploaded before: tar, "
			"plain "
			"or by gzip" },
	{ 0 },
};
static const struct fields restore_query = { "RestoreQuery", restore_fields };

static const struct field restored_fields[] = {
	{ "files", FIELD_NUMBER, FIELD_REQUIRED },
	{ "folders", FIELD_NUMBER, FIELD_REQUIRED },
	{ "links", FIELD_NUMBER, FIELD_REQUIRED },
	{ "bytes", FIELD_NUMBER, FIELD_REQUIRED },
	{ "left_out", FIELD_NUMBER, FIELD_REQUIRED,
			.help = "devices, hard links, paths that lead elsewhere" },
	{ "left_first", FIELD_TEXT, FIELD_REQUIRED | FIELD_NULLABLE, .help = "of these" },
	{ 0 },
};
static const struct fields restored_answer = { "Restored", restored_fields };

static cJSON *describe(const struct workspace_tar_result *result)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddNumberToObject(json, "files", (double)result->files);
	cJSON_AddNumberToObject(json, "folders", (double)result->folders);
	cJSON_AddNumberToObject(json, "links", (double)result->links);
	cJSON_AddNumberToObject(json, "bytes", (double)result->bytes);
	cJSON_AddNumberToObject(json, "left_out", (double)result->left_out);
	cJSON_AddItemToObject(json, "left_first",
			result->left_first[0] ? cJSON_CreateString(result->left_first)
					      : cJSON_CreateNull());
	return json;
}

static enum cua_status post_restore(struct request *request, struct cua_error *err)
{
	CUA_AUTO_FD int root_fd = -1, fd = -1;
	WORKSPACE_AUTO_PLACE struct workspace_place place = { -1, "" };
	struct workspace_tar_result result = { 0 };
	struct server *server = request->server;
	struct stat info;
	enum cua_status status = open_root(request, &root_fd, err);
	if (status == CUA_OK) {
		status = workspace_find(
				root_fd, cua_json_text(request->query, "path"), false, &place, err);
	}
	if (status == CUA_OK) {
		status = workspace_open_file(&place, O_RDONLY, &fd, &info, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	if (server->restores++ >= RESTORES_MAX) {
		server->restores--;
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"%d archives are being unpacked already", RESTORES_MAX);
	}
	status = workspace_tar_read(root_fd, fd, request_stop_fd(request), &result, err);
	server->restores--;
	*(status == CUA_OK ? &request->answer : &request->failed) = describe(&result);
	request->http_status = status == CUA_ERR_UNAVAILABLE ? 507 : 0;
	return status;
}

static const struct route table[] = {
	{ "GET", "/v1/projects/{project}/backup", "backUpProject",
			"All its files as a tar archive; without its end it broke off", SCOPE_WATCH,
			ROUTE_FILE | ROUTE_OPENED, &backup_query, NULL, NULL, 0, get_backup },
	{ "POST", "/v1/projects/{project}/restore", "restoreProject",
			"Unpacks an archive that was uploaded before, over the files that are "
			"there",
			SCOPE_ACT, 0, &restore_query, NULL, &restored_answer, 0, post_restore },
};
const struct routes backup_routes = ROUTES("backup", "The files of projects, all at once", table);

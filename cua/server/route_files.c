/* The files of projects, in folders in which agents write what they like: see workspace_path.h. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/file_range.h"
#include "cua/server/routes.h"
#include "cua/server/server.h"
#include "cua/server/workspace.h"
#include "cua/server/workspace_path.h"
#include "cua/server/workspace_upload.h"

#define ANSWER_MAX ((off_t)32 << 20) /* bytes of a file in one answer */

#define PATH_FIELD(flags, help) \
	{ \
		"path", FIELD_TEXT, flags, 0, WORKSPACE_PATH_MAX, NULL, NULL, help \
	}

static const struct field list_fields[] = { PATH_FIELD(0, "of a folder; the project's own without"),
	{ "limit", FIELD_WHOLE, 0, 1, LIST_LIMIT_MAX, NULL, NULL, "items at most, 50 without" },
	{ "after", FIELD_TEXT, 0, 0, NAME_MAX, NULL, NULL, "next of the page before" }, { 0 } };
static const struct fields files_query = { "FilesQuery", list_fields };

static const struct field path_fields[] = { PATH_FIELD(FIELD_REQUIRED, "in the project's folder"),
	{ 0 } };
static const struct fields path_query = { "PathQuery", path_fields };

static const struct field put_fields[] = { PATH_FIELD(FIELD_REQUIRED, "in the project's folder"),
	{ "complete", FIELD_BOOL,
			.help = "with the header Upload-Offset, which says where the body belongs: "
				"it is the last piece, and the file takes its place" },
	{ 0 } };
static const struct fields put_query = { "PutFileQuery", put_fields };

static const struct field entry_fields[] = {
	{ "name", FIELD_TEXT, FIELD_REQUIRED,
			.help = "\"?\" stands for what no path "
				"can hold" },
	{ "reachable", FIELD_BOOL, FIELD_REQUIRED,
			.help = "false: no path leads there; it goes with its folder" },
	{ "type", FIELD_TEXT, FIELD_REQUIRED, .choices = "file|folder|link|other" },
	{ "bytes", FIELD_NUMBER, FIELD_REQUIRED, .help = "of a file; 0 for all else" },
	{ "changed_ms", FIELD_NUMBER, FIELD_REQUIRED, .help = "milliseconds since 1970" }, { 0 }
};
static const struct fields entry_answer = { "FileEntry", entry_fields };

static const struct field upload_fields[] = { { "offset", FIELD_NUMBER, FIELD_REQUIRED,
							      .help = "bytes that are there" },
	{ "complete", FIELD_BOOL, FIELD_REQUIRED, .help = "the file is in its place" }, { 0 } };
static const struct fields upload_answer = { "FileUpload", upload_fields };

/* The folder of the request's project. */
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

static const char *asked_path(const struct request *request)
{
	return cua_json_string(request->query, "path");
}

/* --- lists --- */

struct entry {
	char raw[NAME_MAX + 1], shown[NAME_MAX + 1];
	bool is_reachable;
};

/* The first names behind a name: of a folder with millions no more is kept. */
struct page {
	struct entry *entries;
	struct entry *sorted[LIST_LIMIT_MAX + 1];
	size_t count, max;
	const char *after;
};

static void show_name(struct entry *entry, const char *raw)
{
	snprintf(entry->raw, sizeof(entry->raw), "%s", raw);
	snprintf(entry->shown, sizeof(entry->shown), "%s", raw);
	entry->is_reachable = workspace_name_is_valid(raw, strlen(raw), NULL);
	for (char *at = entry->shown; !entry->is_reachable && *at; at++) {
		*at = *at >= 0x20 && *at < 0x7f ? *at : '?';
	}
}

static void keep(struct page *page, const struct entry *entry)
{
	size_t low = 0, high = page->count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (strcmp(page->sorted[middle]->shown, entry->shown) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	if (low == page->max) {
		return;
	}
	const bool is_full = page->count == page->max;
	struct entry *place = is_full ? page->sorted[page->max - 1] : &page->entries[page->count];
	page->count += !is_full;
	memmove(&page->sorted[low + 1], &page->sorted[low],
			(page->count - low - 1) * sizeof(struct entry *));
	*place = *entry;
	page->sorted[low] = place;
}

static enum cua_status read_page(DIR *dir, struct page *page, struct cua_error *err)
{
	struct entry entry;
	for (const struct dirent *found; errno = 0, (found = readdir(dir));) {
		const char *name = found->d_name;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
				strncmp(name, WORKSPACE_UPLOAD_PREFIX,
						strlen(WORKSPACE_UPLOAD_PREFIX)) == 0) {
			continue;
		}
		show_name(&entry, name);
		if (strcmp(entry.shown, page->after) > 0) {
			keep(page, &entry);
		}
	}
	return errno == 0 ? CUA_OK : CUA_FAIL(err, CUA_ERR_IO, errno, "the folder");
}

static void add_entry(cJSON *items, int folder_fd, const struct entry *entry)
{
	struct stat info;
	if (fstatat(folder_fd, entry->raw, &info, AT_SYMLINK_NOFOLLOW) != 0) {
		return; /* gone meanwhile */
	}
	const bool is_file = S_ISREG(info.st_mode);
	cJSON *item = cJSON_CreateObject();
	cJSON_AddStringToObject(item, "name", entry->shown);
	cJSON_AddBoolToObject(item, "reachable", entry->is_reachable);
	cJSON_AddStringToObject(item, "type",
			is_file                                 ? "file"
					: S_ISDIR(info.st_mode) ? "folder"
					: S_ISLNK(info.st_mode) ? "link"
								: "other");
	cJSON_AddNumberToObject(item, "bytes", is_file ? (double)info.st_size : 0);
	cJSON_AddNumberToObject(item, "changed_ms",
			(double)info.st_mtim.tv_sec * 1000 +
					(double)(info.st_mtim.tv_nsec / 1000000));
	cJSON_AddItemToArray(items, item);
}

static enum cua_status get_files(struct request *request, struct cua_error *err)
{
	CUA_AUTO_FD int root_fd = -1;
	int fd = -1;
	const size_t limit = (size_t)request_limit(request);
	CUA_AUTO_FREE struct entry *entries = calloc(limit + 1, sizeof(*entries));
	struct page page = { .entries = entries,
		.max = limit + 1,
		.after = cua_json_text(request->query, "after") };
	enum cua_status status = open_root(request, &root_fd, err);
	if (status == CUA_OK) {
		status = workspace_open_folder(root_fd, asked_path(request), &fd, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	DIR *dir = entries ? fdopendir(fd) : NULL;
	if (!dir) {
		close(fd);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "list of files");
	}
	status = read_page(dir, &page, err);
	if (status == CUA_OK) {
		request->answer = cJSON_CreateArray();
		const bool has_more = page.count > limit;
		for (size_t i = 0; i < page.count - has_more; i++) {
			add_entry(request->answer, fd, page.sorted[i]);
		}
		snprintf(request->next, sizeof(request->next), "%s",
				has_more ? page.sorted[limit - 1]->shown : "");
	}
	closedir(dir);
	return status;
}

/* --- reading --- */

/* As an attachment: a page of this site is never made of it. RFC 6266, and RFC 8187 for what is no
 * ASCII. */
static enum cua_status add_disposition(
		struct cua_buffer *headers, const char *name, struct cua_error *err)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789!#$&+-.^_`|~";
	char ascii[NAME_MAX + 1], encoded[3 * NAME_MAX + 1];
	size_t len = 0, i = 0;
	for (; name[i]; i++) {
		const unsigned char byte = (unsigned char)name[i];
		const bool is_safe = byte >= 0x20 && byte < 0x7f && !strchr("\"\\%/", byte);
		ascii[i] = is_safe ? name[i] : '_';
		len += (size_t)snprintf(encoded + len, sizeof(encoded) - len,
				strchr(plain, byte) ? "%c" : "%%%02X", byte);
	}
	ascii[i] = '\0';
	return cua_buffer_printf(headers, err,
			"content-disposition: attachment; filename=\"%s\"; filename*=UTF-8''%s\r\n",
			ascii, encoded);
}

static enum cua_status read_part(struct request *request, int fd, off_t begin, off_t end,
		const char *name, struct cua_error *err)
{
	char part[65536];
	enum cua_status status = cua_buffer_reserve(&request->file, (size_t)(end - begin), err);
	while (status == CUA_OK && begin < end) {
		const size_t wanted = end - begin < (off_t)sizeof(part) ? (size_t)(end - begin)
									: sizeof(part);
		const ssize_t got = pread(fd, part, wanted, begin);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			return got < 0 ? workspace_explain(name, errno, err)
				       : CUA_FAIL(err, CUA_ERR_EXISTS, 0,
							 "%s became shorter while it was read",
							 name);
		}
		status = cua_buffer_append(&request->file, part, (size_t)got, err);
		begin += got;
	}
	return status;
}

/* The whole file, or the part of it that is asked for; its head is in request->headers. */
static enum cua_status answer_content(struct request *request, int fd, const struct stat *info,
		const char *name, struct cua_error *err)
{
	char etag[80];
	off_t begin = 0, end = 0;
	bool is_range = false;
	snprintf(etag, sizeof(etag), "\"%llx-%llx%08lx-%llx\"", (unsigned long long)info->st_ino,
			(unsigned long long)info->st_mtim.tv_sec,
			(unsigned long)info->st_mtim.tv_nsec, (unsigned long long)info->st_size);
	const char *of = cua_http_header(request->head, "if-range");
	const bool is_there = file_range_read(!of[0] || strcmp(of, etag) == 0
					? cua_http_header(request->head, "range")
					: "",
			info->st_size, &begin, &end, &is_range);
	enum cua_status status = cua_buffer_printf(
			&request->headers, err, "etag: %s\r\naccept-ranges: bytes\r\n", etag);
	if (status != CUA_OK) {
		return status;
	}
	if (strcmp(cua_http_header(request->head, "if-none-match"), etag) == 0) {
		request->http_status = 304;
		return CUA_OK;
	}
	if (!is_there) {
		request->http_status = 416;
		(void)!cua_buffer_printf(&request->headers, NULL, "content-range: bytes */%lld\r\n",
				(long long)info->st_size);
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s has %lld bytes, and none of this range",
				name, (long long)info->st_size);
	}
	if (!is_range && info->st_size > ANSWER_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"%s has %lld bytes: ask for at most %lld at a time, with Range: "
				"bytes=0-%lld to begin with",
				name, (long long)info->st_size, (long long)ANSWER_MAX,
				(long long)ANSWER_MAX - 1);
	}
	/* Of a longer one its beginning: Content-Range says how much that is. */
	end = end - begin > ANSWER_MAX ? begin + ANSWER_MAX : end;
	if (is_range) {
		request->http_status = 206;
		status = cua_buffer_printf(&request->headers, err,
				"content-range: bytes %lld-%lld/%lld\r\n", (long long)begin,
				(long long)end - 1, (long long)info->st_size);
	}
	if (status == CUA_OK) {
		status = add_disposition(&request->headers, name, err);
	}
	return status == CUA_OK ? read_part(request, fd, begin, end, name, err) : status;
}

static enum cua_status get_content(struct request *request, struct cua_error *err)
{
	CUA_AUTO_FD int root_fd = -1, fd = -1;
	WORKSPACE_AUTO_PLACE struct workspace_place place = { -1, "" };
	struct stat info;
	enum cua_status status = open_root(request, &root_fd, err);
	request->file_type = "application/octet-stream";
	if (status == CUA_OK) {
		status = workspace_find(root_fd, asked_path(request), false, &place, err);
	}
	if (status == CUA_OK) {
		status = workspace_open_file(&place, O_RDONLY, &fd, &info, err);
	}
	if (status == CUA_OK) {
		status = answer_content(request, fd, &info, place.name, err);
	}
	if (status != CUA_OK && request->http_status == 206) {
		request->http_status = 0;
	}
	return status;
}

/* --- changing --- */

static void tell_upload(cJSON **ret_json, int64_t offset, bool is_complete)
{
	*ret_json = cJSON_CreateObject();
	cJSON_AddNumberToObject(*ret_json, "offset", (double)offset);
	cJSON_AddBoolToObject(*ret_json, "complete", is_complete);
}

static enum cua_status put_content(struct request *request, struct cua_error *err)
{
	CUA_AUTO_FD int root_fd = -1;
	const bool is_whole = !cua_http_header(request->head, "upload-offset")[0];
	struct workspace_piece piece = { .bytes = request->bytes,
		.completes = is_whole ||
				cJSON_IsTrue(cua_json_member(request->query, "complete")) };
	int64_t offset = -1;
	enum cua_status status = file_offset_read(
			cua_http_header(request->head, "upload-offset"), &piece.offset, err);
	if (status == CUA_OK) {
		status = open_root(request, &root_fd, err);
	}
	if (status == CUA_OK) {
		status = workspace_upload(root_fd, asked_path(request), &piece, &offset, err);
	}
	if (status == CUA_ERR_UNAVAILABLE) {
		request->http_status = 507;
	}
	if (offset >= 0) {
		(void)!cua_buffer_printf(&request->headers, NULL, "upload-offset: %lld\r\n",
				(long long)offset);
		tell_upload(status == CUA_OK ? &request->answer : &request->failed, offset,
				status == CUA_OK && piece.completes);
	}
	return status;
}

static enum cua_status get_upload(struct request *request, struct cua_error *err)
{
	CUA_AUTO_FD int root_fd = -1;
	int64_t offset = 0;
	enum cua_status status = open_root(request, &root_fd, err);
	if (status == CUA_OK) {
		status = workspace_upload_offset(root_fd, asked_path(request), &offset, err);
	}
	if (status == CUA_OK) {
		tell_upload(&request->answer, offset, false);
	}
	return status;
}

static enum cua_status delete_file(struct request *request, struct cua_error *err)
{
	CUA_AUTO_FD int root_fd = -1;
	enum cua_status status = open_root(request, &root_fd, err);
	return status == CUA_OK ? workspace_remove(root_fd, asked_path(request), err) : status;
}

static enum cua_status post_folder(struct request *request, struct cua_error *err)
{
	CUA_AUTO_FD int root_fd = -1;
	enum cua_status status = open_root(request, &root_fd, err);
	return status == CUA_OK ? workspace_make_folder(root_fd, asked_path(request), err) : status;
}

static const struct route table[] = {
	{ "GET", "/v1/projects/{project}/files", "listFiles", "What a folder of the project holds",
			SCOPE_WATCH, ROUTE_LIST, &files_query, NULL, &entry_answer, 0, get_files },
	{ "DELETE", "/v1/projects/{project}/files", "deleteFile",
			"Deletes a file, or a folder with all in it", SCOPE_ACT, 0, &path_query,
			NULL, NULL, 0, delete_file },
	{ "GET", "/v1/projects/{project}/files/content", "getFile",
			"A file, or with Range a part of it; at most 32 MiB at a time", SCOPE_WATCH,
			ROUTE_FILE, &path_query, NULL, NULL, 0, get_content },
	{ "PUT", "/v1/projects/{project}/files/content", "putFile",
			"Writes a file of up to 2 MiB, or with Upload-Offset a piece of a larger "
			"one",
			SCOPE_ACT, ROUTE_BYTES, &put_query, NULL, &upload_answer, 0, put_content },
	{ "GET", "/v1/projects/{project}/files/upload", "getUpload",
			"Where the next piece of an unfinished file begins", SCOPE_WATCH, 0,
			&path_query, NULL, &upload_answer, 0, get_upload },
	{ "POST", "/v1/projects/{project}/files/folders", "createFolder",
			"Makes a folder, and those above it that are missing", SCOPE_ACT, 0,
			&path_query, NULL, NULL, 0, post_folder },
};
const struct routes file_routes = ROUTES("files", "The files of projects", table);

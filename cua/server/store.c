#include "cua/server/store.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "cua/server/store_schema.h"

#define BUSY_MS 5000

struct store {
	sqlite3 *db;
	pthread_mutex_t mutex; /* recursive: a transaction holds it */
	char trouble[256];
	char path[1100];
	int mode; /* of sqlite3_open_v2() */
	/* Of the file that was opened. */
	dev_t device;
	ino_t inode;
};

int64_t store_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum cua_status fail(struct store *store, int code, struct cua_error *err)
{
	const int primary = code & 0xff;
	if (primary == SQLITE_CONSTRAINT) {
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0, "%s", sqlite3_errmsg(store->db));
	}
	snprintf(store->trouble, sizeof(store->trouble), "%s", sqlite3_errmsg(store->db));
	return CUA_FAIL(err, primary == SQLITE_NOMEM ? CUA_ERR_NOMEM : CUA_ERR_IO, 0,
			"the server's store: %s", store->trouble);
}

/* --- parameters and rows --- */

static int bind_json(sqlite3_stmt *statement, int index, const cJSON *json)
{
	char *text = json ? cJSON_PrintUnformatted(json) : NULL;
	if (json && !text) {
		return SQLITE_NOMEM;
	}
	const int code = sqlite3_bind_text(statement, index, text, -1, SQLITE_TRANSIENT);
	free(text);
	return code;
}

static int bind(sqlite3_stmt *statement, const char *types, va_list values)
{
	int code = SQLITE_OK;
	for (int i = 0; types[i] && code == SQLITE_OK; i++) {
		switch (types[i]) {
		case 's':
			code = sqlite3_bind_text(statement, i + 1, va_arg(values, const char *), -1,
					SQLITE_TRANSIENT);
			break;
		case 'i':
			code = sqlite3_bind_int64(statement, i + 1, va_arg(values, int64_t));
			break;
		case 'd':
			code = sqlite3_bind_double(statement, i + 1, va_arg(values, double));
			break;
		case 'j':
			code = bind_json(statement, i + 1, va_arg(values, const cJSON *));
			break;
		default: {
			const void *bytes = va_arg(values, const void *);
			const size_t len = va_arg(values, size_t);
			code = sqlite3_bind_blob64(statement, i + 1, bytes, len, SQLITE_TRANSIENT);
		}
		}
	}
	return code;
}

static bool ends_with(const char *name, const char *end, char *start, size_t size)
{
	const size_t len = strlen(name), end_len = strlen(end);
	if (len <= end_len || strcmp(name + len - end_len, end) != 0) {
		return false;
	}
	snprintf(start, size, "%.*s", (int)(len - end_len), name);
	return true;
}

static cJSON *hex_of(const unsigned char *bytes, int len)
{
	char *text = calloc(1, 2 * (size_t)len + 1);
	for (int i = 0; text && i < len; i++) {
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	}
	cJSON *json = text ? cJSON_CreateString(text) : NULL;
	free(text);
	return json;
}

static void add_column(cJSON *row, sqlite3_stmt *statement, int i)
{
	char name[64];
	const char *text = NULL;
	const char *column = sqlite3_column_name(statement, i);
	switch (sqlite3_column_type(statement, i)) {
	case SQLITE_INTEGER:
	case SQLITE_FLOAT:
		if (ends_with(column, "_bool", name, sizeof(name))) {
			cJSON_AddBoolToObject(row, name, sqlite3_column_int(statement, i));
		} else {
			cJSON_AddNumberToObject(row, column, sqlite3_column_double(statement, i));
		}
		break;
	case SQLITE_TEXT:
		text = (const char *)sqlite3_column_text(statement, i);
		if (ends_with(column, "_json", name, sizeof(name))) {
			cJSON_AddItemToObject(row, name, cJSON_Parse(text));
		} else {
			cJSON_AddStringToObject(row, column, text);
		}
		break;
	case SQLITE_BLOB:
		cJSON_AddItemToObject(row, column,
				hex_of(sqlite3_column_blob(statement, i),
						sqlite3_column_bytes(statement, i)));
		break;
	default:
		if (!ends_with(column, "_json", name, sizeof(name))) {
			snprintf(name, sizeof(name), "%s", column);
		}
		cJSON_AddNullToObject(row, name);
	}
}

static int take_rows(sqlite3_stmt *statement, cJSON *rows)
{
	int code = SQLITE_ROW;
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		cJSON *row = rows ? cJSON_CreateObject() : NULL;
		for (int i = 0; row && i < sqlite3_column_count(statement); i++) {
			add_column(row, statement, i);
		}
		cJSON_AddItemToArray(rows, row);
	}
	return code;
}

/* --- statements --- */

static enum cua_status run_locked(struct store *store, cJSON **ret_rows, struct cua_error *err,
		const char *sql, const char *types, va_list values)
{
	sqlite3_stmt *statement = NULL;
	CUA_AUTO_JSON cJSON *rows = ret_rows ? cJSON_CreateArray() : NULL;
	if (ret_rows && !rows) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "rows");
	}
	int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
	if (code == SQLITE_OK) {
		code = bind(statement, types, values);
	}
	if (code == SQLITE_OK) {
		code = take_rows(statement, rows);
	}
	const enum cua_status status = code == SQLITE_DONE ? CUA_OK : fail(store, code, err);
	const bool writes = statement && !sqlite3_stmt_readonly(statement);
	sqlite3_finalize(statement);
	if (status == CUA_OK && writes) {
		store->trouble[0] = '\0';
	}
	if (status == CUA_OK && ret_rows) {
		*ret_rows = CUA_STEAL(rows);
	}
	return status;
}

enum cua_status store_run(struct store *store, cJSON **ret_rows, struct cua_error *err,
		const char *sql, const char *types, ...)
{
	va_list values;
	va_start(values, types);
	pthread_mutex_lock(&store->mutex);
	const enum cua_status status = run_locked(store, ret_rows, err, sql, types, values);
	pthread_mutex_unlock(&store->mutex);
	va_end(values);
	return status;
}

enum cua_status store_get(struct store *store, cJSON **ret_row, struct cua_error *err,
		const char *what, const char *sql, const char *types, ...)
{
	CUA_AUTO_JSON cJSON *rows = NULL;
	va_list values;
	va_start(values, types);
	pthread_mutex_lock(&store->mutex);
	const enum cua_status status = run_locked(store, &rows, err, sql, types, values);
	pthread_mutex_unlock(&store->mutex);
	va_end(values);
	if (status != CUA_OK) {
		return status;
	}
	cJSON *row = cJSON_DetachItemFromArray(rows, 0);
	if (!row) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "%s", what);
	}
	*ret_row = row;
	return CUA_OK;
}

int store_changes(struct store *store)
{
	return sqlite3_changes(store->db);
}

void store_trouble(struct store *store, char *text, size_t size)
{
	pthread_mutex_lock(&store->mutex);
	snprintf(text, size, "%s", store->trouble);
	pthread_mutex_unlock(&store->mutex);
}

/* --- transactions --- */

enum cua_status store_begin(struct store *store, struct cua_error *err)
{
	pthread_mutex_lock(&store->mutex);
	enum cua_status status = store_run(store, NULL, err, "BEGIN IMMEDIATE", "");
	if (status != CUA_OK) {
		pthread_mutex_unlock(&store->mutex);
	}
	return status;
}

void store_rollback(struct store *store)
{
	if (!sqlite3_get_autocommit(store->db)) {
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	}
	pthread_mutex_unlock(&store->mutex);
}

enum cua_status store_commit(struct store *store, struct cua_error *err)
{
	enum cua_status status = store_run(store, NULL, err, "COMMIT", "");
	if (status != CUA_OK) {
		store_rollback(store);
		return status;
	}
	pthread_mutex_unlock(&store->mutex);
	return CUA_OK;
}

/* --- opening --- */

static enum cua_status execute(struct store *store, const char *sql, struct cua_error *err)
{
	const int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? CUA_OK : fail(store, code, err);
}

/* Each step in a transaction of its own, with the number that says it was taken. */
static enum cua_status migrate(struct store *store, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *row = NULL;
	enum cua_status status =
			store_get(store, &row, err, "user_version", "PRAGMA user_version", "");
	const int version = row && row->child ? row->child->valueint : 0;
	if (status == CUA_OK && version > (int)CUA_ARRAY_LEN(store_schema)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"the server's store was made by a newer version of cua (%d); this "
				"one "
				"knows %zu",
				version, CUA_ARRAY_LEN(store_schema));
	}
	for (int i = version; status == CUA_OK && i < (int)CUA_ARRAY_LEN(store_schema); i++) {
		char set[64];
		snprintf(set, sizeof(set), "PRAGMA user_version = %d", i + 1);
		status = store_begin(store, err);
		if (status != CUA_OK) {
			break;
		}
		status = execute(store, store_schema[i], err);
		if (status == CUA_OK) {
			status = execute(store, set, err);
		}
		if (status != CUA_OK) {
			store_rollback(store);
			break;
		}
		status = store_commit(store, err);
	}
	return status;
}

/* With what was opened before closed. */
static enum cua_status open_db(struct store *store, struct cua_error *err)
{
	struct stat info;
	/* Hashes of tokens and words of people are in it and in the files that SQLite puts beside.
	 */
	const mode_t old = umask(0077);
	const int code = sqlite3_open_v2(store->path, &store->db,
			store->mode | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_NOFOLLOW |
					SQLITE_OPEN_EXRESCODE,
			NULL);
	enum cua_status status = code == SQLITE_OK ? CUA_OK : fail(store, code, err);
	sqlite3_busy_timeout(store->db, BUSY_MS);
	if (status == CUA_OK && store->mode & SQLITE_OPEN_CREATE) {
		status = execute(store,
				"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
				"PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF",
				err);
		status = status == CUA_OK ? migrate(store, err) : status;
	}
	umask(old);
	if (status == CUA_OK && stat(store->path, &info) == 0) {
		store->device = info.st_dev;
		store->inode = info.st_ino;
	}
	return status;
}

static enum cua_status open_file(
		const char *path, int mode, struct store **ret_store, struct cua_error *err)
{
	struct store *store = calloc(1, sizeof(*store));
	pthread_mutexattr_t recursive;
	if (!store) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "store");
	}
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&store->mutex, &recursive);
	pthread_mutexattr_destroy(&recursive);
	snprintf(store->path, sizeof(store->path), "%s", path);
	store->mode = mode;
	const enum cua_status status = open_db(store, err);
	if (status != CUA_OK) {
		cua_error_prefix(err, "%s", path);
		store_close(store);
		return status;
	}
	*ret_store = store;
	return CUA_OK;
}

enum cua_status store_open(const char *path, struct store **ret_store, struct cua_error *err)
{
	return open_file(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, ret_store, err);
}

enum cua_status store_open_reader(const char *path, struct store **ret_store, struct cua_error *err)
{
	return open_file(path, SQLITE_OPEN_READONLY, ret_store, err);
}

/* --- a file that was lost --- */

/* The old write-ahead log beside it is of the old file: it must be gone before the new one has its
 * name. Until then a process that is killed has lost nothing but the file that was lost. */
static enum cua_status put_back(struct store *store, struct store *reader, struct cua_error *err)
{
	static const char *const beside[] = { "-wal", "-shm" };
	char copy[sizeof(store->path) + 8], path[sizeof(store->path) + 8];
	snprintf(copy, sizeof(copy), "%s.new", store->path);
	unlink(copy);
	enum cua_status status = store_run(store, NULL, err, "VACUUM INTO ?", "s", copy);
	if (status != CUA_OK) {
		unlink(copy);
		return status;
	}
	sqlite3_close(reader->db);
	sqlite3_close(store->db);
	for (size_t i = 0; i < CUA_ARRAY_LEN(beside); i++) {
		snprintf(path, sizeof(path), "%s%s", store->path, beside[i]);
		unlink(path);
	}
	status = chmod(copy, 0600) == 0 && rename(copy, store->path) == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_IO, errno, "%s", store->path);
	const enum cua_status opened = open_db(store, err);
	const enum cua_status reads = open_db(reader, err);
	return status != CUA_OK ? status : opened != CUA_OK ? opened : reads;
}

enum cua_status store_heal(struct store *store, struct store *reader, struct cua_error *err)
{
	struct stat info;
	enum cua_status status = CUA_OK;
	pthread_mutex_lock(&store->mutex);
	pthread_mutex_lock(&reader->mutex);
	if (stat(store->path, &info) != 0) {
		status = errno == ENOENT ? put_back(store, reader, err)
					 : CUA_FAIL(err, CUA_ERR_IO, errno, "%s", store->path);
	} else if (info.st_dev != store->device || info.st_ino != store->inode) {
		status = CUA_FAIL(err, CUA_ERR_EXISTS, 0,
				"another file is in the place of %s: move it away, and what is "
				"known here is written there again",
				store->path);
	}
	pthread_mutex_unlock(&reader->mutex);
	pthread_mutex_unlock(&store->mutex);
	return status;
}

void store_close(struct store *store)
{
	if (store) {
		sqlite3_close(store->db);
		pthread_mutex_destroy(&store->mutex);
		free(store);
	}
}

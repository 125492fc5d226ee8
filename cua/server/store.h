#ifndef CUA_SERVER_STORE_H
#define CUA_SERVER_STORE_H

/* What the server keeps, in SQLite: WAL and synchronous=FULL, so that what was committed is there
 * after a crash and after a power loss. Any thread may call. */

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"

struct store;

/* The file is made, or brought up to date. CUA_ERR_INVAL if a newer version of cua made it. */
CUA_NODISCARD enum cua_status store_open(
		const char *path, struct store **ret_store, struct cua_error *err);
/* The same for who only reads and must not wait for those who write: a change is CUA_ERR_IO. */
CUA_NODISCARD enum cua_status store_open_reader(
		const char *path, struct store **ret_store, struct cua_error *err);
void store_close(struct store *store);

/**
 * store_run() - one statement.
 * @types: of the parameters that follow: 's' text, 'i' int64_t, 'd' double, 'b' bytes and their
 *         size_t, 'j' const cJSON *, as text. NULL text and JSON are NULL.
 * @ret_rows: what it gives, an array of objects by the names of its columns, the caller's; NULL:
 *            nothing is wanted. A column NAME_json is parsed, and called NAME. A column IS_bool
 *            is true or false, and called IS.
 *
 * Return: CUA_OK; CUA_ERR_EXISTS if a row of that key is there; CUA_ERR_IO, also for a full disk;
 *         CUA_ERR_NOMEM.
 */
CUA_NODISCARD enum cua_status store_run(struct store *store, cJSON **ret_rows,
		struct cua_error *err, const char *sql, const char *types, ...);
/* The first row alone; CUA_ERR_NOT_FOUND with what, "no such token", if there is none. */
CUA_NODISCARD enum cua_status store_get(struct store *store, cJSON **ret_row, struct cua_error *err,
		const char *what, const char *sql, const char *types, ...);
/* How many rows the last store_run() of this thread's transaction has changed. */
int store_changes(struct store *store);

/* Until the end others wait. Nothing is kept unless store_commit() says CUA_OK. */
CUA_NODISCARD enum cua_status store_begin(struct store *store, struct cua_error *err);
CUA_NODISCARD enum cua_status store_commit(struct store *store, struct cua_error *err);
/* After store_begin(); after a commit that failed it has happened. */
void store_rollback(struct store *store);

/**
 * store_heal() - the file is looked at: is it there, and ours?
 * @reader: of the same file.
 *
 * One that was deleted is written anew with all that is in it; nothing is lost as long as this
 * process lives.
 *
 * Return: CUA_OK; CUA_ERR_EXISTS if another file is in its place, which is left alone; CUA_ERR_IO.
 */
CUA_NODISCARD enum cua_status store_heal(
		struct store *store, struct store *reader, struct cua_error *err);

/* Of the last statements: why one failed; "" if it works. */
void store_trouble(struct store *store, char *text, size_t size);

int64_t store_now_ms(void); /* since 1970 */

#endif

/* What the server keeps: rows, transactions, tokens, and how often one may ask. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/busy.h"
#include "cua/server/limiter.h"
#include "cua/server/tokens.h"

struct fixture {
	char dir[64], path[96];
	struct store *store;
};

static int open_fixture(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	assert_non_null(fixture);
	snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/cua-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	snprintf(fixture->path, sizeof(fixture->path), "%s/server.db", fixture->dir);
	assert_true(sodium_init() >= 0);
	assert_int_equal(store_open(fixture->path, &fixture->store, NULL), CUA_OK);
	*state = fixture;
	return 0;
}

static int close_fixture(void **state)
{
	struct fixture *fixture = *state;
	store_close(fixture->store);
	assert_int_equal(cua_remove_tree(fixture->dir, NULL), CUA_OK);
	free(fixture);
	return 0;
}

static int project_count(struct store *store)
{
	CUA_AUTO_JSON cJSON *row = NULL;
	assert_int_equal(store_get(store, &row, NULL, "none", "SELECT count(*) AS n FROM projects",
					 ""),
			CUA_OK);
	return cua_json_int(row, "n");
}

static enum cua_status add_project(struct store *store, const char *id)
{
	CUA_AUTO_JSON cJSON *defaults = cJSON_Parse("{\"dpi\":96}");
	return store_run(store, NULL, NULL,
			"INSERT INTO projects (id, name, defaults_json, created_ms, changed_ms) "
			"VALUES "
			"(?1, ?1, ?2, ?3, ?3)",
			"sji", id, defaults, (int64_t)1795360022810);
}

static void rows_are_objects(void **state)
{
	struct fixture *fixture = *state;
	struct stat info;
	CUA_AUTO_JSON cJSON *row = NULL;
	assert_int_equal(add_project(fixture->store, "o'ne"), CUA_OK);
	assert_int_equal(add_project(fixture->store, "o'ne"), CUA_ERR_EXISTS);
	assert_int_equal(store_get(fixture->store, &row, NULL, "none",
					 "SELECT *, 1 AS good_bool, NULL AS absent FROM projects "
					 "WHERE "
					 "id = ?",
					 "s", "o'ne"),
			CUA_OK);
	assert_int_equal(cua_json_int(cua_json_member(row, "defaults"), "dpi"), 96);
	assert_true(cua_json_number(row, "created_ms") == 1795360022810.0);
	assert_true(cJSON_IsTrue(cua_json_member(row, "good")));
	assert_true(cJSON_IsNull(cua_json_member(row, "absent")));
	assert_int_equal(stat(fixture->path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
}

static void a_transaction_is_all_or_nothing(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(store_begin(fixture->store, NULL), CUA_OK);
	assert_int_equal(add_project(fixture->store, "a"), CUA_OK);
	store_rollback(fixture->store);
	assert_int_equal(project_count(fixture->store), 0);
	assert_int_equal(store_begin(fixture->store, NULL), CUA_OK);
	assert_int_equal(add_project(fixture->store, "a"), CUA_OK);
	assert_int_equal(store_commit(fixture->store, NULL), CUA_OK);
	store_close(fixture->store);
	assert_int_equal(store_open(fixture->path, &fixture->store, NULL), CUA_OK);
	assert_int_equal(project_count(fixture->store), 1);
}

static void a_newer_store_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	struct store *other = NULL;
	struct cua_error why = { 0 };
	assert_int_equal(store_run(fixture->store, NULL, NULL, "PRAGMA user_version = 99", ""),
			CUA_OK);
	assert_int_equal(store_open(fixture->path, &other, &why), CUA_ERR_INVAL);
	assert_non_null(strstr(why.msg, "newer version"));
}

static void a_token_is_what_was_told_once(void **state)
{
	struct fixture *fixture = *state;
	const struct token_wish wish = {
		.kind = TOKEN_API, .name = "ci", .scopes = SCOPE_WATCH | SCOPE_ACT
	};
	char id[TOKEN_ID_SIZE], token[TOKEN_SIZE], other[TOKEN_SIZE];
	struct caller caller;
	assert_int_equal(token_create(fixture->store, &wish, id, token, NULL, NULL), CUA_OK);
	assert_int_equal(token_check(fixture->store, token, TOKEN_API, &caller, NULL), CUA_OK);
	assert_string_equal(caller.name, "ci");
	assert_int_equal(caller.scopes, SCOPE_WATCH | SCOPE_ACT);
	/* Another kind, and every character of it. */
	assert_int_equal(token_check(fixture->store, token, TOKEN_SESSION, &caller, NULL),
			CUA_ERR_NOT_FOUND);
	for (size_t i = 0; token[i]; i++) {
		memcpy(other, token, sizeof(other));
		other[i] = other[i] == 'a' ? 'b' : 'a';
		assert_int_equal(token_check(fixture->store, other, TOKEN_API, &caller, NULL),
				CUA_ERR_NOT_FOUND);
	}
	static const char *const wrong[] = { "", "cua_", "cua_000000000000_", "cua_' OR 1=1 --_x",
		"Bearer" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(wrong); i++) {
		assert_int_equal(token_check(fixture->store, wrong[i], TOKEN_API, &caller, NULL),
				CUA_ERR_NOT_FOUND);
	}
	assert_int_equal(token_revoke(fixture->store, id, NULL), CUA_OK);
	assert_int_equal(token_revoke(fixture->store, id, NULL), CUA_ERR_NOT_FOUND);
	assert_int_equal(token_check(fixture->store, token, TOKEN_API, &caller, NULL),
			CUA_ERR_NOT_FOUND);
}

static void a_token_ends_with_its_time(void **state)
{
	struct fixture *fixture = *state;
	const struct token_wish wish = { TOKEN_LOGIN, "login", SCOPES_ALL, 60000, NULL };
	char id[TOKEN_ID_SIZE], token[TOKEN_SIZE];
	struct caller caller;
	assert_int_equal(token_create(fixture->store, &wish, id, token, NULL, NULL), CUA_OK);
	assert_int_equal(token_use_login(fixture->store, token, &caller, NULL), CUA_OK);
	assert_int_equal(token_use_login(fixture->store, token, &caller, NULL), CUA_ERR_NOT_FOUND);
	assert_int_equal(token_create(fixture->store, &wish, id, token, NULL, NULL), CUA_OK);
	assert_int_equal(store_run(fixture->store, NULL, NULL,
					 "UPDATE tokens SET expires_ms = ? WHERE id = ?", "is",
					 store_now_ms() - 1, id),
			CUA_OK);
	assert_int_equal(token_use_login(fixture->store, token, &caller, NULL), CUA_ERR_NOT_FOUND);
}

static void the_file_has_no_token(void **state)
{
	struct fixture *fixture = *state;
	const struct token_wish wish = { .kind = TOKEN_API, .name = "ci", .scopes = SCOPE_WATCH };
	char id[TOKEN_ID_SIZE], token[TOKEN_SIZE], path[128];
	assert_int_equal(token_create(fixture->store, &wish, id, token, NULL, NULL), CUA_OK);
	static const char *const ends[] = { "", "-wal" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(ends); i++) {
		snprintf(path, sizeof(path), "%s%s", fixture->path, ends[i]);
		FILE *file = fopen(path, "re");
		assert_non_null(file);
		CUA_AUTO_FREE char *bytes = calloc(1, 1 << 20);
		const size_t len = fread(bytes, 1, 1 << 20, file);
		fclose(file);
		assert_true(len > 0);
		assert_null(memmem(bytes, len, strrchr(token, '_'), 20));
	}
}

static void scopes_are_words(void **state)
{
	unsigned int scopes = 0;
	struct cua_error why = { 0 };
	(void)state;
	assert_int_equal(scopes_parse("watch,approve", &scopes, NULL), CUA_OK);
	assert_int_equal(scopes, SCOPE_WATCH | SCOPE_APPROVE);
	assert_int_equal(scopes_parse("admin", &scopes, NULL), CUA_OK);
	assert_int_equal(scopes, SCOPES_ALL);
	static const char *const wrong[] = { "", "watch,", "all", "watch, act" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(wrong); i++) {
		assert_int_equal(scopes_parse(wrong[i], &scopes, &why), CUA_ERR_INVAL);
	}
}

static void guesses_get_slower(void **state)
{
	struct limiter *limiter = limiter_create();
	int left = 0, wait_s = 0, taken = 0;
	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(limiter_penalty_s(limiter, "192.0.2.1"), 0);
		limiter_note_failure(limiter, "192.0.2.1");
	}
	assert_true(limiter_penalty_s(limiter, "192.0.2.1") > 0);
	assert_int_equal(limiter_penalty_s(limiter, "192.0.2.2"), 0);
	for (int i = 0; i < 100000; i++) {
		limiter_note_failure(limiter, "192.0.2.1");
	}
	assert_true(limiter_penalty_s(limiter, "192.0.2.1") > 200);
	while (taken < 100000 && limiter_take(limiter, "a", &left, &wait_s)) {
		taken++;
	}
	assert_in_range(taken, LIMITER_BURST, 10 * LIMITER_BURST);
	assert_int_equal(wait_s, 1);
	assert_true(limiter_take(limiter, "b", &left, &wait_s));
	limiter_destroy(limiter);
}

static int enter(struct busy *busy, const char *id, unsigned int scopes)
{
	struct caller caller = { .scopes = scopes };
	snprintf(caller.id, sizeof(caller.id), "%s", id);
	return busy_enter(busy, &caller);
}

static void no_token_takes_all_threads(void **state)
{
	struct busy busy;
	int first = 0;
	(void)state;
	busy_init(&busy);
	for (int i = 0; i < BUSY_PER_TOKEN; i++) {
		first = enter(&busy, "a", SCOPE_ACT);
		assert_true(first > 0);
	}
	assert_int_equal(enter(&busy, "a", SCOPE_ACT), 0);
	for (int i = BUSY_PER_TOKEN; i < BUSY_ALL; i++) {
		assert_true(enter(&busy, "b", SCOPE_ACT) > 0);
	}
	assert_int_equal(enter(&busy, "b", SCOPE_ACT), 0);
	assert_true(enter(&busy, "c", SCOPES_ALL) > 0);
	busy_leave(&busy, first);
	busy_leave(&busy, 0);
	assert_int_equal(enter(&busy, "b", SCOPE_ACT), 0); /* the admin has it now */
	busy_finish(&busy);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(rows_are_objects),
		WITH_STORE(a_transaction_is_all_or_nothing),
		WITH_STORE(a_newer_store_is_left_alone),
		WITH_STORE(a_token_is_what_was_told_once),
		WITH_STORE(a_token_ends_with_its_time),
		WITH_STORE(the_file_has_no_token),
		cmocka_unit_test(scopes_are_words),
		cmocka_unit_test(guesses_get_slower),
		cmocka_unit_test(no_token_takes_all_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

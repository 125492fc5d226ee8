/* Tickets: good once, soon, for one thing, from one address, while their token is. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "cua/server/tickets.h"

static char dir[64];
static struct store *store;
static struct tickets *tickets;
static struct ticket_grant grant = { .kind = "terminal", .subject = "hand", .columns = 80 };

static int begin(void **state)
{
	const struct token_wish wish = { .kind = TOKEN_API, .name = "test", .scopes = SCOPES_ALL };
	char path[96], token[TOKEN_SIZE];
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/cua-test-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/server.db", dir);
	return sodium_init() < 0 || store_open(path, &store, NULL) != CUA_OK ||
			token_create(store, &wish, grant.caller.id, token, NULL, NULL) != CUA_OK ||
			!(tickets = tickets_create(store, TICKET_LASTS_MS));
}

static int finish(void **state)
{
	(void)state;
	tickets_destroy(tickets);
	store_close(store);
	return cua_remove_tree(dir, NULL) != CUA_OK;
}

static void make(char ticket[TICKET_SIZE])
{
	int64_t expires_ms = 0;
	assert_int_equal(tickets_make(tickets, &grant, "127.0.0.1", ticket, &expires_ms, NULL),
			CUA_OK);
	assert_true(expires_ms > store_now_ms());
}

static enum cua_status use(
		const char *ticket, const char *kind, const char *subject, const char *peer)
{
	struct ticket_grant found;
	struct cua_error error = { 0 };
	enum cua_status status = tickets_use(tickets, ticket, kind, subject, peer, &found, &error);
	if (status == CUA_OK) {
		assert_memory_equal(&found, &grant, sizeof(found));
	}
	return status;
}

static void a_ticket_is_good_once(void **state)
{
	char ticket[TICKET_SIZE];
	(void)state;
	make(ticket);
	assert_int_equal(use(ticket, "terminal", "hand", "127.0.0.1"), CUA_OK);
	assert_int_equal(use(ticket, "terminal", "hand", "127.0.0.1"), CUA_ERR_NOT_FOUND);
}

/* And a wrong use uses it up. */
static void a_ticket_is_for_one_thing_from_one_address(void **state)
{
	static const char *const uses[][3] = { { "rfb", "hand", "127.0.0.1" },
		{ "terminal", "other", "127.0.0.1" }, { "terminal", "hand", "127.0.0.2" } };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(uses); i++) {
		char ticket[TICKET_SIZE];
		make(ticket);
		assert_int_equal(
				use(ticket, uses[i][0], uses[i][1], uses[i][2]), CUA_ERR_NOT_FOUND);
		assert_int_equal(use(ticket, "terminal", "hand", "127.0.0.1"), CUA_ERR_NOT_FOUND);
	}
	assert_int_equal(use("", "terminal", "hand", "127.0.0.1"), CUA_ERR_NOT_FOUND);
}

static void a_ticket_is_soon_over(void **state)
{
	struct tickets *over = tickets_create(store, 0);
	struct ticket_grant found;
	char ticket[TICKET_SIZE];
	int64_t expires_ms = 0;
	(void)state;
	assert_int_equal(tickets_make(over, &grant, "", ticket, &expires_ms, NULL), CUA_OK);
	assert_int_equal(tickets_use(over, ticket, "terminal", "hand", "", &found, NULL),
			CUA_ERR_NOT_FOUND);
	tickets_destroy(over);
}

/* No token keeps others from theirs. */
static void a_token_has_so_many_at_once(void **state)
{
	char ticket[TICKET_SIZE];
	int64_t expires_ms = 0;
	struct ticket_grant other = grant;
	enum cua_status status = CUA_OK;
	int made = 0;
	(void)state;
	snprintf(other.caller.id, sizeof(other.caller.id), "other");
	for (; status == CUA_OK; made++) {
		status = tickets_make(tickets, &other, "", ticket, &expires_ms, NULL);
		assert_in_range(made, 0, 1000);
	}
	assert_int_equal(status, CUA_ERR_UNAVAILABLE);
	make(ticket);
	assert_int_equal(use(ticket, "terminal", "hand", "127.0.0.1"), CUA_OK);
}

static void who_lost_the_token_has_no_ticket(void **state)
{
	char ticket[TICKET_SIZE];
	(void)state;
	make(ticket);
	assert_int_equal(token_revoke(store, grant.caller.id, NULL), CUA_OK);
	assert_int_equal(use(ticket, "terminal", "hand", "127.0.0.1"), CUA_ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ticket_is_good_once),
		cmocka_unit_test(a_ticket_is_for_one_thing_from_one_address),
		cmocka_unit_test(a_ticket_is_soon_over),
		cmocka_unit_test(a_token_has_so_many_at_once),
		cmocka_unit_test(who_lost_the_token_has_no_ticket),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}

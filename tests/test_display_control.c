/* Who has a desktop: the state machine alone, with times of our own. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "display/control.h"

#define SECONDS(n) ((uint64_t)(n)*1000000U)
#define START SECONDS(1000)

static struct control_person person(const char *id)
{
	struct control_person person = { .name = "" };
	snprintf(person.id, sizeof(person.id), "%s", id);
	snprintf(person.name, sizeof(person.name), "%s's name", id);
	return person;
}

static const struct control_order take_open = { .what = CONTROL_TAKE };
static const struct control_order take_private = { .what = CONTROL_TAKE, .is_private = true };
static const struct control_order ask = { .what = CONTROL_REQUEST };
static const struct control_order give = { .what = CONTROL_GIVE };
static const struct control_order force = { .what = CONTROL_GIVE, .is_forced = true };

static enum cua_status order(struct control *control, const char *id, struct control_order order,
		uint64_t now_us, enum control_change *ret_change)
{
	struct cua_error error = { 0 };
	order.person = person(id);
	return control_order(control, &order, now_us, ret_change, &error);
}

static void expect(struct control *control, const char *id, struct control_order asked,
		uint64_t now_us, enum control_change expected)
{
	enum control_change change = CONTROL_SAME;
	assert_int_equal(order(control, id, asked, now_us, &change), CUA_OK);
	assert_int_equal(change, expected);
}

static void expect_refused(struct control *control, const char *id, struct control_order asked,
		uint64_t now_us, enum cua_status status)
{
	const struct control before = *control;
	enum control_change change = CONTROL_SAME;
	assert_int_equal(order(control, id, asked, now_us, &change), status);
	assert_memory_equal(control, &before, sizeof(before));
}

static bool has(const struct control *control, const char *id)
{
	const struct control_person who = person(id);
	return control_is_of(control, &who);
}

static void one_owner_at_a_time(void **state)
{
	(void)state;
	struct control control;
	control_init(&control, START);
	expect(&control, "ann", take_open, START, CONTROL_TAKEN);
	assert_true(has(&control, "ann"));
	assert_false(control.is_private);
	expect_refused(&control, "ben", take_open, START, CUA_ERR_EXISTS);
	expect_refused(&control, "ben", take_private, START, CUA_ERR_EXISTS);
	expect_refused(&control, "ben", give, START, CUA_ERR_EXISTS);
	expect(&control, "ann", give, START, CONTROL_GIVEN);
	assert_false(control.is_person);
	expect(&control, "ben", take_private, START, CONTROL_TAKEN);
	assert_true(control.is_private);
}

static void what_is_asked_twice_is_done_once(void **state)
{
	(void)state;
	struct control control;
	control_init(&control, START);
	expect(&control, "ann", give, START, CONTROL_SAME);
	expect(&control, "ann", take_open, START, CONTROL_TAKEN);
	const uint64_t since_us = control.since_us;
	expect(&control, "ann", take_open, START + SECONDS(9), CONTROL_TOLD);
	assert_int_equal(control.since_us, since_us);
	assert_int_equal(control_expires_us(&control),
			START + SECONDS(9) + SECONDS(CONTROL_IDLE_DEFAULT_S));
	expect(&control, "ann", ask, START, CONTROL_SAME);
	expect(&control, "ben", ask, START, CONTROL_TOLD);
	expect(&control, "ben", ask, START, CONTROL_SAME);
	assert_int_equal(control.request_count, 1);
	expect(&control, "ben", give, START, CONTROL_TOLD);
	assert_int_equal(control.request_count, 0);
	expect(&control, "ann", give, START, CONTROL_GIVEN);
	expect(&control, "ann", give, START, CONTROL_SAME);
}

static void the_mode_is_the_owners_to_change(void **state)
{
	(void)state;
	struct control control;
	control_init(&control, START);
	expect(&control, "ann", take_open, START, CONTROL_TAKEN);
	expect(&control, "ann", take_private, START, CONTROL_TOLD);
	assert_true(control.is_private);
	expect(&control, "ann", take_open, START, CONTROL_TOLD);
	assert_false(control.is_private);
	assert_true(control.was_private); /* the model is told so */
}

static void who_waits_is_next_in_order(void **state)
{
	(void)state;
	struct control control;
	control_init(&control, START);
	struct control_order private_request = ask;
	private_request.is_private = true;
	expect(&control, "ann", ask, START, CONTROL_TAKEN); /* the agent never keeps it */
	expect(&control, "ben", ask, START, CONTROL_TOLD);
	expect(&control, "eve", private_request, START, CONTROL_TOLD);
	CUA_AUTO_JSON cJSON *told = control_describe(&control);
	assert_string_equal(cua_json_text(told, "owner"), "person");
	assert_string_equal(cua_json_text(told, "person"), "ann's name");
	assert_string_equal(cua_json_text(cJSON_GetArrayItem(cua_json_member(told, "requests"), 1),
					    "person"),
			"eve's name");
	expect(&control, "ann", give, START, CONTROL_TAKEN);
	assert_true(has(&control, "ben"));
	assert_false(control.is_private);
	expect(&control, "ann", force, START, CONTROL_TAKEN); /* an admin */
	assert_true(has(&control, "eve"));
	assert_true(control.is_private);
	expect(&control, "eve", give, START, CONTROL_GIVEN);
}

static void not_all_can_wait(void **state)
{
	(void)state;
	struct control control;
	control_init(&control, START);
	char id[8];
	expect(&control, "ann", take_open, START, CONTROL_TAKEN);
	for (int i = 0; i < CONTROL_REQUESTS_MAX; i++) {
		snprintf(id, sizeof(id), "p%d", i);
		expect(&control, id, ask, START, CONTROL_TOLD);
	}
	expect_refused(&control, "late", ask, START, CUA_ERR_TOO_LARGE);
}

static void time_ends_what_nobody_uses(void **state)
{
	(void)state;
	struct control control;
	control_init(&control, START);
	struct control_order brief = take_open;
	brief.idle_s = 10;
	assert_int_equal(control_next_us(&control), UINT64_MAX);
	expect(&control, "ann", brief, START, CONTROL_TAKEN);
	assert_int_equal(control_next_us(&control), START + SECONDS(10));
	assert_int_equal(control_expire(&control, START + SECONDS(9)), CONTROL_SAME);
	control_renew(&control, START + SECONDS(9));
	assert_int_equal(control_expire(&control, START + SECONDS(18)), CONTROL_SAME);
	assert_int_equal(control_expire(&control, START + SECONDS(19)), CONTROL_GIVEN);
	/* A request that nobody repeats, too. */
	expect(&control, "ann", take_open, START, CONTROL_TAKEN);
	expect(&control, "ben", ask, START, CONTROL_TOLD);
	assert_int_equal(control_next_us(&control), START + SECONDS(CONTROL_REQUEST_S));
	assert_int_equal(
			control_expire(&control, START + SECONDS(CONTROL_REQUEST_S)), CONTROL_TOLD);
	assert_int_equal(control.request_count, 0);
	/* And who was given it and does not come. */
	expect(&control, "ben", ask, START + SECONDS(200), CONTROL_TOLD);
	expect(&control, "ann", give, START + SECONDS(200), CONTROL_TAKEN);
	assert_int_equal(control_expire(&control, START + SECONDS(200 + CONTROL_REQUEST_S)),
			CONTROL_GIVEN);
}

static void private_is_over_whatever_is_typed(void **state)
{
	(void)state;
	struct control control;
	control_init(&control, START);
	expect(&control, "ann", take_private, START, CONTROL_TAKEN);
	for (int i = 1; i < CONTROL_PRIVATE_S; i++) {
		control_renew(&control, START + SECONDS(i));
	}
	assert_int_equal(control_expires_us(&control), START + SECONDS(CONTROL_PRIVATE_S));
	expect(&control, "ann", take_private, START + SECONDS(1700), CONTROL_TOLD);
	assert_int_equal(
			control_expire(&control, START + SECONDS(CONTROL_PRIVATE_S)), CONTROL_SAME);
	control_renew(&control, START + SECONDS(1700 + CONTROL_PRIVATE_S - 1));
	assert_int_equal(control_expire(&control, START + SECONDS(1700 + CONTROL_PRIVATE_S)),
			CONTROL_GIVEN);
}

static void who_goes_may_come_back_if_it_was_asked_for(void **state)
{
	(void)state;
	struct control control;
	control_init(&control, START);
	const struct control_person ann = person("ann");
	control_take_by_input(&control, &ann, false, START);
	assert_int_equal(control_viewers(&control, true, START), CONTROL_SAME);
	assert_int_equal(control_viewers(&control, false, START), CONTROL_GIVEN);
	/* By word, and in private in any way. */
	for (int is_private = 0; is_private < 2; is_private++) {
		if (is_private) {
			control_take_by_input(&control, &ann, true, START);
		} else {
			expect(&control, "ann", take_open, START, CONTROL_TAKEN);
			/* From the terminal: there was no viewer to go. */
			assert_int_equal(control_viewers(&control, false, START), CONTROL_SAME);
		}
		assert_int_equal(control_viewers(&control, true, START), CONTROL_SAME);
		assert_int_equal(control_viewers(&control, false, START), CONTROL_TOLD);
		assert_int_equal(control_next_us(&control), START + SECONDS(CONTROL_GONE_S));
		assert_int_equal(control_viewers(&control, true, START + SECONDS(5)), CONTROL_SAME);
		assert_int_equal(control_expire(&control, START + SECONDS(CONTROL_GONE_S)),
				CONTROL_SAME);
		assert_int_equal(control_viewers(&control, false, START + SECONDS(60)),
				CONTROL_TOLD);
		assert_int_equal(control_expire(&control, START + SECONDS(60 + CONTROL_GONE_S)),
				CONTROL_GIVEN);
	}
}

static void the_next_host_knows_who_had_it(void **state)
{
	(void)state;
	struct control control, next;
	control_init(&control, START);
	expect(&control, "ann", take_private, START, CONTROL_TAKEN);
	CUA_AUTO_JSON cJSON *json = control_to_json(&control);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	CUA_AUTO_JSON cJSON *read = cJSON_Parse(text);
	assert_true(control_from_json(read, &next, START + SECONDS(2)));
	assert_true(has(&next, "ann"));
	assert_true(next.is_private);
	assert_int_equal(next.since_us, START);
	assert_true(next.revision > control.revision);
	assert_int_equal(control_next_us(&next), START + SECONDS(2 + CONTROL_GONE_S));
	static const char *const damaged[] = { "null", "[]", "{}", "{\"is_person\":true}",
		"{\"is_person\":1,\"id\":\"a\",\"name\":\"a\"}",
		"{\"is_person\":true,\"id\":\"a\",\"name\":\"a\",\"since_us\":-1}" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(damaged); i++) {
		CUA_AUTO_JSON cJSON *bad = cJSON_Parse(damaged[i]);
		assert_false(control_from_json(bad, &next, START));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_owner_at_a_time),
		cmocka_unit_test(what_is_asked_twice_is_done_once),
		cmocka_unit_test(the_mode_is_the_owners_to_change),
		cmocka_unit_test(who_waits_is_next_in_order),
		cmocka_unit_test(not_all_can_wait),
		cmocka_unit_test(time_ends_what_nobody_uses),
		cmocka_unit_test(private_is_over_whatever_is_typed),
		cmocka_unit_test(who_goes_may_come_back_if_it_was_asked_for),
		cmocka_unit_test(the_next_host_knows_who_had_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What settling goes by besides the screen: who computes, which timers will run, what was late. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "display/habit.h"
#include "display/load.h"

#define DEADLINE_US 10000000U

/* --- late changes --- */

static uint32_t key_of(enum cua_action_type type, const char *name, int windows, const char *class)
{
	struct cua_action action = { .type = type };
	if (name) {
		action.keys.count = 1;
		strcpy(action.keys.names[0], name);
	}
	return habit_key(habit_kind(&action, windows), class);
}

static void kinds_of_input_are_told_apart(void **state)
{
	(void)state;
	const uint32_t key = key_of(CUA_ACTION_KEY, "Escape", 1, "Soffice");
	assert_true(key != 0);
	assert_int_equal(key, key_of(CUA_ACTION_KEY, "Escape", 1, "Soffice"));
	assert_int_not_equal(key, key_of(CUA_ACTION_KEY, "Escape", 2, "Soffice"));
	assert_int_not_equal(key, key_of(CUA_ACTION_KEY, "Return", 1, "Soffice"));
	assert_int_not_equal(key, key_of(CUA_ACTION_HOLD_KEY, "Escape", 1, "Soffice"));
	assert_int_not_equal(key, key_of(CUA_ACTION_KEY, "Escape", 1, "Chromium"));
}

static void late_changes_are_expected_while_they_come(void **state)
{
	(void)state;
	struct habits *habits = habits_create();
	assert_true(habit_is_new(habits, 7));
	assert_int_equal(habit_expected(habits, 7).us, 0);
	habit_note(habits, 7, (struct habit_late){ 300000, 300000 > 0 });
	assert_int_equal(habit_expected(habits, 7).us, 300000);
	habit_note(habits, 7, (struct habit_late){ 340000, 340000 > 0 });
	assert_false(habit_is_new(habits, 7));
	assert_int_equal(habit_expected(habits, 7).us, 340000);
	for (int i = 0; i < 3; i++) {
		habit_note(habits, 7, (struct habit_late){ 0, 0 > 0 });
	}
	assert_int_equal(habit_expected(habits, 7).us, 0);
	habits_destroy(habits);
}

static void one_late_change_among_many_is_chance(void **state)
{
	(void)state;
	struct habits *habits = habits_create();
	for (int i = 0; i < 4; i++) {
		habit_note(habits, 7, (struct habit_late){ 0, 0 > 0 });
	}
	habit_note(habits, 7, (struct habit_late){ 500000, 500000 > 0 });
	assert_int_equal(habit_expected(habits, 7).us, 0);
	habit_note(habits, 7, (struct habit_late){ 400000, 400000 > 0 });
	assert_in_range(habit_expected(habits, 7).us, 400000, 500000);
	habits_destroy(habits);
}

static void no_more_habits_are_kept_than_there_is_room_for(void **state)
{
	(void)state;
	struct habits *habits = habits_create();
	for (uint32_t key = 1; key <= 100000; key++) {
		habit_note(habits, key, (struct habit_late){ 1000, 1000 > 0 });
		habit_note(habits, 1,
				(struct habit_late){
						2000, 2000 > 0 }); /* used again and again: stays */
	}
	assert_false(habit_is_new(habits, 1));
	assert_true(habit_is_new(habits, 2));
	habits_destroy(habits);
}

/* --- processes --- */

/* A child that computes, or sleeps in poll() for so long. */
static pid_t start_child(int poll_ms)
{
	const pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (poll_ms == 0) {
			(void)getppid();
		}
		(void)poll(NULL, 0, poll_ms);
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void sample_until_busy(struct load *load)
{
	const uint64_t deadline_us = cua_now_us() + DEADLINE_US;
	while (load_busy_us(load) == 0 && cua_now_us() < deadline_us) {
		load_sample(load);
		(void)poll(NULL, 0, 10);
	}
}

static void who_computes_is_busy(void **state)
{
	(void)state;
	const pid_t pid = start_child(0);
	struct load *load = load_create(pid);
	load_begin(load);
	sample_until_busy(load);
	assert_true(load_is_known(load));
	assert_true(load_busy_us(load) > 0);
	assert_true(load_is_running(load));
	load_destroy(load);
	end_child(pid);
}

/* A process is begun by the desktop's own, and has its name until it is another program. */
static void who_was_plumbing_computes_under_another_name(void **state)
{
	int said[2];
	char byte;
	(void)state;
	assert_int_equal(pipe(said), 0);
	const pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "cua");
		(void)!write(said[1], "", 1);
		raise(SIGSTOP);
		prctl(PR_SET_NAME, "application");
		for (;;) {
			(void)getppid();
		}
	}
	assert_true(pid > 0);
	assert_int_equal(read(said[0], &byte, 1), 1);
	struct load *load = load_create(pid);
	load_sample(load);
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
	kill(pid, SIGCONT);
	load_begin(load);
	sample_until_busy(load);
	const bool busy = load_busy_us(load) > 0;
	load_destroy(load);
	end_child(pid);
	close(said[0]);
	close(said[1]);
	assert_true(busy);
}

static void who_sleeps_is_not_and_its_timer_is_known(void **state)
{
	(void)state;
	const pid_t pid = start_child(60000);
	struct load *load = load_create(pid);
	struct pollfd none = { .fd = -1 };
	const uint64_t deadline_us = cua_now_us() + DEADLINE_US;
	const uint64_t from_us = cua_now_us() + 50000000U, until_us = cua_now_us() + 70000000U;
	while (load_timer_us(load, from_us, until_us) == 0 && cua_now_us() < deadline_us) {
		load_sample(load);
		(void)poll(&none, 1, 10);
	}
	const bool known = load_timer_us(load, from_us, until_us) > 0;
	const bool early = load_timer_us(load, cua_now_us(), from_us) > 0;
	const bool runs = load_is_running(load);
	const uint64_t look_us = load_look_us(load);
	load_destroy(load);
	end_child(pid);
	assert_true(look_us > 0);
	assert_true(known);
	assert_false(early);
	assert_false(runs);
}

static void what_is_gone_tells_nothing(void **state)
{
	(void)state;
	const pid_t pid = start_child(60000);
	struct load *load = load_create(pid);
	end_child(pid);
	load_begin(load);
	load_sample(load);
	assert_false(load_is_known(load));
	assert_false(load_is_running(load));
	assert_int_equal(load_busy_us(load), 0);
	load_destroy(load);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_of_input_are_told_apart),
		cmocka_unit_test(late_changes_are_expected_while_they_come),
		cmocka_unit_test(one_late_change_among_many_is_chance),
		cmocka_unit_test(no_more_habits_are_kept_than_there_is_room_for),
		cmocka_unit_test(who_computes_is_busy),
		cmocka_unit_test(who_was_plumbing_computes_under_another_name),
		cmocka_unit_test(who_sleeps_is_not_and_its_timer_is_known),
		cmocka_unit_test(what_is_gone_tells_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a shell's pattern of file names may mean. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "agent/policy/glob.h"
#include "cua/base/util.h"

static void what_could_be_meant_is_seen(void **state)
{
	(void)state;
	static const struct {
		const char *path, *pattern;
		bool may_mean;
	} rows[] = {
		{ "/h/.ss?/id_rs?", "*/.ssh/*", true },
		{ "/h/.ss?", "*/.ssh", true },
		{ "/h/.*", "*/.ssh", true },
		{ "/h/.??h/x", "*/.ssh/*", true },
		{ "/h/*ssh", "*/.ssh", false }, /* a * matches no dot at the beginning */
		{ "/h/?ssh", "*/.ssh", false },
		{ "/h/[.]ssh", "*/.ssh", false },
		{ "/h/i[d]_*", "*/id_rsa*", true },
		{ "/h/[!a]d_rsa", "*/id_rsa*", true },
		{ "/h/[!i]d_rsa", "*/id_rsa*", false },
		{ "/h/*_rsa", "*/id_rsa*", true },
		{ "/h/*.pe?", "*.pem", true },
		{ "/h/*", "*.pem", false }, /* it could, and gives no letter of it */
		{ "/h/*.c", "*.pem", false },
		{ "/h/*.py", "*.p12", false },
		{ "/h/i*", "*/id_rsa*", false },        /* one letter is not enough */
		{ "/h/a*/id_rsa", "*/id_rsa*", false }, /* of names without a pattern none counts */
		{ "/etc/shad*", "/etc/shadow*", true },
		{ "/etc/*.conf", "/etc/shadow*", false },
		{ "/proc/*/environ", "/proc/*/environ", false },
		{ "/proc/*/env*", "/proc/*/environ", true },
		{ "/proc/*/status", "/proc/*/environ", false },
		{ "/a/*/c", "/a/b/d/c", false }, /* nor does it go over / */
		{ "/h/x[", "*/x[[]", false },
		{ "/h/**.pem**", "*.pem", true },
		{ "/", "*", false },
		{ "/*", "", false },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		if (agent_glob_may_mean(rows[i].path, rows[i].pattern) != rows[i].may_mean) {
			fail_msg("%s and %s", rows[i].path, rows[i].pattern);
		}
	}
	assert_true(agent_glob_is("a?") && agent_glob_is("[a]") && agent_glob_is("*"));
	assert_false(agent_glob_is("/a/b.c"));
}

static void what_is_too_long_may_mean_anything(void **state)
{
	(void)state;
	static char path[3000];
	memset(path, '*', sizeof(path) - 1);
	assert_true(agent_glob_may_mean(path, "x"));
	path[1000] = '\0'; /* the worst that is looked at takes its time, and not more */
	assert_false(agent_glob_may_mean(path, "x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_could_be_meant_is_seen),
		cmocka_unit_test(what_is_too_long_may_mean_anything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

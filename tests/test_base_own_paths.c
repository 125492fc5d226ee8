/* What cua keeps is told from the rest, also before it is there, and however the way there is
 * spelled. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/own_paths.h"
#include "cua/base/util.h"

static char dir[] = "/tmp/cua-test-own-XXXXXX";

static const char *at(const char *leaf)
{
	static char paths[2][PATH_MAX];
	static int turn;
	turn = !turn;
	snprintf(paths[turn], sizeof(paths[turn]), "%s%s", dir, leaf);
	return paths[turn];
}

static void a_path_leads_where_it_would_be_made(void **state)
{
	(void)state;
	static const struct {
		const char *path, *leads; /* NULL: nowhere */
	} rows[] = { { "/there", "/there" }, { "/there/no/where", "/there/no/where" },
		{ "//there//no/./where/", "/there/no/where" }, { "/no/../there", "/there" },
		{ "/there/../there/no", "/there/no" }, { "/link/no", "/there/no" },
		{ "/dangling", "/there/none" }, { "/dangling/", "/there/none" },
		{ "/dangling/no", "/there/none/no" }, { "/round/no", NULL } };
	assert_int_equal(mkdir(at("/there"), 0700), 0);
	assert_int_equal(symlink("there", at("/link")), 0);
	assert_int_equal(symlink("link/none", at("/dangling")), 0);
	assert_int_equal(symlink("round", at("/round")), 0);
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		char leads[PATH_MAX] = "";
		const enum cua_status status =
				cua_path_resolve(at(rows[i].path), leads, sizeof(leads), NULL);
		assert_int_equal(status, rows[i].leads ? CUA_OK : CUA_ERR_INVAL);
		assert_string_equal(leads, rows[i].leads ? at(rows[i].leads) : "");
	}
}

/* Who writes to the folder could lead the way elsewhere. */
static void a_way_over_a_link_in_a_folder_leads_through_it(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		bool leads;
	} rows[] = { { "/work", true }, { "/work/no/where", true }, { "/works/a", false },
		{ "/outside/a", false }, { "/to-work/a", true }, { "/work/out/a", true },
		{ "/over/a", true }, { "/work/../outside/a", false },
		{ "/outside/../work/a", true }, { "/outside/./../outside/a", false } };
	assert_int_equal(mkdir(at("/work"), 0700), 0);
	assert_int_equal(mkdir(at("/outside"), 0700), 0);
	assert_int_equal(symlink("work", at("/to-work")), 0);
	assert_int_equal(symlink("../outside", at("/work/out")), 0);
	assert_int_equal(symlink("work/out", at("/over")), 0);
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		bool leads = !rows[i].leads;
		assert_int_equal(cua_path_leads_through(
						 at(rows[i].path), at("/to-work/"), &leads, NULL),
				CUA_OK);
		if (leads != rows[i].leads) {
			fail_msg("%s: %d", rows[i].path, leads);
		}
	}
	bool leads = false;
	assert_int_equal(cua_path_leads_through(at("/round/no"), at("/work"), &leads, NULL),
			CUA_ERR_INVAL);
}

static void what_cua_keeps_is_refused_before_it_is_there(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		bool is_taken;
	} rows[] = { { "/home", false }, { "/home/.config", false }, { "/home/.config/cua", false },
		{ "/home/.config/cua/secrets", false }, { "/home/.config/cuaca", true },
		{ "/state", false }, { "/state/desktops", false }, { "/run", false },
		{ "/policies", false }, { "/policies/policy.yaml", false },
		{ "/policies/other.yaml", true }, { "/models", false }, { "/servers", false },
		{ "/templates", false }, { "/templates/mine.yaml", false }, { "/runs/1", false },
		{ "/dotfiles", false }, { "/dotfiles/runs", false }, { "/papers", true } };
	assert_int_equal(mkdir(at("/dotfiles"), 0700), 0);
	assert_int_equal(symlink("dotfiles/runs", at("/runs")), 0);
	setenv("HOME", at("/home"), 1);
	setenv("CUA_STATE_DIR", at("/state"), 1);
	setenv("CUA_RUNTIME_DIR", at("/run"), 1);
	setenv("CUA_POLICY", at("/policies/policy.yaml"), 1);
	setenv("CUA_MODELS", at("/models/models.json"), 1);
	setenv("CUA_MCP_SERVERS", at("/servers/mcpServers.json"), 1);
	setenv("CUA_TEMPLATES", at("/templates"), 1);
	setenv("CUA_RUNS_DIR", at("/runs"), 1);
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct cua_error why = { 0 };
		const enum cua_status status = cua_check_not_own(at(rows[i].path), false, &why);
		if (status != (rows[i].is_taken ? CUA_OK : CUA_ERR_INVAL)) {
			fail_msg("%s: %d %s", rows[i].path, (int)status, why.msg);
		}
		assert_true(rows[i].is_taken || strstr(why.msg, "what cua keeps"));
	}
}

/* They may be read: others lie there. */
static void the_folder_of_the_programs_is_not_to_be_changed(void **state)
{
	(void)state;
	char program[PATH_MAX], folder[PATH_MAX];
	assert_non_null(realpath("/proc/self/exe", program));
	snprintf(folder, sizeof(folder), "%s", program);
	*strrchr(folder, '/') = '\0';
	assert_int_equal(cua_check_not_own(program, true, NULL), CUA_ERR_INVAL);
	assert_int_equal(cua_check_not_own(folder, true, NULL), CUA_ERR_INVAL);
	assert_int_equal(cua_check_not_own(program, false, NULL), CUA_OK);
	assert_int_equal(cua_check_not_own(folder, false, NULL), CUA_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_leads_where_it_would_be_made),
		cmocka_unit_test(a_way_over_a_link_in_a_folder_leads_through_it),
		cmocka_unit_test(what_cua_keeps_is_refused_before_it_is_there),
		cmocka_unit_test(the_folder_of_the_programs_is_not_to_be_changed),
	};
	unsetenv("XDG_CONFIG_HOME");
	if (!mkdtemp(dir)) {
		return 1;
	}
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return cua_remove_tree(dir, NULL) == CUA_OK ? failed : 1;
}

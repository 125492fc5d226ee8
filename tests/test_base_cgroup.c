/* Where groups may be made, on machines of every kind: trees of plain files stand for them. What
 * the kernel does with a group is tested on a desktop, in test_desktop_limits.c. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cua/base/cgroup.h"
#include "cua/base/file.h"

static char root[64];

static int start(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/cua-cgroup-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	return cua_remove_tree(root, NULL) == CUA_OK ? 0 : -1;
}

static const char *path_of(const char *leaf)
{
	static char paths[4][512];
	static int turn;
	turn = (turn + 1) % 4;
	snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", root, leaf);
	return paths[turn];
}

static void put(const char *leaf, const char *text)
{
	assert_int_equal(cua_file_write(path_of(leaf), text, strlen(text), 0644, NULL), CUA_OK);
}

/* A group of version 2; where processes are in it, it passes nothing on. */
static void group_v2(
		const char *dir, const char *controllers, const char *passed_on, bool has_processes)
{
	char leaf[256];
	assert_int_equal(cua_make_dirs(path_of(dir), 0755, NULL), CUA_OK);
	snprintf(leaf, sizeof(leaf), "%s/cgroup.controllers", dir);
	put(leaf, controllers);
	snprintf(leaf, sizeof(leaf), "%s/cgroup.procs", dir);
	put(leaf, "");
	snprintf(leaf, sizeof(leaf), "%s/cgroup.subtree_control", dir);
	if (has_processes) {
		assert_int_equal(mkdir(path_of(leaf), 0755), 0); /* no write succeeds */
	} else {
		put(leaf, passed_on);
	}
}

/* @ in lines is the root of the tree. */
static void mounts(const char *lines, const char *groups)
{
	char text[2048];
	size_t len = 0;
	for (const char *at = lines; *at && len < sizeof(text) - sizeof(root); at++) {
		if (*at == '@') {
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", root);
		} else {
			text[len++] = *at;
		}
	}
	text[len] = '\0';
	put("mountinfo", text);
	put("cgroup", groups);
}

static enum cua_status find(struct cua_cgroup *parent, struct cua_error *err)
{
	return cua_cgroup_find(root, parent, err);
}

static void assert_dir(const struct cua_cgroup *group, enum cua_cgroup_kind kind, const char *leaf)
{
	assert_string_equal(group->dirs[kind], leaf ? path_of(leaf) : "");
}

#define V2_LINE "30 24 0:26 / @/unified rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define OTHER_LINE "24 1 8:1 / / rw - ext4 /dev/sda1 rw,memory\n"

static void version_2_has_its_place_above_where_processes_are(void **state)
{
	(void)state;
	struct cua_cgroup parent;
	group_v2("unified", "cpuset cpu io memory pids", "cpu memory pids", false);
	group_v2("unified/user.slice", "cpu memory pids", "memory pids", false);
	group_v2("unified/user.slice/session.scope", "memory pids", "", true);
	mounts(OTHER_LINE V2_LINE, "0::/user.slice/session.scope\n");
	assert_int_equal(find(&parent, NULL), CUA_OK);
	assert_dir(&parent, CUA_CGROUP_MEMORY, "unified/user.slice");
	assert_dir(&parent, CUA_CGROUP_PIDS, "unified/user.slice");
	/* Not passed on yet, but it can be. */
	assert_dir(&parent, CUA_CGROUP_CPU, "unified/user.slice");
	assert_string_equal(cua_cgroup_version(&parent), "v2");
}

/* As systemd has it for root: a session gets no processor to pass on. */
static void version_2_goes_up_to_where_all_is(void **state)
{
	(void)state;
	struct cua_cgroup parent;
	group_v2("unified", "cpu memory pids", "cpu memory pids", false);
	group_v2("unified/user.slice", "memory pids", "memory pids", false);
	group_v2("unified/user.slice/session.scope", "memory pids", "", true);
	mounts(V2_LINE, "0::/user.slice/session.scope\n");
	assert_int_equal(find(&parent, NULL), CUA_OK);
	assert_dir(&parent, CUA_CGROUP_MEMORY, "unified");
	assert_dir(&parent, CUA_CGROUP_PIDS, "unified");
	assert_dir(&parent, CUA_CGROUP_CPU, "unified");
}

static void version_2_takes_what_was_delegated(void **state)
{
	(void)state;
	struct cua_cgroup parent;
	group_v2("unified", "cpu memory pids", "cpu memory pids", true);
	group_v2("unified/user@1000.service", "memory pids", "memory pids", false);
	group_v2("unified/user@1000.service/app.scope", "memory pids", "", true);
	mounts(V2_LINE, "0::/user@1000.service/app.scope\n");
	assert_int_equal(find(&parent, NULL), CUA_OK);
	assert_dir(&parent, CUA_CGROUP_MEMORY, "unified/user@1000.service");
	assert_dir(&parent, CUA_CGROUP_CPU, NULL);
}

static void a_container_sees_its_own_group_as_the_root(void **state)
{
	(void)state;
	struct cua_cgroup parent;
	group_v2("unified", "memory pids", "memory pids", false);
	mounts("30 24 0:26 /docker/abc @/unified rw - cgroup2 cgroup2 rw\n", "0::/docker/abc\n");
	assert_int_equal(find(&parent, NULL), CUA_OK);
	assert_dir(&parent, CUA_CGROUP_MEMORY, "unified");
	mounts(V2_LINE, "0::/../../elsewhere\n");
	assert_int_equal(find(&parent, NULL), CUA_OK);
	assert_dir(&parent, CUA_CGROUP_MEMORY, "unified");
}

static void version_1_has_a_place_for_each(void **state)
{
	(void)state;
	struct cua_cgroup parent;
	assert_int_equal(cua_make_dirs(path_of("memory/service"), 0755, NULL), CUA_OK);
	assert_int_equal(cua_make_dirs(path_of("pids"), 0755, NULL), CUA_OK);
	assert_int_equal(cua_make_dirs(path_of("cpu,cpuacct"), 0755, NULL), CUA_OK);
	mounts("31 24 0:27 / @/memory rw - cgroup cgroup rw,memory\n"
	       "32 24 0:28 / @/pids rw - cgroup cgroup rw,pids\n"
	       "33 24 0:29 / @/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
	       "34 24 0:30 / @/systemd rw - cgroup cgroup rw,name=systemd\n",
			"4:memory:/service\n3:cpu,cpuacct:/\n2:pids:/\n1:name=systemd:/\n");
	assert_int_equal(find(&parent, NULL), CUA_OK);
	assert_dir(&parent, CUA_CGROUP_MEMORY, "memory/service");
	assert_dir(&parent, CUA_CGROUP_PIDS, "pids");
	assert_dir(&parent, CUA_CGROUP_CPU, "cpu,cpuacct");
	assert_string_equal(cua_cgroup_version(&parent), "v1");
}

static void in_hybrid_mode_each_is_where_it_is(void **state)
{
	(void)state;
	struct cua_cgroup parent;
	group_v2("unified", "hugetlb pids", "", false);
	assert_int_equal(cua_make_dirs(path_of("memory"), 0755, NULL), CUA_OK);
	mounts("30 24 0:26 / @/unified rw - cgroup2 cgroup2 rw\n"
	       "31 24 0:27 / @/memory rw - cgroup cgroup rw,memory\n",
			"4:memory:/\n0::/\n");
	assert_int_equal(find(&parent, NULL), CUA_OK);
	assert_dir(&parent, CUA_CGROUP_MEMORY, "memory");
	assert_dir(&parent, CUA_CGROUP_PIDS, "unified");
	assert_dir(&parent, CUA_CGROUP_CPU, NULL);
	assert_string_equal(cua_cgroup_version(&parent), "v1 and v2");
	const struct cua_cgroup below = cua_cgroup_below(&parent, "cua-1");
	assert_dir(&below, CUA_CGROUP_PIDS, "unified/cua-1");
	assert_dir(&below, CUA_CGROUP_CPU, NULL);
	assert_false(cua_cgroup_exists(&below));
}

static void what_is_not_there_or_cannot_be_used_is_said(void **state)
{
	(void)state;
	struct cua_cgroup parent;
	struct cua_error why = { 0 };
	mounts(OTHER_LINE, "0::/\n");
	assert_int_equal(find(&parent, &why), CUA_ERR_UNAVAILABLE);
	assert_string_equal(why.msg, "there are no control groups here");
	/* Processes everywhere, and nothing passed on. */
	group_v2("unified", "memory pids", "", true);
	mounts(V2_LINE, "0::/\n");
	assert_int_equal(find(&parent, &why), CUA_ERR_UNAVAILABLE);
	assert_non_null(strstr(why.msg, "systemd-run --user --scope"));
	/* Nothing that says so at all. */
	assert_int_equal(cua_cgroup_find("/nonexistent", &parent, &why), CUA_ERR_UNAVAILABLE);
}

static void damaged_lines_are_left_out(void **state)
{
	(void)state;
	struct cua_cgroup parent;
	static const char *const bad[] = { "", "\n\n", "31 24 0:27", "a b c d e - cgroup2 x rw\n",
		"30 24 0:26 / /nowhere rw - cgroup2\n", "30 24 0:26 / - - - - -\n" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put("mountinfo", bad[i]);
		put("cgroup", bad[i]);
		assert_int_equal(find(&parent, NULL), CUA_ERR_UNAVAILABLE);
	}
}

/* A record that was damaged, or changed, must not make anything else be removed. */
static void nothing_but_ours_is_removed(void **state)
{
	(void)state;
	struct cua_cgroup group = { 0 };
	snprintf(group.dirs[CUA_CGROUP_MEMORY], CUA_CGROUP_DIR_MAX, "%s", path_of("cua-other"));
	assert_int_equal(mkdir(path_of("cua-other"), 0755), 0);
	assert_int_equal(cua_cgroup_remove(&group, NULL), CUA_OK);
	assert_int_equal(access(path_of("cua-other"), F_OK), 0);
	snprintf(group.dirs[CUA_CGROUP_MEMORY], CUA_CGROUP_DIR_MAX, "/sys/fs/cgroup/cua-1/../..%s",
			path_of("cua-other"));
	assert_int_equal(cua_cgroup_remove(&group, NULL), CUA_OK);
	assert_int_equal(access(path_of("cua-other"), F_OK), 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, start, finish)
	const struct CMUnitTest tests[] = {
		TEST(version_2_has_its_place_above_where_processes_are),
		TEST(version_2_goes_up_to_where_all_is),
		TEST(version_2_takes_what_was_delegated),
		TEST(a_container_sees_its_own_group_as_the_root),
		TEST(version_1_has_a_place_for_each),
		TEST(in_hybrid_mode_each_is_where_it_is),
		TEST(what_is_not_there_or_cannot_be_used_is_said),
		TEST(damaged_lines_are_left_out),
		TEST(nothing_but_ours_is_removed),
	};
	return cmocka_run_group_tests_name("base_cgroup", tests, NULL, NULL);
}

/* A folder of the user's choice as the workspace of a desktop: whose its files are, that it stays,
 * what may be one, and that nothing leads out of it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/files.h"
#include "tests/json_path.h"

#define NOBODY 65534
#define OWNER 54321

static struct world world;
static struct desktop desktop;
static char folder[256];
static uid_t owner;

static void put(const char *leaf, const char *text)
{
	const char *path = world_path(&world, leaf);
	assert_int_equal(cua_file_write(path, text, strlen(text), 0644, NULL), CUA_OK);
	assert_int_equal(geteuid() == 0 ? chown(path, owner, owner) : 0, 0);
}

static void make_folder(const char *leaf, mode_t mode)
{
	const char *path = world_path(&world, leaf);
	assert_int_equal(mkdir(path, mode), 0);
	assert_int_equal(chmod(path, mode), 0);
	assert_int_equal(geteuid() == 0 ? chown(path, owner, owner) : 0, 0);
}

static void begin(uid_t uid, uid_t folder_owner)
{
	world_create(&world, uid);
	owner = folder_owner;
	make_folder("folder", 0700);
	snprintf(folder, sizeof(folder), "%s", world_path(&world, "folder"));
	put("folder/there", "before\n");
	put("secret", "the host's\n");
	char option[300];
	snprintf(option, sizeof(option), "--workspace=%s", folder);
	desktop_start_with(&desktop, &world, "folder", option, NULL);
}

static int start(void **state)
{
	(void)state;
	begin((uid_t)-1, geteuid() == 0 ? OWNER : geteuid());
	return 0;
}

static int start_as_user(void **state)
{
	(void)state;
	begin(geteuid() == 0 ? NOBODY : (uid_t)-1, geteuid() == 0 ? NOBODY : geteuid());
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

static void assert_is_owners(const char *leaf, const char *content)
{
	struct stat info;
	char path[300];
	snprintf(path, sizeof(path), "%s/%s", folder, leaf);
	assert_int_equal(lstat(path, &info), 0);
	assert_int_equal(info.st_uid, owner);
	assert_int_equal(info.st_gid, owner);
	CUA_AUTO_FREE char *text = content ? read_whole_file(path, NULL) : NULL;
	if (content) {
		assert_string_equal(text, content);
	}
}

/* --- what is in it --- */

static void what_is_made_in_it_belongs_to_its_owner_and_stays(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *seen = desktop_sh(&desktop,
			"cd workspace && cat there && stat -c %U . there && echo more >> there && "
			"mkdir sub && echo new > sub/new && echo done");
	assert_string_equal(seen, "before\nagent\nagent\ndone");
	assert_says(desktop_tool(&desktop, "bash", "{\"command\":\"pwd; cat sub/new\"}"),
			"/home/agent/workspace\nnew\n");
	desktop_tool(&desktop, "write_file",
			"{\"path\":\"sub/tool\",\"content\":\"by a tool\\n\"}");
	assert_says(desktop_tool(&desktop, "read_file", "{\"path\":\"sub/tool\"}"), "by a tool");
	struct cua_http_response response;
	assert_int_equal(desktop_http(&desktop, "GET", "/v1/desktop", NULL, 0, NULL, &response),
			200);
	CUA_AUTO_JSON cJSON *about = cJSON_Parse(response.body.data);
	cua_http_response_finish(&response);
	assert_string_equal(json_text(about, "workspace_folder"), folder);
	assert_string_equal(json_text(about, "workspace"), "/home/agent/workspace");
	desktop_stop(&desktop);
	assert_is_owners("there", "before\nmore\n");
	assert_is_owners("sub", NULL);
	assert_is_owners("sub/new", "new\n");
	assert_is_owners("sub/tool", "by a tool\n");
}

/* A program that ran as the folder's owner for whoever starts it. */
static void no_file_gets_the_identity_of_its_owner(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *text = desktop_sh(&desktop,
			"cd workspace; cp /bin/true mine; for mode in u+s g+s 4755 2755 6777; do "
			"chmod $mode mine 2>/dev/null && echo $mode; done; "
			"python3 -c '\n"
			"import os\n"
			"fd = os.open(\"made\", os.O_CREAT | os.O_RDWR, 0o4755)\n"
			"os.write(fd, b\"text\")\n"
			"print(oct(os.fstat(fd).st_mode & 0o7000))'; chmod 700 mine && echo usual");
	assert_string_equal(text, "0o0\nusual");
	struct stat info;
	char path[300];
	snprintf(path, sizeof(path), "%s/mine", folder);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0700);
}

/* --- ways out --- */

static void nothing_leads_out_of_it(void **state)
{
	(void)state;
	char secret[128], command[2048];
	snprintf(secret, sizeof(secret), "%s", world_path(&world, "secret"));
	snprintf(command, sizeof(command),
			"cd workspace; mkdir sub; ln -s %s absolute; ln -s ../../../..%s relative; "
			"ln -s /proc/1/root%s proc; ln -s /proc/self/cwd/..%s cwd; ln -s .. up; "
			"ln -s / root; for i in absolute relative proc cwd root%s "
			"up/../..%s /proc/1/root%s ../../../../../..%s; do "
			"cat $i 2>/dev/null; echo x 2>/dev/null > $i; done; "
			"ln %s hard 2>/dev/null; mv workspace gone 2>/dev/null; true",
			secret, secret, secret, secret, secret, secret, secret, secret, secret);
	CUA_AUTO_FREE char *text = desktop_sh(&desktop, command);
	assert_string_equal(text, "");
	static const char *const paths[] = { "absolute", "relative", "proc", "cwd", "up/x",
		"root/etc", "../x", "sub/../../x", "/etc/passwd", "/proc/self/environ" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(paths); i++) {
		char arguments[128];
		snprintf(arguments, sizeof(arguments), "{\"path\":\"%s\"}", paths[i]);
		assert_says(desktop_tool(&desktop, "read_file", arguments), "leaves the workspace");
		snprintf(arguments, sizeof(arguments), "{\"path\":\"%s\",\"content\":\"x\"}",
				paths[i]);
		const char *said = desktop_tool(&desktop, "write_file", arguments);
		if (!strstr(said, "leaves the workspace") && !strstr(said, "is no regular file")) {
			fail_msg("%s: %s", paths[i], said);
		}
	}
	CUA_AUTO_FREE char *kept = read_whole_file(secret, NULL);
	assert_string_equal(kept, "the host's\n");
}

/* A folder that is exchanged for a link, again and again, while files are written through it. */
static void no_race_leads_out_of_it(void **state)
{
	(void)state;
	free(desktop_sh(&desktop,
			"mkdir elsewhere; cd workspace; mkdir real; ln -s ../elsewhere link; "
			"setsid sh -c 'while [ -e there ]; do mv -T real now; mv -T now real; "
			"mv -T link now; mv -T now link; ln -sfn ../elsewhere real2; "
			"rm -f real2; mkdir real2; rmdir real2; done' >/dev/null 2>&1 &"));
	for (int i = 0; i < 60; i++) {
		desktop_tool(&desktop, "write_file",
				i % 2 ? "{\"path\":\"now/x\",\"content\":\"x\"}"
				      : "{\"path\":\"real2/x\",\"content\":\"x\"}");
	}
	CUA_AUTO_FREE char *text = desktop_sh(&desktop, "rm workspace/there; ls elsewhere");
	assert_string_equal(text, "");
}

/* --- what may be one --- */

static void expect_refused(const char *path, const char *why)
{
	char option[600];
	struct output output;
	snprintf(option, sizeof(option), "--workspace=%s", path);
	world_cua(&world, &output, "desktop", "start", "--name=no", option, NULL);
	expect_status(&output, 2, option);
	assert_says(output.err, why);
	output_finish(&output);
}

static void what_hands_out_too_much_is_refused(void **state)
{
	(void)state;
	expect_refused("/", "choose a folder");
	expect_refused("/..", "choose a folder");
	expect_refused("/etc", "belongs to the system");
	expect_refused("/usr/share", "belongs to the system");
	expect_refused("/proc/self/fdinfo", "belongs to the system");
	expect_refused("/tmp", "belongs to the system");
	expect_refused("/root",
			geteuid() == 0 && world.uid == (uid_t)-1 ? "is the home directory" : "");
	expect_refused("", "needs a folder");
	expect_refused("/nonexistent", "make it first");
	expect_refused(world_path(&world, "secret"), "is no folder");
	expect_refused(world_path(&world, "state"), "is among what cua keeps");
	expect_refused(world_path(&world, "state/desktops"), "is among what cua keeps");
	expect_refused(world_path(&world, "run"), "is among what cua keeps");
	expect_refused(world_path(&world, "."), "what cua keeps");
	/* By a link, it is what the link leads to. */
	const char *link = world_path(&world, "folder-link");
	assert_int_equal(symlink("/etc", link), 0);
	expect_refused(link, "/etc belongs to the system");
	world_expect(&world, 2, "desktop", "start", "--name=no", "--sandbox=none", "--workspace",
			folder, NULL);
}

/* In the world's directory, its home, nothing of it is there yet: who makes it in a workspace
 * decides what cua goes by. */
static void what_cua_would_read_is_refused(void **state)
{
	(void)state;
	char policy[300];
	make_folder(".config", 0700);
	make_folder(".ssh", 0700);
	make_folder("policies", 0700);
	snprintf(policy, sizeof(policy), "CUA_POLICY=%s", world_path(&world, "policies/mine.yaml"));
	const char *const env[] = { policy, NULL };
	static const struct {
		const char *leaf, *why;
	} rows[] = { { ".config", "contains what cua keeps in" },
		{ ".ssh", "is hidden in the home directory" },
		{ "policies", "contains what cua keeps in" } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		char option[300];
		struct output output;
		snprintf(option, sizeof(option), "--workspace=%s",
				world_path(&world, rows[i].leaf));
		const char *const argv[] = { world.program, "desktop", "start", "--name=no", option,
			NULL };
		world_exec(&world, argv, env, NULL, 0, &output);
		expect_status(&output, 2, option);
		assert_says(output.err, rows[i].why);
		output_finish(&output);
	}
}

/* Where a file of this world is: "NAME=PATH"; of one of two buffers in turn. */
static const char *named(const char *name, const char *leaf)
{
	static char texts[2][320];
	static int turn;
	turn = !turn;
	snprintf(texts[turn], sizeof(texts[turn]), "%s=%s", name, world_path(&world, leaf));
	return texts[turn];
}

/* A run with these options and this variable, each of which may be NULL, ends before it begins. */
static void expect_run_refused(
		const char *option, const char *other, const char *variable, const char *why)
{
	struct output output;
	const char *const env[] = { variable, NULL };
	const char *const argv[] = { world.program, "run", "--model=m", "--api=responses",
		"--base-url=http://127.0.0.1:1/v1", option, other ? other : "--size=640x480",
		"Do it.", NULL };
	world_exec(&world, argv, env, NULL, 0, &output);
	expect_status(&output, 2, option);
	assert_says(output.err, why);
	output_finish(&output);
}

/* Nor what it could exchange a link for. */
static void a_run_obeys_no_file_that_its_model_can_write(void **state)
{
	(void)state;
	static const char why[] = "a model could change it";
	static const char *const policies[] = { "folder/policy.yaml", "to-folder.yaml",
		"folder/outside/policy.yaml", "state/desktops/folder/policy.yaml" };
	char workspace[320];
	snprintf(workspace, sizeof(workspace), "--workspace=%s", folder);
	put("policy.yaml", "include: default\n");
	put("folder/policy.yaml", "include: default\n");
	put("folder/template.yaml", "description: work\n");
	put("folder/named.json", "{}");
	assert_int_equal(symlink("folder/policy.yaml", world_path(&world, "to-folder.yaml")), 0);
	assert_int_equal(symlink(world.dir, world_path(&world, "folder/outside")), 0);
	for (size_t i = 0; i < CUA_ARRAY_LEN(policies); i++) {
		const char *option = named("--policy", policies[i]);
		expect_run_refused(option, "--desktop=folder", NULL, why);
		expect_run_refused(option, workspace, NULL, why);
		/* The folder is another desktop's. */
		expect_run_refused(option, NULL, NULL, why);
	}
	const char *template = named("--template", "folder/template.yaml");
	expect_run_refused(template, "--desktop=folder", NULL, why);
	expect_run_refused(template, workspace, NULL, why);
	expect_run_refused(template, NULL, NULL, "the workspace of folder");
	/* A desktop that was started before somebody named them. */
	char policy[320];
	snprintf(policy, sizeof(policy), "%s", named("--policy", "policy.yaml"));
	static const char *const variables[] = { "CUA_MODELS", "CUA_MCP_SERVERS", "CUA_RUNS_DIR" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(variables); i++) {
		const char *variable = named(variables[i], "folder/named.json");
		expect_run_refused(policy, "--desktop=folder", variable, why);
		expect_run_refused(policy, NULL, variable, why);
	}
	/* What holds the folder holds what its models write. */
	expect_run_refused(
			policy, NULL, named("CUA_RUNS_DIR", ""), "holds the workspace of folder");
}

/* A model tells a server what to write. */
static void a_run_obeys_no_file_that_its_servers_can_write(void **state)
{
	(void)state;
	char text[700];
	make_folder("served", 0700);
	make_folder("state/mcp", 0700);
	make_folder("state/mcp/pins", 0700);
	put("served/policy.yaml", "include: default\n");
	put("served/template.yaml", "description: work\n");
	snprintf(text, sizeof(text),
			"{\"mcpServers\": {\"files\": {\"command\": \"true\", \"write\": "
			"[\"%s/served\"]}}}",
			world.dir);
	put("servers.json", text);
	snprintf(text, sizeof(text),
			"{\"launch\": {\"command\": \"true\", \"write\": [\"%s/served\"]}, "
			"\"tools\": {}}",
			world.dir);
	put("state/mcp/pins/files.json", text);
	static const char why[] = "what the MCP server files may change";
	char servers[320];
	snprintf(servers, sizeof(servers), "%s", named("CUA_MCP_SERVERS", "servers.json"));
	expect_run_refused(named("--policy", "served/policy.yaml"), NULL, servers, why);
	expect_run_refused(named("--policy", "served/policy.yaml"), "--mcp=files", servers, why);
	expect_run_refused(named("--template", "served/template.yaml"), NULL, servers, why);
	/* One that is not offered is not asked to; then the file is read. */
	put("served/policy.yaml", "nothing: at all\n");
	expect_run_refused(named("--policy", "served/policy.yaml"), "--mcp=none", servers,
			"a policy has no 'nothing'");
}

static void what_others_could_exchange_is_refused(void **state)
{
	(void)state;
	make_folder("open", 0777);
	make_folder("open/below", 0700);
	expect_refused(world_path(&world, "open/below"), "others may write to");
	assert_int_equal(chmod(world_path(&world, "open"), 01777), 0);
	char option[300];
	snprintf(option, sizeof(option), "--workspace=%s", world_path(&world, "open/below"));
	world_expect(&world, 0, "desktop", "start", "--name=sticky", option, NULL);
	world_expect(&world, 0, "desktop", "stop", "sticky", NULL);
}

/* Root gives it to another user; that takes a file system that can. */
static void where_owners_cannot_be_mapped_it_says_what_to_do(void **state)
{
	(void)state;
	char script[1024];
	struct output output;
	if (geteuid() != 0) {
		skip();
	}
	make_folder("upper", 0755);
	make_folder("work", 0755);
	make_folder("merged", 0755);
	snprintf(script, sizeof(script),
			"cd %s && mount -t overlay -o lowerdir=folder,upperdir=upper,workdir=work "
			"x "
			"merged && exec %s desktop start --name=no --workspace=$PWD/merged",
			world.dir, world.program);
	const char *const argv[] = { "unshare", "-m", "--propagation", "private", "sh", "-c",
		script, NULL };
	world_exec(&world, argv, NULL, NULL, 0, &output);
	assert_int_not_equal(output.exit_status, 0);
	assert_says(output.err, "lies on overlayfs, which cannot show files as another user's");
	assert_says(output.err, "run cua as the owner of the folder");
	output_finish(&output);
	world_cua(&world, &output, "desktop", "list", NULL);
	assert_null(strstr(output.out, "no "));
	output_finish(&output);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, start, finish)
#define USER_TEST(function) \
	{ \
#function " (as a user)", function, start_as_user, finish, NULL \
	}
	const struct CMUnitTest tests[] = {
		TEST(what_is_made_in_it_belongs_to_its_owner_and_stays),
		USER_TEST(what_is_made_in_it_belongs_to_its_owner_and_stays),
		TEST(no_file_gets_the_identity_of_its_owner),
		TEST(nothing_leads_out_of_it),
		USER_TEST(nothing_leads_out_of_it),
		TEST(no_race_leads_out_of_it),
		TEST(what_hands_out_too_much_is_refused),
		USER_TEST(what_hands_out_too_much_is_refused),
		TEST(what_cua_would_read_is_refused),
		TEST(a_run_obeys_no_file_that_its_model_can_write),
		TEST(a_run_obeys_no_file_that_its_servers_can_write),
		TEST(what_others_could_exchange_is_refused),
		TEST(where_owners_cannot_be_mapped_it_says_what_to_do),
	};
	return cmocka_run_group_tests_name("desktop_workspace", tests, NULL, NULL);
}

/* What is inside cannot get out, and what goes through `exec` arrives whole. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "display/desktop_record.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_processes.h"
#include "tests/files.h"
#include "tests/waiting.h"

static struct world world;
static struct desktop desktop;

static int start(void **state)
{
	(void)state;
	/* Whoever starts a desktop has keys in the environment; none may get in. */
	setenv("OPENAI_API_KEY", "sk-test-7f3a", 1);
	world_create(&world, (uid_t)-1);
	const char *const argv[] = { world.program, "desktop", "start", "--name=box", NULL };
	const char *const secrets[] = { "OPENAI_API_KEY=sk-test-7f3a", "AWS_SECRET=sk-test-7f3a",
		"LD_LIBRARY_PATH=/sk-test-7f3a", NULL };
	struct output output;
	world_exec(&world, argv, secrets, NULL, 0, &output);
	assert_int_equal(output.exit_status, 0);
	output_finish(&output);
	world_expect(&world, 0, "desktop", "stop", "box", NULL);
	desktop_start(&desktop, &world, "box");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

/* A line of /proc/PID/status. */
static void read_status(pid_t pid, const char *name, char *value, size_t size)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	CUA_AUTO_FREE char *text = read_whole_file(path, NULL);
	assert_non_null(text);
	const char *at = strstr(text, name);
	assert_non_null(at);
	at += strlen(name) + 2; /* ":\t" */
	snprintf(value, size, "%.*s", (int)strcspn(at, "\n"), at);
}

static void every_process_is_unprivileged(void **state)
{
	(void)state;
	pid_t pids[64];
	desktop_do(&desktop, "[{\"action\":\"open_app\",\"name\":\"xterm\"}]");
	const int count = desktop_pids(&desktop, "", pids, 64);
	assert_true(count >= 6);
	for (int i = 0; i < count; i++) {
		char value[64];
		read_status(pids[i], "Uid", value, sizeof(value));
		const long uid = strtol(value, NULL, 10);
		if (geteuid() == 0) {
			assert_true(uid >= 70000 && uid < 100000);
		} else {
			assert_int_equal(uid, geteuid());
		}
		read_status(pids[i], "NoNewPrivs", value, sizeof(value));
		assert_string_equal(value, "1");
		read_status(pids[i], "CapEff", value, sizeof(value));
		assert_int_equal(strtoull(value, NULL, 16), 0);
		read_status(pids[i], "CapPrm", value, sizeof(value));
		assert_int_equal(strtoull(value, NULL, 16), 0);
		read_status(pids[i], "Seccomp", value, sizeof(value));
		assert_string_equal(value, "2");
		if (geteuid() == 0) {
			read_status(pids[i], "Groups", value, sizeof(value));
			assert_null(strstr(value, " 0"));
		}
	}
}

static void system_calls_that_lead_out_are_refused(void **state)
{
	(void)state;
	/* mount needs a capability; a new user namespace gives one, in which the host's own files
	 * stay out of reach. */
	CUA_AUTO_FREE char *mounted =
			desktop_sh(&desktop, "mount -t tmpfs none /tmp 2>&1 || echo refused");
	assert_non_null(strstr(mounted, "refused"));
	CUA_AUTO_FREE char *written = desktop_sh(&desktop,
			"for i in /usr /usr/bin /etc /opt; do touch $i/x 2>/dev/null && "
			"test ! -O $i && echo $i; done; true");
	assert_string_equal(written, "");
}

/* --- network --- */

static void there_is_no_network(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *devices =
			desktop_sh(&desktop, "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '");
	assert_string_equal(devices, "lo");
	CUA_AUTO_FREE char *routes = desktop_sh(&desktop, "tail -n +2 /proc/net/route");
	assert_string_equal(routes, "");

	/* A server of this machine, on all of its addresses. */
	const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	assert_int_equal(bind(server, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(server, 1), 0);
	assert_int_equal(getsockname(server, (struct sockaddr *)&address, &len), 0);
	char script[256];
	snprintf(script, sizeof(script),
			"bash -c 'exec 3<>/dev/tcp/127.0.0.1/%d' 2>&1 && echo connected || true",
			ntohs(address.sin_port));
	CUA_AUTO_FREE char *tried = desktop_sh(&desktop, script);
	assert_null(strstr(tried, "connected"));
	assert_non_null(strstr(tried, "refused"));
	close(server);
	CUA_AUTO_FREE char *outside = desktop_sh(&desktop,
			"bash -c 'exec 3<>/dev/tcp/192.0.2.1/80' 2>&1 && echo connected || true");
	assert_non_null(strstr(outside, "unreachable"));
}

static void the_x_server_listens_on_its_file_alone(void **state)
{
	(void)state;
	/* An abstract socket would be open to all in its network namespace. */
	CUA_AUTO_FREE char *inside = desktop_sh(&desktop,
			"cat /proc/net/tcp /proc/net/tcp6 | grep -c ' 0A ' || true; "
			"grep -c '@/tmp/.X11' /proc/net/unix || true");
	assert_string_equal(inside, "0\n0");
	CUA_AUTO_FREE char *number = desktop_sh(&desktop, "echo ${DISPLAY#:}");
	char path[64];
	struct stat info;
	snprintf(path, sizeof(path), "/tmp/.X11-unix/X%.16s", number);
	/* Nor does it stand where the applications of this machine look. */
	assert_false(lstat(path, &info) == 0 && info.st_uid == desktop.uid && geteuid() == 0);
}

static void a_wrong_cookie_is_refused(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *right = desktop_probe(&desktop, "held", "");
	assert_true(right[0] != '\0');
	free(desktop_probe(&desktop, "cookie", ""));
	CUA_AUTO_FREE char *none = desktop_sh(&desktop,
			"XAUTHORITY=/dev/null xdpyinfo >/dev/null 2>&1 && echo taken || echo "
			"refused");
	assert_string_equal(none, "refused");
}

static void six_hundred_clients_find_room(void **state)
{
	(void)state;
	char script[256];
	snprintf(script, sizeof(script), "ulimit -n 1024; %s clients 600",
			desktop_install(&desktop, CUA_TEST_PROBE));
	CUA_AUTO_FREE char *count = desktop_sh(&desktop, script);
	assert_string_equal(count, "600");
	desktop_do(&desktop, "[{\"action\":\"cursor_position\"}]");
}

/* --- files --- */

static void files_of_this_machine_are_not_there(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *found = desktop_sh(&desktop,
			"for i in /root /etc/shadow /etc/gshadow /etc/sudoers /etc/ssh "
			"/etc/machine-id "
			"/var/run/docker.sock /run/docker.sock /run/containerd /run/systemd "
			"/run/dbus "
			"/var/log /var/spool /boot /sys /mnt /srv /dev/sda /dev/vda /dev/mem "
			"/dev/kvm; "
			"do test -e $i && echo $i; done; true");
	assert_string_equal(found, "");
	CUA_AUTO_FREE char *homes = desktop_sh(&desktop, "ls /home");
	assert_string_equal(homes, "agent");
	CUA_AUTO_FREE char *tmp = desktop_sh(&desktop, "ls -A /tmp");
	assert_string_equal(tmp, ".X11-unix");
	CUA_AUTO_FREE char *users = desktop_sh(&desktop, "cut -d: -f1 /etc/passwd");
	assert_string_equal(users, "agent");
	/* Its own record and sockets, those of the API among them, stay outside. */
	char script[256];
	snprintf(script, sizeof(script),
			"ls %s 2>&1 || true; ls /run/cua | grep -c api.sock || true", world.dir);
	CUA_AUTO_FREE char *api = desktop_sh(&desktop, script);
	assert_non_null(strstr(api, "No such file"));
	assert_non_null(strstr(api, "\n0"));
}

static void a_link_in_the_home_leads_nobody_out(void **state)
{
	(void)state;
	struct desktop trap;
	FILE *file = fopen(world_path(&world, "precious"), "we");
	assert_non_null(file);
	fclose(file);
	mkdir(world_path(&world, "folder"), 0755);
	fclose(fopen(world_path(&world, "folder/inside"), "we"));
	desktop_start(&trap, &world, "trap");
	char script[512];
	snprintf(script, sizeof(script),
			"ln -s %s/precious Documents/a; ln -s %s/folder Documents/b; mkdir -p "
			"deep/er; "
			"chmod 000 deep/er; chmod 500 deep",
			world.dir, world.dir);
	free(desktop_sh(&trap, script));
	desktop_stop(&trap);
	assert_int_equal(access(world_path(&world, "precious"), F_OK), 0);
	assert_int_equal(access(world_path(&world, "folder/inside"), F_OK), 0);
}

static void no_secret_of_the_environment_gets_in(void **state)
{
	(void)state;
	struct desktop keyed = { .world = &world };
	const char *const argv[] = { world.program, "desktop", "start", "--name=keyed", NULL };
	const char *const secrets[] = { "OPENAI_API_KEY=sk-test-7f3a", "MY_SECRET=sk-test-7f3a",
		NULL };
	struct output output;
	world_exec(&world, argv, secrets, NULL, 0, &output);
	assert_int_equal(output.exit_status, 0);
	output_finish(&output);
	snprintf(keyed.name, sizeof(keyed.name), "keyed");
	const char *const run[] = { world.program, "desktop", "exec", "-d", "keyed", "--", "sh",
		"-c", "cat /proc/[0-9]*/environ | tr '\\0' '\\n'; env", NULL };
	world_exec(&world, run, secrets, NULL, 0, &output);
	assert_int_equal(output.exit_status, 0);
	assert_true(output.out_len > 100);
	assert_null(strstr(output.out, "sk-test"));
	assert_null(strstr(output.out, world.dir));
	output_finish(&output);
	/* The host and the VNC process have no use for keys either. */
	static const char *const outside[] = { "host", "vnc", "bwrap" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(outside); i++) {
		char path[64];
		snprintf(path, sizeof(path), "/proc/%d/environ",
				(int)desktop_recorded_pid(&keyed, outside[i]));
		CUA_AUTO_FREE char *environment = NULL;
		size_t len = 0;
		environment = read_whole_file(path, &len);
		if (environment) {
			assert_null(memmem(environment, len, "sk-test", 7));
		}
	}
	world_expect(&world, 0, "desktop", "stop", "keyed", NULL);
}

/* --- exec --- */

static void run_inside(
		const char *script, const char *input, size_t input_len, struct output *output)
{
	const char *const argv[] = { world.program, "desktop", "exec", "-d", desktop.name, "--",
		"sh", "-c", script, NULL };
	world_exec(&world, argv, NULL, input, input_len, output);
}

static void exec_keeps_output_and_errors_apart(void **state)
{
	(void)state;
	struct output output;
	run_inside("cat; echo to output; echo to error >&2; exit 7", "from input\n", 11, &output);
	assert_int_equal(output.exit_status, 7);
	assert_string_equal(output.out, "from input\nto output\n");
	assert_string_equal(output.err, "to error\n");
	output_finish(&output);
}

static void exec_carries_megabytes_of_any_bytes(void **state)
{
	(void)state;
	const size_t len = (size_t)5 << 20;
	CUA_AUTO_FREE char *bytes = malloc(len);
	srand(3);
	for (size_t i = 0; i < len; i++) {
		bytes[i] = (char)rand();
	}
	struct output output;
	run_inside("cat", bytes, len, &output);
	assert_int_equal(output.exit_status, 0);
	assert_int_equal(output.out_len, len);
	assert_memory_equal(output.out, bytes, len);
	output_finish(&output);
}

static void exec_tells_exit_statuses_and_signals(void **state)
{
	(void)state;
	static const struct {
		const char *script;
		int exit_status;
	} ends[] = { { "exit 0", 0 }, { "exit 255", 255 }, { "kill -TERM $$", 128 + SIGTERM },
		{ "kill -SEGV $$", 128 + SIGSEGV } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(ends); i++) {
		struct output output;
		run_inside(ends[i].script, NULL, 0, &output);
		assert_int_equal(output.exit_status, ends[i].exit_status);
		output_finish(&output);
	}
}

static void exec_has_the_display_and_no_terminal(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *place = desktop_sh(&desktop,
			"echo $DISPLAY $HOME $PWD; xdpyinfo >/dev/null && echo display; "
			"test -t 0 && echo terminal; cat /dev/tty 2>&1 | grep -c 'No such device' "
			"|| "
			"true");
	assert_int_equal(strncmp(place, ":0 /home/agent /home/agent\ndisplay\n", 35), 0);
	assert_null(strstr(place, "terminal"));
}

static bool no_sleeper(void *data)
{
	pid_t pid;
	(void)data;
	return desktop_pids(&desktop, "sleep", &pid, 1) == 0;
}

static bool a_sleeper(void *data)
{
	return !no_sleeper(data);
}

static void a_program_ends_with_the_exec_that_asked_for_it(void **state)
{
	(void)state;
	char command[512];
	snprintf(command, sizeof(command),
			"CUA_RUNTIME_DIR=%s/run CUA_STATE_DIR=%s/state exec %s desktop exec -d %s "
			"sleep 1000 </dev/null",
			world.dir, world.dir, world.program, desktop.name);
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	wait_until(a_sleeper, NULL, "the program runs");
	assert_int_equal(kill(pid, SIGINT), 0);
	wait_until(no_sleeper, NULL, "the program is hung up");
}

/* --- the browser --- */

static void chromium_keeps_its_own_sandbox(void **state)
{
	(void)state;
	if (access("/usr/bin/chromium", X_OK) != 0) {
		skip();
	}
	desktop_do(&desktop, "[{\"action\":\"open_url\",\"url\":\"about:blank\"}]");
	pid_t pids[64];
	assert_int_equal(desktop_pids(&desktop, "--no-sandbox", pids, 64), 0);
	assert_int_equal(desktop_pids(&desktop, "--disable-setuid-sandbox", pids, 64), 0);
	const int count = desktop_pids(&desktop, "--type=renderer", pids, 64);
	assert_true(count > 0);
	char outer[64] = "", inner[64] = "", path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/user",
			(int)desktop_recorded_pid(&desktop, "session"));
	assert_true(readlink(path, outer, sizeof(outer) - 1) > 0);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pids[0]);
	if (readlink(path, inner, sizeof(inner) - 1) > 0) {
		assert_string_not_equal(inner, outer);
	} else {
		assert_int_not_equal(geteuid(), 0); /* only root may look at a namespace inside */
	}
	char filters[32];
	read_status(pids[0], "Seccomp_filters", filters, sizeof(filters));
	assert_true(strtol(filters, NULL, 10) >= 2); /* ours and its own */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_process_is_unprivileged),
		cmocka_unit_test(system_calls_that_lead_out_are_refused),
		cmocka_unit_test(there_is_no_network),
		cmocka_unit_test(the_x_server_listens_on_its_file_alone),
		cmocka_unit_test(a_wrong_cookie_is_refused),
		cmocka_unit_test(six_hundred_clients_find_room),
		cmocka_unit_test(files_of_this_machine_are_not_there),
		cmocka_unit_test(a_link_in_the_home_leads_nobody_out),
		cmocka_unit_test(no_secret_of_the_environment_gets_in),
		cmocka_unit_test(exec_keeps_output_and_errors_apart),
		cmocka_unit_test(exec_carries_megabytes_of_any_bytes),
		cmocka_unit_test(exec_tells_exit_statuses_and_signals),
		cmocka_unit_test(exec_has_the_display_and_no_terminal),
		cmocka_unit_test(a_program_ends_with_the_exec_that_asked_for_it),
		cmocka_unit_test(chromium_keeps_its_own_sandbox),
	};
	return cmocka_run_group_tests_name("desktop_sandbox", tests, start, finish);
}

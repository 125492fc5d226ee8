/* Desktops with an open network, in network namespaces of the test's own: one plays this machine,
 * one the internet. Started by root, and by a user. */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/process.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_processes.h"
#include "tests/files.h"
#include "tests/processes.h"
#include "tests/waiting.h"

#define USER 12345
#define NOT_RUN 77 /* as ctest is told */
#define TUN "/dev/net/tun"

static struct world world;
static struct desktop desktop;
static struct {
	pid_t pid;
	int in;
} outside;

/* --- the namespaces --- */

static void make_tun(mode_t mode)
{
	const mode_t old = umask(0);
	assert_int_equal(mknod(TUN, S_IFCHR | mode, makedev(10, 200)), 0);
	umask(old);
}

/* For this process and what it starts; false where that cannot be. */
static bool leave_machine(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
			mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) != 0 ||
			cua_make_dirs("/dev/net", 0755, NULL) != CUA_OK ||
			mount("devices", "/dev/net", "tmpfs", 0, "mode=0755") != 0) {
		return false;
	}
	make_tun(0666);
	CUA_AUTO_FD int fd = open(TUN, O_RDWR | O_CLOEXEC);
	return fd >= 0;
}

static void set_resolver(void)
{
	static const char text[] = "nameserver 127.0.0.1\n";
	const char *path = world_path(&world, "resolv.conf");
	assert_int_equal(cua_file_write(path, text, strlen(text), 0644, NULL), CUA_OK);
	assert_int_equal(mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL), 0);
}

static void start_outside(void)
{
	int in[2], out[2];
	char line[64] = "";
	const char *const argv[] = { "python3", CUA_TEST_OUTSIDE, NULL };
	assert_true(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
	const struct cua_fd_map fds[] = { { in[0], 0 }, { out[1], 1 } };
	const struct cua_spawn spawn = {
		.argv = argv, .exec_fd = -1, .fds = fds, .fd_count = 2, .uid = (uid_t)-1
	};
	assert_int_equal(cua_spawn(&spawn, &outside.pid, NULL), CUA_OK);
	close(in[0]);
	close(out[1]);
	outside.in = in[1];
	FILE *said = fdopen(out[0], "r");
	assert_true(said && fgets(line, sizeof(line), said));
	fclose(said);
	assert_string_equal(line, "ready\n");
}

static void start(uid_t uid)
{
	world_create(&world, uid);
	if (!outside.pid) {
		set_resolver();
		start_outside();
	}
	desktop_start_with(&desktop, &world, "open", "--network=open", NULL);
}

static int start_as_root(void **state)
{
	(void)state;
	start((uid_t)-1);
	return 0;
}

static int start_as_user(void **state)
{
	(void)state;
	start(USER);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	if (desktop.world) {
		desktop_stop(&desktop);
	}
	world_destroy(&world);
	return 0;
}

/* --- what is reached --- */

static void the_internet_is_reached_by_name_and_address(void **state)
{
	(void)state;
	desktop_sh_expect(&desktop, "curl -sS http://site.test/", "hello from outside");
	desktop_sh_expect(&desktop, "curl -sS http://11.22.33.45/", "hello from outside");
	desktop_sh_expect(&desktop,
			"python3 -c 'import urllib.request as u; "
			"print(u.urlopen(\"http://site.test/\").read())'",
			"hello from outside");
	desktop_sh_expect(&desktop,
			"python3 -c 'import socket; s = socket.socket(2, 2); "
			"s.settimeout(10); s.sendto(b\"this\", (\"site.test\", 7)); "
			"print(s.recv(99))'",
			"echo of this");
	desktop_sh_expect(&desktop, "curl -sS http://nobody.test/ 2>&1 || true",
			"Could not resolve host");
	desktop_sh_expect(&desktop, "env | grep -ci proxy || true", "0");
}

/* Port 8 is answered from port 9, which is heard once it was asked itself. */
static void nobody_who_was_not_asked_is_heard(void **state)
{
	(void)state;
	desktop_sh_expect(&desktop,
			"python3 -c '\n"
			"import socket\n"
			"s = socket.socket(2, 2)\n"
			"s.settimeout(2)\n"
			"def ask(port):\n"
			"    s.sendto(b\"this\", (\"site.test\", port))\n"
			"    try:\n"
			"        return s.recvfrom(99)[1][1]\n"
			"    except TimeoutError:\n"
			"        return 0\n"
			"print(ask(8), ask(9), ask(8))'",
			"0 9 9");
}

static void much_goes_whole_both_ways(void **state)
{
	(void)state;
	desktop_sh_expect(&desktop,
			"for i in 1 2 3 4; do curl -sS -o large$i http://site.test/large & done; "
			"wait; for i in 1 2 3 4; do cmp large$i large1; done; ls -l large1",
			" 32899072 ");
	desktop_sh_expect(&desktop,
			"test \"$(curl -sS --data-binary @large1 http://site.test/)\" = "
			"\"$(sha256sum <large1 | cut -d' ' -f1)\" && rm large? && echo same",
			"same");
}

static void tools_have_the_same_network(void **state)
{
	static const char body[] = "{\"tool\":\"bash\",\"arguments\":{\"command\":"
				   "\"curl -sS http://site.test/; "
				   "curl -sS http://metadata.test/ 2>&1\"}}";
	struct cua_http_response response = { 0 };
	(void)state;
	assert_int_equal(desktop_http(&desktop, "POST", "/v1/tools", body, strlen(body), NULL,
					 &response),
			200);
	assert_non_null(strstr(response.body.data, "hello from outside"));
	assert_non_null(strstr(response.body.data, "Couldn't connect"));
	cua_http_response_finish(&response);
}

static void chromium_reaches_it(void **state)
{
	(void)state;
	if (access("/usr/bin/chromium", X_OK) != 0) {
		skip();
	}
	desktop_do(&desktop,
			"[{\"action\":\"open_url\",\"url\":\"http://site.test/\"},"
			"{\"action\":\"wait_for\",\"until\":\"window\",\"text\":\"Outside page\","
			"\"timeout_ms\":60000}]");
	desktop_end_processes(&desktop, "chromium");
}

/* --- what is not --- */

/* From where the gateway stands each of these is there, but for those of the gateway itself. */
static const struct {
	const char *url;
	bool is_gateways;
} refused[] = {
	{ "http://169.254.169.254/latest/meta-data/", false },
	{ "http://100.100.100.200/", false },
	{ "http://10.9.8.7/", false },
	{ "http://192.168.77.1/", false },
	{ "http://172.20.0.9/", false },
	{ "http://11.22.33.1:8080/", false }, /* this machine's own */
	{ "http://11.22.44.1:8080/", false },
	{ "http://11.22.44.55/", false }, /* a neighbour of its */
	{ "http://10.0.2.2:8080/", true },
	{ "http://10.0.2.3:8080/", true }, /* its name server is on its loopback */
	{ "http://10.0.2.15:8080/", true },
};

static void only_the_public_internet_is_reached(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(refused); i++) {
		char script[512];
		struct output output;
		const char *const control[] = { "curl", "-sS", "-m", "5", refused[i].url, NULL };
		world_exec(&world, control, NULL, NULL, 0, &output);
		if (!refused[i].is_gateways && !strstr(output.out, "hello from")) {
			fail_msg("%s: nobody is there: %s", refused[i].url, output.err);
		}
		output_finish(&output);
		snprintf(script, sizeof(script),
				"curl -sS -m 10 %s 2>&1 || echo first; "
				"curl -sS -m 5 --interface tap0 %s 2>&1 || echo second",
				refused[i].url, refused[i].url);
		CUA_AUTO_FREE char *text = desktop_sh(&desktop, script);
		if (!strstr(text, "Couldn't connect") || !strstr(text, "first") ||
				!strstr(text, "second") || strstr(text, "hello from")) {
			fail_msg("%s: %s", refused[i].url, text);
		}
	}
	desktop_sh_expect(&desktop, "curl -sS -m 5 http://127.0.0.1:8080/ 2>&1 || true",
			"Couldn't connect");
	desktop_sh_expect(&desktop, "curl -sS -m 5 http://metadata.test/ 2>&1 || true",
			"Couldn't connect");
	desktop_sh_expect(&desktop, "curl -sS -m 5 http://own.test:8080/ 2>&1 || true",
			"Couldn't connect");
}

static void nothing_inside_changes_its_network(void **state)
{
	static const char *const tries[] = {
		"ip link set tap0 down",
		"ip address add 169.254.169.1/16 dev tap0",
		"ip route add 169.254.169.254 dev tap0",
		"ip link add dummy0 type dummy",
		"unshare -rn ip link set tap0 down",
		"python3 -c 'import socket; socket.socket(2, 3, 1)'",
		"python3 -c 'import socket; socket.socket(17, 3)'",
		"test -e /dev/net/tun",
		"rm /etc/resolv.conf",
	};
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(tries); i++) {
		char script[512];
		snprintf(script, sizeof(script), "if %s >/dev/null 2>&1; then echo done; fi",
				tries[i]);
		CUA_AUTO_FREE char *text = desktop_sh(&desktop, script);
		if (text[0]) {
			fail_msg("%s is done", tries[i]);
		}
	}
	desktop_sh_expect(&desktop, "curl -sS http://site.test/", "hello from outside");
}

static void another_desktop_is_not_reached(void **state)
{
	struct desktop other;
	(void)state;
	desktop_start_with(&other, &world, "other", "--network=open", NULL);
	free(desktop_sh(&other,
			"setsid python3 -m http.server 8123 >/dev/null 2>&1 </dev/null & "
			"until curl -sS -o /dev/null http://10.0.2.100:8123/ 2>/dev/null; do "
			":; done"));
	desktop_sh_expect(&desktop, "curl -sS -m 5 http://10.0.2.100:8123/ 2>&1 || true",
			"Couldn't connect");
	desktop_sh_expect(&desktop, "curl -sS -m 5 http://10.0.2.2:8123/ 2>&1 || true",
			"Couldn't connect");
	desktop_stop(&other);
}

/* --- what is told --- */

static void expect_gateway(const char *expected)
{
	struct cua_http_response response = { 0 };
	assert_int_equal(desktop_http(&desktop, "GET", "/v1/desktop", NULL, 0, NULL, &response),
			200);
	CUA_AUTO_JSON cJSON *status = cJSON_Parse(response.body.data);
	cua_http_response_finish(&response);
	assert_string_equal(json_text(status, "network"), "open");
	assert_string_equal(json_text(status, "gateway"), expected);
}

static void the_network_is_told(void **state)
{
	struct output output;
	(void)state;
	expect_gateway("running");
	world_cua(&world, &output, "desktop", "network", "-d", desktop.name, NULL);
	expect_status(&output, 0, "cua desktop network");
	assert_non_null(strstr(output.out, "network open"));
	assert_non_null(strstr(output.out, " allowed 11.22.33.44:80, a public address"));
	assert_non_null(strstr(output.out, " denied  169.254.169.254:80, a link-local address"));
	assert_non_null(strstr(output.out, " denied  11.22.33.1:8080, an address of this machine"));
	assert_non_null(strstr(output.out,
			" denied  11.22.44.55:80, an address of a network that this machine is "
			"on"));
	output_finish(&output);
}

static char *groups_of(const char *who)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)desktop_recorded_pid(&desktop, who));
	char *text = read_whole_file(path, NULL);
	assert_non_null(text);
	return text;
}

static void the_gateway_has_the_limits_of_its_desktop(void **state)
{
	CUA_AUTO_FREE char *gateway = groups_of("egress"), *session = groups_of("session");
	(void)state;
	assert_string_equal(gateway, session);
}

static void the_gateway_has_no_rights(void **state)
{
	char path[64];
	(void)state;
	snprintf(path, sizeof(path), "/proc/%d/status",
			(int)desktop_recorded_pid(&desktop, "egress"));
	CUA_AUTO_BUFFER struct cua_buffer status;
	cua_buffer_init(&status, 65536);
	assert_int_equal(cua_file_read(path, &status, NULL), CUA_OK);
	assert_non_null(strstr(status.data, "\nCapEff:\t0000000000000000\n"));
	assert_non_null(strstr(status.data, "\nNoNewPrivs:\t1\n"));
	assert_non_null(strstr(status.data, "\nSeccomp:\t2\n"));
	assert_non_null(strstr(status.data,
			world.uid == USER ? "\nUid:\t12345\t12345\t12345\t12345\n"
					  : "\nUid:\t65600\t65600\t65600\t65600\n"));
}

/* --- what breaks --- */

static void without_the_gateway_there_is_no_route(void **state)
{
	struct output output;
	(void)state;
	kill_and_wait(desktop_recorded_pid(&desktop, "egress"));
	desktop_sh_expect(&desktop, "curl -sS http://site.test/ 2>&1 || true",
			"Could not resolve host");
	desktop_sh_expect(
			&desktop, "curl -sS http://11.22.33.44/ 2>&1 || true", "Couldn't connect");
	desktop_sh_expect(&desktop, "ip route | wc -l", "0");
	world_cua(&world, &output, "desktop", "list", NULL);
	assert_non_null(strstr(output.out, "network open (its gateway has ended: none)"));
	output_finish(&output);
	/* It is had back in the way that is told, from the same host. */
	world_cua(&world, &output, "desktop", "network", "-d", desktop.name, NULL);
	assert_non_null(strstr(
			output.out, "Another one comes with: cua desktop start --name=open"));
	output_finish(&output);
	const pid_t host = desktop_recorded_pid(&desktop, "host");
	world_expect(&world, 0, "desktop", "start", "--name=open", NULL);
	assert_int_equal(desktop_recorded_pid(&desktop, "host"), host);
	desktop_sh_expect(&desktop, "curl -sS http://site.test/", "hello from outside");
	expect_gateway("running");
	world_cua(&world, &output, "desktop", "start", "--name=open", NULL);
	assert_non_null(strstr(output.err, "is running already"));
	output_finish(&output);
	/* And with a new host. */
	kill_and_wait(desktop_recorded_pid(&desktop, "egress"));
	expect_gateway("ended");
	desktop_disconnect(&desktop);
	kill_and_wait(desktop_recorded_pid(&desktop, "host"));
	world_expect(&world, 0, "desktop", "start", "--name=open", NULL);
	desktop_sh_expect(&desktop, "curl -sS http://site.test/", "hello from outside");
	/* And outlives that, as the applications do. */
	const pid_t gateway = desktop_recorded_pid(&desktop, "egress");
	kill_and_wait(desktop_recorded_pid(&desktop, "host"));
	assert_false(process_is_gone(gateway));
	world_expect(&world, 0, "desktop", "start", "--name=open", NULL);
	assert_int_equal(desktop_recorded_pid(&desktop, "egress"), gateway);
	desktop_sh_expect(&desktop, "curl -sS http://site.test/", "hello from outside");
}

static bool is_gone(void *data)
{
	return process_is_gone(*(const pid_t *)data);
}

static void the_gateway_ends_with_its_sandbox(void **state)
{
	struct desktop other;
	(void)state;
	desktop_start_with(&other, &world, "other", "--network=open", NULL);
	pid_t gateway = desktop_recorded_pid(&other, "egress");
	kill_and_wait(desktop_recorded_pid(&other, "host")); /* before it has seen the screen */
	kill_and_wait(desktop_recorded_pid(&other, "session"));
	wait_until(is_gone, &gateway, "the end of the gateway");
	desktop_stop(&other);
	desktop_start_with(&other, &world, "other", "--network=open", NULL);
	gateway = desktop_recorded_pid(&other, "egress");
	desktop_stop(&other);
	assert_true(process_is_gone(gateway));
}

static void what_the_machine_lacks_is_told_before_anything_starts(void **state)
{
	struct output output;
	(void)state;
	assert_int_equal(unlink(TUN), 0);
	world_cua(&world, &output, "desktop", "start", "--name=wrong", "--network=open", NULL);
	assert_int_equal(output.exit_status, 6);
	assert_non_null(strstr(output.err,
			"needs " TUN
			" (No such file or directory): root gets it with: modprobe tun"));
	output_finish(&output);
	make_tun(0600);
	if (world.uid == USER) {
		world_cua(&world, &output, "desktop", "start", "--name=wrong", "--network=open",
				NULL);
		assert_int_equal(output.exit_status, 6);
		assert_non_null(strstr(output.err, "(Permission denied): root"));
		assert_non_null(strstr(output.err, "chmod 666 " TUN "\n"));
		output_finish(&output);
	} else { /* whom its mode does not concern */
		world_expect(&world, 0, "desktop", "start", "--name=right", "--network=open", NULL);
		world_expect(&world, 0, "desktop", "stop", "right", NULL);
	}
	assert_int_equal(chmod(TUN, 0666), 0);
	assert_int_not_equal(access(world_path(&world, "run/desktops/wrong"), F_OK), 0);
}

static bool has_spare(void *data)
{
	(void)data;
	struct output output;
	world_cua(&world, &output, "desktop", "list", NULL);
	const bool is_there = strstr(output.out, " spare ") != NULL;
	output_finish(&output);
	return is_there;
}

static pid_t spare_gateway(void)
{
	struct desktop spare = { .world = &world };
	struct output output;
	world_cua(&world, &output, "desktop", "list", "--json", NULL);
	CUA_AUTO_JSON cJSON *list = cJSON_Parse(output.out);
	output_finish(&output);
	const cJSON *entry = NULL;
	cJSON_ArrayForEach (entry, list) {
		if (strcmp(json_text(entry, "state"), "spare") == 0) {
			snprintf(spare.name, sizeof(spare.name), "%s", json_text(entry, "name"));
		}
	}
	return desktop_recorded_pid(&spare, "egress");
}

static void a_spare_desktop_has_a_gateway_of_its_own(void **state)
{
	struct desktop first, same, third;
	(void)state;
	desktop_start_with(&first, &world, "first", "--network=open", "--pool=1", NULL);
	wait_until(has_spare, NULL, "a spare desktop");
	desktop_start_with(&same, &world, "same", "--network=open", NULL);
	assert_int_not_equal(desktop_recorded_pid(&same, "egress"),
			desktop_recorded_pid(&first, "egress"));
	CUA_AUTO_FREE char *page = desktop_sh(&same, "curl -sS http://site.test/");
	assert_non_null(strstr(page, "hello from"));
	/* One that lost its gateway is not handed out. */
	wait_until(has_spare, NULL, "another spare desktop");
	kill_and_wait(spare_gateway());
	desktop_start_with(&third, &world, "third", "--network=open", NULL);
	CUA_AUTO_FREE char *again = desktop_sh(&third, "curl -sS http://site.test/");
	assert_non_null(strstr(again, "hello from"));
	world_expect(&world, 0, "desktop", "stop", "--pool", NULL);
	desktop_stop(&first);
	desktop_stop(&same);
	desktop_stop(&third);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_internet_is_reached_by_name_and_address),
		cmocka_unit_test(nobody_who_was_not_asked_is_heard),
		cmocka_unit_test(much_goes_whole_both_ways),
		cmocka_unit_test(tools_have_the_same_network),
		cmocka_unit_test(chromium_reaches_it),
		cmocka_unit_test(only_the_public_internet_is_reached),
		cmocka_unit_test(nothing_inside_changes_its_network),
		cmocka_unit_test(another_desktop_is_not_reached),
		cmocka_unit_test(the_network_is_told),
		cmocka_unit_test(the_gateway_has_no_rights),
		cmocka_unit_test(the_gateway_has_the_limits_of_its_desktop),
		cmocka_unit_test(without_the_gateway_there_is_no_route),
		cmocka_unit_test(the_gateway_ends_with_its_sandbox),
		cmocka_unit_test(what_the_machine_lacks_is_told_before_anything_starts),
		cmocka_unit_test(a_spare_desktop_has_a_gateway_of_its_own),
	};
	if (!leave_machine()) {
		puts("these tests need namespaces of their own and the device " TUN);
		return NOT_RUN;
	}
	const int failed =
			cmocka_run_group_tests_name("desktop_open", tests, start_as_root, finish) +
			cmocka_run_group_tests_name(
					"desktop_open, user", tests, start_as_user, finish);
	close(outside.in); /* it ends */
	waitpid(outside.pid, NULL, 0);
	return failed;
}

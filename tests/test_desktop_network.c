/* Desktops with a network of some names: real clients through the real proxy, and every other way
 * that something inside may think of. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/process.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_processes.h"
#include "tests/files.h"
#include "tests/network_site.h"
#include "tests/processes.h"
#include "tests/waiting.h"

static struct world world;
static struct desktop desktop;
static struct network_site site;

#define ALLOW "--network=allow:allowed.test,*.wild.test"

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	network_site_start(&site, &world);
	desktop_start_with(&desktop, &world, "net", ALLOW, NULL);
	network_site_give_certificate(&site, &desktop);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	network_site_stop(&site);
	if (desktop.world) {
		desktop_stop(&desktop);
	}
	world_destroy(&world);
	return 0;
}

/* --- what clients see --- */

/* The decisions so far; the caller frees. */
static char *decisions(void)
{
	struct output output;
	world_cua(&world, &output, "desktop", "network", "-d", desktop.name, "--json", NULL);
	expect_status(&output, 0, "cua desktop network");
	char *text = CUA_STEAL(output.out);
	output_finish(&output);
	return text;
}

static bool is_decided(void *data)
{
	CUA_AUTO_FREE char *text = decisions();
	return strstr(text, data) != NULL;
}

static void expect_decision(const char *text)
{
	char wanted[256];
	snprintf(wanted, sizeof(wanted), "%s", text);
	wait_until(is_decided, wanted, text);
}

static void curl_and_python_reach_what_is_allowed(void **state)
{
	(void)state;
	desktop_sh_expect(&desktop, "curl -sS http://allowed.test/page.html?secret-query",
			"hello from allowed");
	desktop_sh_expect(&desktop, "curl -sS --cacert ca.crt https://allowed.test/page.html",
			"hello from");
	desktop_sh_expect(&desktop, "curl -sS --cacert ca.crt https://b.wild.test/page.html",
			"hello from");
	desktop_sh_expect(&desktop,
			"python3 -c 'import urllib.request as u; "
			"print(u.urlopen(\"http://allowed.test/page.html\").read())'",
			"hello from allowed");
	desktop_sh_expect(&desktop,
			"SSL_CERT_FILE=ca.crt python3 -c 'import urllib.request as u; "
			"print(u.urlopen(\"https://allowed.test/page.html\").read())'",
			"hello from allowed");
	expect_decision("\"event\":\"allowed\",\"by\":\"CONNECT\",\"host\":\"b.wild.test\","
			"\"port\":443,\"rule\":\"*.wild.test\"");
	CUA_AUTO_FREE char *log = decisions();
	assert_null(strstr(log, "page.html"));
	assert_null(strstr(log, "secret-query"));
}

static void git_and_pip_work(void **state)
{
	(void)state;
	desktop_sh_expect(&desktop,
			"git clone -q http://allowed.test/repository.git one 2>&1; cat "
			"one/file.txt",
			"from the repository");
	desktop_sh_expect(&desktop,
			"GIT_SSL_CAINFO=$HOME/ca.crt git clone -q "
			"https://allowed.test/repository.git two 2>&1; cat two/file.txt",
			"from the repository");
	desktop_sh_expect(&desktop,
			"pip download -q --no-deps --disable-pip-version-check -d got "
			"--trusted-host allowed.test --index-url http://allowed.test/simple tiny "
			"2>&1; ls got",
			"tiny-1.0-py3-none-any.whl");
	desktop_sh_expect(&desktop,
			"pip download -q --no-deps --disable-pip-version-check -d more "
			"--cert ca.crt --index-url https://allowed.test/simple tiny 2>&1; ls more",
			"tiny-1.0-py3-none-any.whl");
}

/* A package that needs another, and how npm spells what the registry of both says. */
static void npm_works(void **state)
{
	(void)state;
	desktop_sh_expect(&desktop,
			"mkdir one-app && cd one-app && npm install --no-audit --no-fund "
			"--loglevel=error "
			"--registry=http://allowed.test/npm/ tiny-js 2>&1; "
			"node -e 'console.log(require(\"tiny-js\"))'",
			"tiny and scoped");
	desktop_sh_expect(&desktop,
			"mkdir two-app && cd two-app && npm install --no-audit --no-fund "
			"--loglevel=error "
			"--cafile=$HOME/ca.crt --registry=https://allowed.test/npm/ tiny-js 2>&1; "
			"ls node_modules node_modules/@small",
			"tiny-js\n\nnode_modules/@small:\none");
	/* A registry that hands out files of another server. */
	desktop_sh_expect(&desktop,
			"mkdir three-app && cd three-app && npm install --no-audit --no-fund "
			"--fetch-retries=0 --registry=http://allowed.test/npm/ strayed 2>&1; ls",
			"403 Forbidden - GET http://evil.test/strayed-1.0.0.tgz");
	desktop_sh_expect(&desktop, "ls three-app/node_modules 2>&1 || true", "No such file");
	/* As a model does it. */
	struct output output;
	free(desktop_sh(&desktop,
			"mkdir -p ~/workspace; echo registry=http://allowed.test/npm/ "
			">~/workspace/.npmrc"));
	world_cua(&world, &output, "tools", "call", "-d", desktop.name, "environment_setup",
			"{\"language\":\"node\",\"packages\":[\"tiny-js\"]}", NULL);
	expect_status(&output, 0, "environment_setup");
	output_finish(&output);
	desktop_sh_expect(&desktop, "cd ~/workspace && node -e 'console.log(require(\"tiny-js\"))'",
			"tiny and scoped");
}

static void what_is_denied_is_told_and_written_down(void **state)
{
	(void)state;
	desktop_sh_expect(&desktop, "curl -sS http://evil.test/",
			"lets nothing through to evil.test: the name "
			"is not in the list");
	desktop_sh_expect(&desktop, "curl -sS -o /dev/null -w '%{http_code}' http://evil.test/",
			"403");
	desktop_sh_expect(&desktop, "curl -sS https://evil.test/ 2>&1 || true", "response 403");
	desktop_sh_expect(&desktop, "curl -sS http://allowed.test:8080/", "only port 443");
	desktop_sh_expect(&desktop, "curl -sS -H 'Host: evil.test' http://allowed.test/",
			"Host is another");
	desktop_sh_expect(&desktop, "git ls-remote http://evil.test/x.git 2>&1 || true", "403");
	expect_decision("\"event\":\"denied\",\"by\":\"CONNECT\",\"host\":\"evil.test\"");
	struct output output;
	world_cua(&world, &output, "desktop", "network", "-d", desktop.name, NULL);
	expect_status(&output, 0, "cua desktop network");
	assert_non_null(strstr(output.out, "network allow *.wild.test allowed.test\n"));
	assert_non_null(strstr(output.out, " denied  evil.test:80, the name is not in the list"));
	output_finish(&output);
}

/* The proxy is the only way, and these do not lead through it. */
static void no_other_way_leads_out(void **state)
{
	char own[256];
	(void)state;
	static const char *const tries[] = {
		"curl --noproxy '*' -m 5 -sS http://1.1.1.1/",
		"curl --noproxy '*' -m 5 -sS http://allowed.test/",
		"curl --noproxy '*' -m 5 -sS http://169.254.169.254/",
		"curl --noproxy '*' -m 5 -sS 'http://[fd00:ec2::254]/'",
		"curl --noproxy '*' -m 5 -sS 'http://[2606:4700:4700::1111]/'",
		"curl -fsS http://169.254.169.254/latest/meta-data/",
		"curl -fsS http://0251.0376.0251.0376/",
		"curl -fsS http://2852039166/",
		"curl -fsS http://127.0.0.1.nip.io/",
		"curl -fsS http://metadata.google.internal/",
		"curl -fsS --noproxy '' http://127.0.0.1/",
		"curl -fsS --noproxy '' 'http://[::ffff:7f00:1]/'",
		"curl -fsS -p http://allowed.test:22/",
		"curl -fsS -p http://allowed.test/page.html",
		/* domain fronting */
		"curl -fsSk --connect-to evil.test:443:allowed.test:443 "
		"https://evil.test/page.html",
		"curl -fsSk --connect-to evil.test:443:allowed.test:443 https://127.0.0.1/",
		/* names, without a proxy to ask */
		"getent hosts allowed.test",
		"getent hosts example.org",
		"python3 -c 'import socket; s=socket.socket(2,2); "
		"s.sendto(b\"x\",(\"8.8.8.8\",53))'",
		"python3 -c 'import socket; socket.socket(2,3,1)'",
		"python3 -c 'import socket; socket.socket(17,3)'",
		"python3 -c 'import socket; socket.socket(40,1)'",
		"ip link add dummy0 type dummy",
		"unshare -rn ping -c1 -W2 1.1.1.1",
		"touch /run/cua-egress/x",
		"rm -f /run/cua-egress/proxy.sock && test ! -e /run/cua-egress/proxy.sock",
		"ls /run/cua-egress/../../tmp/cua-test-*",
		"test -e /run/cua/desktops || ls /var/lib/cua",
		"kill -0 2>/dev/null $(pgrep cua-egress)",
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(tries); i++) {
		char script[512];
		snprintf(script, sizeof(script), "if %s >/dev/null 2>&1; then echo out; fi",
				tries[i]);
		CUA_AUTO_FREE char *text = desktop_sh(&desktop, script);
		if (text[0]) {
			fail_msg("%s leads out", tries[i]);
		}
	}
	/* The servers of this machine listen on its loopback. */
	snprintf(own, sizeof(own),
			"curl --noproxy '*' -m 5 -sS http://127.0.0.1:%d/page.html 2>&1 || true",
			site.port);
	desktop_sh_expect(&desktop, own, "Couldn't connect");
	expect_decision("\"rule\":\"TLS names another server than CONNECT\","
			"\"detail\":\"evil.test\"");
}

static void the_network_is_told(void **state)
{
	struct cua_http_response response = { 0 };
	(void)state;
	assert_int_equal(desktop_http(&desktop, "GET", "/v1/desktop", NULL, 0, NULL, &response),
			200);
	CUA_AUTO_JSON cJSON *status = cJSON_Parse(response.body.data);
	cua_http_response_finish(&response);
	assert_string_equal(json_text(status, "network"), "allow");
	assert_string_equal(json_text(status, "names.0"), "*.wild.test");
	assert_string_equal(json_text(status, "names.1"), "allowed.test");
	assert_string_equal(json_text(status, "proxy"), "running");
}

static void the_proxy_has_no_rights(void **state)
{
	char path[64], text[4096] = "";
	(void)state;
	const pid_t pid = desktop_recorded_pid(&desktop, "egress");
	assert_true(pid > 0);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	CUA_AUTO_BUFFER struct cua_buffer status;
	cua_buffer_init(&status, 65536);
	assert_int_equal(cua_file_read(path, &status, NULL), CUA_OK);
	assert_non_null(strstr(status.data, "\nCapEff:\t0000000000000000\n"));
	assert_non_null(strstr(status.data, "\nNoNewPrivs:\t1\n"));
	assert_non_null(strstr(status.data, "\nSeccomp:\t2\n"));
	if (geteuid() == 0) {
		assert_non_null(strstr(status.data, "\nUid:\t65600\t65600\t65600\t65600\n"));
	}
	/* Nor does its command line say what it knows. */
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	CUA_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof(text)), strlen("cua-egress") + 1);
}

/* --- the browser --- */

#define PAGE_IS_THERE \
	"{\"action\":\"wait_for\",\"until\":\"window\",\"text\":\"Allowed " \
	"page\",\"timeout_ms\":60000}"

static void chromium_goes_through_the_proxy(void **state)
{
	(void)state;
	if (access("/usr/bin/chromium", X_OK) != 0) {
		skip();
	}
	desktop_do(&desktop,
			"[{\"action\":\"open_url\",\"url\":\"http://allowed.test/"
			"page.html\"}," PAGE_IS_THERE "]");
	desktop_do(&desktop, "[{\"action\":\"open_url\",\"url\":\"http://evil.test/\"}]");
	expect_decision("\"event\":\"denied\",\"by\":\"HTTP\",\"host\":\"evil.test\"");
	free(desktop_sh(&desktop,
			"pkill -x chromium; while pgrep -x chromium >/dev/null; do :; done"));
	free(desktop_sh(&desktop,
			"setsid chromium --ignore-certificate-errors --hide-crash-restore-bubble "
			"https://allowed.test/page.html >/dev/null 2>&1 </dev/null & echo"));
	desktop_do(&desktop, "[" PAGE_IS_THERE "]");
}

/* --- what breaks --- */

static bool relay_is_back(void *data)
{
	const pid_t *old = data;
	pid_t pid = 0;
	return desktop_pids(&desktop, "--relay", &pid, 1) == 1 && pid != *old;
}

static void a_dead_relay_is_started_again(void **state)
{
	pid_t pid = 0;
	(void)state;
	assert_int_equal(desktop_pids(&desktop, "--relay", &pid, 1), 1);
	kill_and_wait(pid);
	wait_until(relay_is_back, &pid, "another relay");
	desktop_sh_expect(&desktop, "curl -sS http://allowed.test/page.html", "hello from allowed");
}

static void without_the_proxy_there_is_no_route(void **state)
{
	char listed[256];
	(void)state;
	kill_and_wait(desktop_recorded_pid(&desktop, "egress"));
	desktop_sh_expect(&desktop, "curl -sS http://allowed.test/page.html",
			"The egress proxy of this sandbox has ended: there is no network");
	desktop_sh_expect(&desktop, "curl -sS --cacert ca.crt https://allowed.test/ 2>&1 || true",
			"503");
	desktop_sh_expect(&desktop, "curl -sS http://evil.test/", "there is no network");
	struct output output;
	world_cua(&world, &output, "desktop", "list", NULL);
	snprintf(listed, sizeof(listed), "%s", output.out);
	output_finish(&output);
	assert_non_null(strstr(listed, "network allow (its proxy has ended: none)"));
	/* It is had back from the same host, with the list of the first; and with a new host. */
	world_expect(&world, 1, "desktop", "start", "--name=net", "--network=allow:evil.test",
			NULL);
	const pid_t host = desktop_recorded_pid(&desktop, "host");
	world_expect(&world, 0, "desktop", "start", "--name=net", NULL);
	assert_int_equal(desktop_recorded_pid(&desktop, "host"), host);
	desktop_sh_expect(&desktop, "curl -sS http://allowed.test/page.html", "hello from allowed");
	kill_and_wait(desktop_recorded_pid(&desktop, "egress"));
	desktop_disconnect(&desktop);
	kill_and_wait(desktop_recorded_pid(&desktop, "host"));
	world_expect(&world, 0, "desktop", "start", "--name=net", NULL);
	desktop_sh_expect(&desktop, "curl -sS http://allowed.test/page.html", "hello from allowed");
	desktop_sh_expect(&desktop, "curl -sS http://evil.test/", "is not in the list");
}

/* --- options --- */

static void wrong_networks_start_nothing(void **state)
{
	static const struct {
		const char *option, *why;
	} rows[] = {
		{ "--network=", "must be none, open, allow" },
		{ "--network=some", "must be none, open, allow" },
		{ "--network=allow", "must be none, open, allow" },
		{ "--network=allow:", "is no name" },
		{ "--network=allow:*", "is no name" },
		{ "--network=allow:1.2.3.4", "is no name" },
		{ "--network=allow:https://example.org", "is no name" },
		{ "--network=allow:@/nonexistent", "/nonexistent" },
	};
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct output output;
		world_cua(&world, &output, "desktop", "start", "--name=wrong", rows[i].option,
				NULL);
		assert_int_equal(output.exit_status, 2);
		if (!strstr(output.err, rows[i].why)) {
			fail_msg("%s: %s", rows[i].option, output.err);
		}
		output_finish(&output);
	}
	struct output output;
	world_cua(&world, &output, "desktop", "start", "--name=wrong", "--sandbox=none", ALLOW,
			NULL);
	assert_int_equal(output.exit_status, 2);
	output_finish(&output);
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

static void a_spare_desktop_is_handed_out_with_its_own_list_alone(void **state)
{
	struct desktop first, other, same;
	(void)state;
	desktop_start_with(
			&first, &world, "first", "--network=allow:allowed.test", "--pool=1", NULL);
	wait_until(has_spare, NULL, "a spare desktop");
	desktop_start_with(&other, &world, "other", "--network=allow:b.wild.test", NULL);
	assert_true(has_spare(NULL));
	const pid_t proxy = desktop_recorded_pid(&other, "egress");
	desktop_start_with(&same, &world, "same", "--network=allow:ALLOWED.test", NULL);
	assert_int_not_equal(desktop_recorded_pid(&same, "egress"), proxy);
	CUA_AUTO_FREE char *page = desktop_sh(&same, "curl -sS http://allowed.test/page.html");
	assert_non_null(strstr(page, "hello from"));
	CUA_AUTO_FREE char *refusal = desktop_sh(&other, "curl -sS http://allowed.test/page.html");
	assert_non_null(strstr(refusal, "not in the list"));
	world_expect(&world, 0, "desktop", "stop", "--pool", NULL);
	desktop_stop(&first);
	desktop_stop(&other);
	desktop_stop(&same);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(curl_and_python_reach_what_is_allowed),
		cmocka_unit_test(git_and_pip_work),
		cmocka_unit_test(npm_works),
		cmocka_unit_test(what_is_denied_is_told_and_written_down),
		cmocka_unit_test(no_other_way_leads_out),
		cmocka_unit_test(the_network_is_told),
		cmocka_unit_test(the_proxy_has_no_rights),
		cmocka_unit_test(chromium_goes_through_the_proxy),
		cmocka_unit_test(a_dead_relay_is_started_again),
		cmocka_unit_test(without_the_proxy_there_is_no_route),
		cmocka_unit_test(wrong_networks_start_nothing),
		cmocka_unit_test(a_spare_desktop_is_handed_out_with_its_own_list_alone),
	};
	return cmocka_run_group_tests_name("desktop_network", tests, start, finish);
}

/* The names of an allow list, against everything that looks like one of them, and the addresses
 * that no name may lead to. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "cua/egress/address.h"
#include "cua/egress/allow_list.h"
#include "cua/egress/request.h"
#include "tests/egress_spoofs.h"

static const char list[] = "*.wild.com,allowed.com";

/* The host that the proxy would go to; false if it refuses the request. */
static bool goes_to(const char *text, char ret_host[CUA_HOST_NAME_MAX + 1])
{
	struct egress_request request;
	size_t used = 0;
	egress_request_init(&request);
	const bool is_read = egress_request_read_head(&request, text, strlen(text), &used) ==
			EGRESS_READ_HEAD;
	if (is_read) {
		snprintf(ret_host, CUA_HOST_NAME_MAX + 1, "%s", request.host);
	}
	egress_request_finish(&request);
	return is_read;
}

static bool is_let_through(const char *text)
{
	char host[CUA_HOST_NAME_MAX + 1], rule[EGRESS_RULE_MAX];
	return goes_to(text, host) && egress_list_match(list, host, rule);
}

static bool spoof_is_let_through(const char *host)
{
	char connect[1024], plain[1024], with_port[1024], fronted[1024];
	snprintf(connect, sizeof(connect), "CONNECT %s:443 HTTP/1.1\r\nHost: %s:443\r\n\r\n", host,
			host);
	snprintf(plain, sizeof(plain), "GET http://%s/ HTTP/1.1\r\nHost: %s\r\n\r\n", host, host);
	snprintf(with_port, sizeof(with_port), "GET http://%s:80/ HTTP/1.1\r\nHost: %s\r\n\r\n",
			host, host);
	snprintf(fronted, sizeof(fronted), "GET http://allowed.com/ HTTP/1.1\r\nHost: %s\r\n\r\n",
			host);
	return is_let_through(connect) || is_let_through(plain) || is_let_through(with_port) ||
			is_let_through(fronted);
}

static void no_spoof_is_let_through(void **state)
{
	(void)state;
	assert_true(CUA_ARRAY_LEN(egress_spoofs) >= 250);
	for (size_t i = 0; i < CUA_ARRAY_LEN(egress_spoofs); i++) {
		if (spoof_is_let_through(egress_spoofs[i])) {
			fail_msg("\"%s\" is let through", egress_spoofs[i]);
		}
	}
}

/* Anywhere in the name, each byte there is, but for what surrounds a name and is no part of it:
 * blanks in a header field, the path in a URL. */
static void no_byte_in_a_name_is_overlooked(void **state)
{
	static const char name[] = "allowed.com";
	(void)state;
	for (size_t at = 0; at <= strlen(name); at++) {
		for (int byte = 1; byte < 256; byte++) {
			char host[32];
			if (at % strlen(name) == 0 && strchr(at == 0 ? " \t" : " \t/?", byte)) {
				continue;
			}
			snprintf(host, sizeof(host), "%.*s%c%s", (int)at, name, byte, name + at);
			if (spoof_is_let_through(host)) {
				fail_msg("byte %02x at %zu is let through", byte, at);
			}
		}
	}
}

static void names_are_let_through_in_any_case(void **state)
{
	static const char *const hosts[] = { "allowed.com", "ALLOWED.com", "Allowed.Com",
		"a.wild.com", "A.WILD.COM", "a.b.c.wild.com", "xn--bcher-kva.wild.com",
		"_dmarc.wild.com", "1.wild.com", "0x1.wild.com" };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(hosts); i++) {
		char connect[256], plain[256];
		snprintf(connect, sizeof(connect), "CONNECT %s:443 HTTP/1.1\r\n\r\n", hosts[i]);
		snprintf(plain, sizeof(plain), "GET http://%s/ HTTP/1.1\r\nHost: %s\r\n\r\n",
				hosts[i], hosts[i]);
		if (!is_let_through(connect) || !is_let_through(plain)) {
			fail_msg("%s is refused", hosts[i]);
		}
	}
}

static void over_long_names_are_refused(void **state)
{
	char name[300], host[CUA_HOST_NAME_MAX + 1];
	(void)state;
	memset(name, 'a', sizeof(name));
	assert_true(cua_host_name_read(name, 63, host));
	assert_false(cua_host_name_read(name, 64, host));
	for (size_t i = 0; i < sizeof(name); i += 2) {
		name[i] = '.';
	}
	assert_true(cua_host_name_read(name + 1, 253, host));
	assert_int_equal(strlen(host), 253);
	assert_false(cua_host_name_read(name + 1, 255, host));
}

/* --- lists --- */

static void a_list_is_sorted_and_has_each_name_once(void **state)
{
	char text[EGRESS_LIST_MAX];
	(void)state;
	assert_int_equal(egress_list_read("b.org,A.org,*.c.org,b.ORG", text, NULL), CUA_OK);
	assert_string_equal(text, "*.c.org,a.org,b.org");
}

static void what_is_no_name_is_said(void **state)
{
	static const char *const wrong[] = { "", ",", "a.org,", ",a.org", "a.org,,b.org", "com",
		"localhost", "*", "*.", "*.com", "**.a.org", "*a.org", "a.*.org", "http://a.org",
		"a.org/", "a.org:443", "a.org.", ".a.org", "127.0.0.1", "[::1]", "::1", "0x7f.1",
		"user@a.org", "a org", " a.org", "bücher.example", "a.org;b.org", "a.org b.org",
		"-", "a..org" };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(wrong); i++) {
		char text[EGRESS_LIST_MAX] = "untouched";
		struct cua_error why = { 0 };
		if (egress_list_read(wrong[i], text, &why) != CUA_ERR_INVAL) {
			fail_msg("\"%s\" is taken", wrong[i]);
		}
		assert_string_equal(text, "untouched");
		assert_non_null(strstr(why.msg, "example.org"));
	}
}

static enum cua_status read_file(
		const char *content, size_t len, char text[EGRESS_LIST_MAX], struct cua_error *err)
{
	char words[] = "@/tmp/cua-test-list-XXXXXX";
	const int fd = mkstemp(words + 1);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), len);
	close(fd);
	const enum cua_status status = egress_list_read(words, text, err);
	unlink(words + 1);
	return status;
}

static void a_file_has_a_name_a_line_and_comments(void **state)
{
	static const char content[] = "# packages\n\n  python.test  # and\r\n*.files.test\n"
				      "\tjs.test\t\n#end";
	char text[EGRESS_LIST_MAX];
	(void)state;
	assert_int_equal(read_file(content, sizeof(content) - 1, text, NULL), CUA_OK);
	assert_string_equal(text, "*.files.test,js.test,python.test");
}

static void a_mistake_in_a_file_has_its_line(void **state)
{
	static const char content[] = "python.test\n\nhttps://python.test\n";
	char text[EGRESS_LIST_MAX];
	struct cua_error why = { 0 };
	(void)state;
	assert_int_equal(read_file(content, sizeof(content) - 1, text, &why), CUA_ERR_INVAL);
	assert_non_null(strstr(why.msg, ":3: 'https://python.test' is no name"));
	assert_int_equal(read_file("a.org\0b.org", 11, text, &why), CUA_ERR_INVAL);
	assert_int_equal(read_file("# none\n", 7, text, &why), CUA_ERR_INVAL);
	assert_int_equal(egress_list_read("@/nonexistent/list", text, &why), CUA_ERR_NOT_FOUND);
}

static void a_list_has_a_bound(void **state)
{
	CUA_AUTO_FREE char *words = calloc(1, 3 * EGRESS_LIST_MAX);
	char text[EGRESS_LIST_MAX];
	struct cua_error why = { 0 };
	(void)state;
	assert_non_null(words);
	for (int i = 0; i < EGRESS_LIST_MAX / 8; i++) {
		sprintf(words + strlen(words), "%sn%04d.example.org", i > 0 ? "," : "", i % 300);
	}
	assert_int_equal(egress_list_read(words, text, &why), CUA_ERR_TOO_LARGE);
	assert_non_null(strstr(why.msg, "4095 bytes"));
}

/* --- addresses --- */

static const char *refusal_of(const char *text)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		return egress_address_refusal((struct sockaddr *)&v4);
	}
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return egress_address_refusal((struct sockaddr *)&v6);
}

static void no_name_may_lead_to_these(void **state)
{
	static const char *const refused[] = { "0.0.0.0", "0.255.255.255", "10.0.0.0",
		"10.255.255.255", "100.64.0.0", "100.100.100.200", "100.127.255.255", "127.0.0.1",
		"127.255.255.255", "168.63.129.16", "169.254.0.0", "169.254.169.254",
		"169.254.170.2", "169.254.255.255", "172.16.0.0", "172.31.255.255", "192.0.0.0",
		"192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.0", "192.168.255.255",
		"198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
		"239.255.255.250", "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1",
		"::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
		"64:ff9b::808:808", "64:ff9b:1::a9fe:a9fe", "100::1", "2001::1",
		"2001:0:4136:e378::1", "2001:10::1", "2001:1ff::1", "2001:db8::1",
		"2002:7f00:1::", "2002:808:808::1", "2002:a9fe:a9fe::1", "3fff::1", "fc00::1",
		"fd00:ec2::254", "fdff::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "ff0e::1",
		"2a00:1450::5efe:7f00:1", "2a00:1450::200:5efe:a00:1", "4000::1", "5f00::1",
		"e000::1" };
	static const char *const fine[] = { "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0",
		"100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "168.63.129.15",
		"169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0",
		"192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
		"2000::1", "2001:200::1", "2001:4860:4860::8888", "2003::1", "2606:4700:4700::1111",
		"2a00:1450:4001::5e", "3ffe::1" };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(refused); i++) {
		if (!refusal_of(refused[i])) {
			fail_msg("%s may be connected to", refused[i]);
		}
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(fine); i++) {
		if (refusal_of(fine[i])) {
			fail_msg("%s is %s", fine[i], refusal_of(fine[i]));
		}
	}
}

/* Whatever addresses this machine has, public ones among them. */
static void this_machine_is_refused(void **state)
{
	struct ifaddrs *all = NULL;
	int count = 0;
	(void)state;
	assert_int_equal(getifaddrs(&all), 0);
	for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
		if (at->ifa_addr &&
				(at->ifa_addr->sa_family == AF_INET ||
						at->ifa_addr->sa_family == AF_INET6)) {
			assert_non_null(egress_address_refusal(at->ifa_addr));
			count++;
		}
	}
	freeifaddrs(all);
	assert_true(count > 0);
	assert_non_null(egress_address_refusal(&(struct sockaddr){ .sa_family = AF_UNIX }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_spoof_is_let_through),
		cmocka_unit_test(no_byte_in_a_name_is_overlooked),
		cmocka_unit_test(names_are_let_through_in_any_case),
		cmocka_unit_test(over_long_names_are_refused),
		cmocka_unit_test(a_list_is_sorted_and_has_each_name_once),
		cmocka_unit_test(what_is_no_name_is_said),
		cmocka_unit_test(a_file_has_a_name_a_line_and_comments),
		cmocka_unit_test(a_mistake_in_a_file_has_its_line),
		cmocka_unit_test(a_list_has_a_bound),
		cmocka_unit_test(no_name_may_lead_to_these),
		cmocka_unit_test(this_machine_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

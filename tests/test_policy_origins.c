/* Origins and their patterns, against everything that looks like a host and is another. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent/policy/origin.h"
#include "cua/base/util.h"

/* "?": nobody can tell for certain where this goes. */
static const char *seen_as(const char *url)
{
	static char text[512];
	struct agent_origin origin;
	if (!agent_origin_read(url, &origin)) {
		return "?";
	}
	snprintf(text, sizeof(text), "%s://%s:%d", origin.scheme, origin.host, origin.port);
	return text;
}

static bool matches(const char *url, const char *pattern)
{
	struct agent_origin origin;
	return agent_origin_read(url, &origin) && agent_origin_matches(&origin, pattern);
}

/* None of these is https://allowed.com or a name under it, whatever it looks like. */
static const char *const spoofs[] = {
	/* the name within another */
	"https://allowed.com.evil.com/",
	"https://allowed.com.evil/",
	"https://notallowed.com/",
	"https://allowed.comm/",
	"https://allowed.co/",
	"https://allowed-com.evil.com/",
	"https://allowedXcom/",
	"https://evil.com/allowed.com",
	"https://evil.com/https://allowed.com",
	"https://evil.com?allowed.com",
	"https://evil.com?x=https://allowed.com/",
	"https://evil.com#allowed.com",
	"https://evil.com/#https://allowed.com/",
	"https://evil.com:443/allowed.com",
	"https://xallowed.com/",
	"https://allowed.com-evil.com/",
	"https://allowed.com_.evil.com/",
	"https://www-allowed.com/",
	/* scheme and port */
	"http://allowed.com/",
	"http://allowed.com:443/",
	"https://allowed.com:80/",
	"https://allowed.com:8443/",
	"https://allowed.com:4430/",
	"https://allowed.com:65536/",
	"https://allowed.com:99999999999/",
	"https://allowed.com:-443/",
	"https://allowed.com:443x/",
	"https://allowed.com:443@evil.com/",
	"ftp://allowed.com/",
	"ws://allowed.com/",
	"wss://allowed.com/",
	"httpss://allowed.com/",
	"https+x://allowed.com/",
	"view-source:https://allowed.com/",
	"blob:https://allowed.com/1",
	"filesystem:https://allowed.com/x",
	"javascript:location='https://allowed.com'",
	"javascript://allowed.com/%0aalert(1)",
	"data:text/html,https://allowed.com/",
	"data://allowed.com/",
	"file://allowed.com/etc/passwd",
	"chrome-extension://allowed.com/",
	"intent://allowed.com/#Intent;scheme=https;end",
	/* user names */
	"https://allowed.com@evil.com/",
	"https://allowed.com:x@evil.com/",
	"https://allowed.com%40evil.com/",
	"https://evil.com%40allowed.com/",
	"https://user@allowed.com/",
	"https://user:pass@allowed.com/",
	"https://evil.com@allowed.com/",
	"https://evil.com:443@allowed.com/",
	"https://@allowed.com/",
	"https://:@allowed.com/",
	"https://a@b@allowed.com/",
	"https://allowed.com%00@evil.com/",
	"https://allowed.com;x@evil.com/",
	/* slashes, backslashes, spaces, controls */
	"https:\\\\allowed.com/",
	"https:/\\allowed.com/",
	"https:\\/allowed.com/",
	"https://evil.com\\@allowed.com/",
	"https://allowed.com\\.evil.com/",
	"https://allowed.com\\@evil.com/",
	"https:///allowed.com/",
	"https:////allowed.com/",
	"https:/allowed.com/",
	"https:allowed.com/",
	"https//allowed.com/",
	"//allowed.com/",
	"allowed.com",
	" https://allowed.com/",
	"https://allowed.com /",
	"https:// allowed.com/",
	"https://allo wed.com/",
	"ht\ttps://allowed.com/",
	"https://allo\twed.com/",
	"https://allo\nwed.com/",
	"https://allowed.com\r\n.evil.com/",
	"https://allowed.com\x01/",
	"https://allowed.com\x7f/",
	"\x01https://allowed.com/",
	/* percent */
	"https://allowed.com%2eevil.com/",
	"https://allowed.com%2f.evil.com/",
	"https://allowed.com%23.evil.com/",
	"https://allowed.com%5c.evil.com/",
	"https://allowed.com%00.evil.com/",
	"https://allowed.com%20/",
	"https://allowed.com%0a.evil.com/",
	"https://%00allowed.com/",
	"https://allowed.com%/",
	"https://allowed.com%zz/",
	/* dots */
	"https://allowed.com./",
	"https://allowed.com../",
	"https://allowed..com/",
	"https://.allowed.com/",
	"https://..allowed.com/",
	"https://allowed.com.:443/",
	"https://allowed.com%2e/",
	"https://allowed。com.evil.com/",
	"https://allowed.com。/",
	/* letters that look alike, and ones that nobody sees */
	"https://аllowed.com/",
	"https://allоwed.com/",
	"https://allowеd.com/",
	"https://xn--llowed-4nf.com/",
	"https://allowed.cоm/",
	"https://allowed.com\xe2\x80\x8b.evil.com/",
	"https://\xe2\x80\xae"
	"moc.dewolla/",
	"https://allowed\xcc\x81.com/",
	"https://al\xc5\x82owed.com/",
	"https://allowed.com\xef\xbc\x8f.evil.com/",
	"https://allowed.com\xe2\x81\x84.evil.com/",
	"https://allowed.com\xef\xbc\x83.evil.com/",
	"https://allowed.com\xef\xbc\xa0"
	"evil.com/",
	"https://allowed.com\xe2\xa9\xb4"
	"evil.com/",
	"https://allowed.com\xef\xbc\x9a"
	"80/",
	"https://\xf0\x9f\x98\x80.com/",
	"https://allowed\xff.com/",
	"https://ⓔvil.com/",
	/* addresses */
	"https://[allowed.com]/",
	"https://[::ffff:7f00:1]/",
	"https://[::1%25allowed.com]/",
	"https://[::1]allowed.com/",
	"https://[::1].allowed.com.evil/",
	"https://1.2.3.4/allowed.com",
	"https://0x7f000001/",
	"https://allowed.com.1/",
	"https://allowed.com.0x1/",
	"https://0/",
	"https://127.0.0.1.allowed.com.evil/",
	/* nothing */
	"",
	"https://",
	"https://:443/",
	"https:///",
	"https://?allowed.com",
	"https://#allowed.com",
	"://allowed.com",
	"about:blank#https://allowed.com",
};

static void no_spoof_is_the_allowed_origin(void **state)
{
	(void)state;
	assert_true(CUA_ARRAY_LEN(spoofs) >= 130);
	for (size_t i = 0; i < CUA_ARRAY_LEN(spoofs); i++) {
		if (matches(spoofs[i], "https://allowed.com") ||
				matches(spoofs[i], "https://*.allowed.com")) {
			fail_msg("%s is taken for %s", spoofs[i], seen_as(spoofs[i]));
		}
	}
}

static void other_spellings_of_an_origin_are_the_same(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "https://allowed.com", "https://allowed.com" },
		{ "HTTPS://ALLOWED.COM/", "https://allowed.com" },
		{ "https://allowed.com:443/x?y#z", "https://allowed.com" },
		{ "https://allowed.com:0443/", "https://allowed.com" },
		{ "https://allowed.com:/", "https://allowed.com" },
		{ "https://%61llowed.com/", "https://allowed.com" },
		{ "https://allowed%2Ecom/", "https://allowed.com" },
		{ "https://allowed。com/", "https://allowed.com" },
		{ "https://ａllowed.com/", "https://allowed.com" },
		{ "https://ⓐllowed.com/", "https://allowed.com" },
		{ "https://allowed.com#@evil.com", "https://allowed.com" },
		{ "https://allowed.com?@evil.com", "https://allowed.com" },
		{ "https://allowed.com/@evil.com", "https://allowed.com" },
		{ "http://allowed.com:8080/", "http://allowed.com:8080" },
		{ "https://BÜCHER.example/", "https://xn--bcher-kva.example" },
		{ "https://xn--bcher-kva.example/", "https://bücher.example" },
		{ "https://faß.example/", "https://xn--fa-hia.example" },
		{ "http://[0:0:0:0:0:0:0:1]/", "http://[::1]" },
		{ "http://[::FFFF:1.2.3.4]/", "http://1.2.3.4" },
		{ "http://0x01020304/", "http://1.2.3.4" },
		{ "http://001.2.0x3.4/", "http://1.2.3.4" },
		{ "http://16909060/", "http://1.2.3.4" },
		{ "http://１.2.3.4/", "http://1.2.3.4" },
		{ "https://a.allowed.com/", "https://*.allowed.com" },
		{ "https://a.b.ALLOWED.com/", "https://*.allowed.com" },
		{ "https://a.allowed.com:8443/", "https://*.allowed.com:8443" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		if (!matches(rows[i][0], rows[i][1])) {
			fail_msg("%s is %s", rows[i][0], seen_as(rows[i][0]));
		}
	}
	assert_false(matches("https://allowed.com/", "https://*.allowed.com"));
	assert_false(matches("https://1.2.3.4/", "https://*.3.4.example"));
}

static void loopback_is_local_however_it_is_spelled(void **state)
{
	(void)state;
	static const char *const local[] = { "http://127.0.0.1/", "http://127.0.0.1:8080/x",
		"http://127.1/", "http://127.255.0.9/", "http://0177.0.0.1/", "http://0x7f.1/",
		"http://2130706433/", "http://017700000001/", "http://[::1]:3000/",
		"http://[0:0:0:0:0:0:0:1]/", "http://[::ffff:7f00:1]/",
		"http://[::ffff:127.0.0.1]/", "http://localhost/", "https://LOCALHOST:8443/",
		"http://app.localhost/", "http://１２７.0.0.1/", "about:blank", "ABOUT:blank",
		"chrome://newtab/", "file:///home/agent/x.html" };
	static const char *const foreign[] = { "http://128.0.0.1/", "http://10.0.0.1/",
		"http://[::2]/", "http://[::ffff:0a00:1]/", "http://localhost.evil.com/",
		"http://notlocalhost/", "http://127.0.0.1.evil.com/", "http://evil.com/127.0.0.1",
		"http://localhost@evil.com/", "http://0.0.0.0/", "file://evil.com/x",
		"data:text/html,x", "javascript:1", "http://169.254.169.254/",
		"http://[fe80::1%25lo]/", "chromes://newtab/", "http://localhost./" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(local); i++) {
		if (!matches(local[i], "local")) {
			fail_msg("%s is %s", local[i], seen_as(local[i]));
		}
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(foreign); i++) {
		if (matches(foreign[i], "local")) {
			fail_msg("%s is %s", foreign[i], seen_as(foreign[i]));
		}
	}
}

static void a_pattern_is_one_origin_or_the_names_under_one(void **state)
{
	(void)state;
	static const char *const good[] = { "https://example.org", "http://example.org:8080",
		"https://*.example.org", "https://bücher.example", "http://127.0.0.1:8080",
		"http://[::1]:80", "local", "ws://localhost:3000" };
	static const char *const bad[] = { "example.org", "https://", "https://*", "https://*.",
		"https://*.org", "https://*.127.0.0.1", "https://ex*mple.org", "https://www.*.org",
		"https://*example.org", "*://example.org", "*", "https://example.org/",
		"https://example.org/path", "https://example.org?x", "https://a@example.org",
		"https://example.org.", "https://example.org:99999", "https:example.org",
		"about:blank", "chrome://newtab", "file:///x", "Local", "", "https://exa mple.org",
		"https://*.*.example.org" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(good); i++) {
		struct cua_error why = { 0 };
		if (agent_origin_check(good[i], &why) != CUA_OK) {
			fail_msg("%s", why.msg);
		}
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(bad); i++) {
		struct cua_error why = { 0 };
		if (agent_origin_check(bad[i], &why) != CUA_ERR_INVAL) {
			fail_msg("%s is taken", bad[i]);
		}
		assert_non_null(strstr(why.msg, "'"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_spoof_is_the_allowed_origin),
		cmocka_unit_test(other_spellings_of_an_origin_are_the_same),
		cmocka_unit_test(loopback_is_local_however_it_is_spelled),
		cmocka_unit_test(a_pattern_is_one_origin_or_the_names_under_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

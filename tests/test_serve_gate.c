/* Who may knock: every host against every origin, for each way to ask. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cua/base/util.h"
#include "cua/server/gate.h"

static struct gate gate;

static int open_gate(void **state)
{
	(void)state;
	gate_init(&gate, "127.0.0.1", 8180, false);
	return gate_add(&gate, "https://agents.example.org", NULL) == CUA_OK ? 0 : -1;
}

static const struct {
	const char *host;
	bool is_ours;
} hosts[] = { { "127.0.0.1:8180", true }, { "localhost:8180", true }, { "[::1]:8180", true },
	{ "LOCALHOST:8180", true }, { "agents.example.org", true }, { "", false },
	{ "127.0.0.1", false }, { "127.0.0.1:80", false }, { "evil.example", false },
	{ "localhost.evil.example:8180", false }, { "127.0.0.1:8180.evil.example", false },
	{ "agents.example.org.", false } };

static const struct {
	const char *origin;
	bool is_ours;
} origins[] = { { "", true }, { "http://127.0.0.1:8180", true }, { "http://localhost:8180", true },
	{ "https://agents.example.org", true }, { "null", false }, { "http://evil.example", false },
	{ "https://127.0.0.1:8180", false }, { "http://127.0.0.1", false },
	{ "http://agents.example.org", false }, { "http://127.0.0.1:8180.evil.example", false } };

/* How a client asks; sites: as a browser would say it. */
static const struct {
	const char *method;
	bool is_websocket, has_token, has_cookie;
} ways[] = { { "GET", false, true, false }, { "POST", false, true, false },
	{ "GET", false, false, true }, { "POST", false, false, true }, { "GET", true, true, false },
	{ "GET", true, false, true } };

static void every_host_and_origin(void **state)
{
	size_t cells = 0;
	(void)state;
	for (size_t h = 0; h < CUA_ARRAY_LEN(hosts); h++) {
		for (size_t o = 0; o < CUA_ARRAY_LEN(origins); o++) {
			for (size_t w = 0; w < CUA_ARRAY_LEN(ways); w++) {
				const struct gate_request request = { .method = ways[w].method,
					.host = hosts[h].host,
					.origin = origins[o].origin,
					.fetch_site = "",
					.fetch_mode = "",
					.is_websocket = ways[w].is_websocket,
					.has_token = ways[w].has_token,
					.has_cookie = ways[w].has_cookie };
				const enum gate_verdict expected = !hosts[h].is_ours
						? GATE_WRONG_HOST
						: !origins[o].is_ours ? GATE_OTHER_SITE
						: ways[w].has_cookie && !origins[o].origin[0]
						? GATE_NO_ORIGIN
						: GATE_OPEN;
				const enum gate_verdict verdict = gate_check(&gate, &request);
				if (verdict != expected) {
					fail_msg("%s %s from %s, way %zu: %d", ways[w].method,
							hosts[h].host, origins[o].origin, w,
							verdict);
				}
				cells++;
			}
		}
	}
	assert_int_equal(cells, 720);
}

static void what_a_browser_says_of_sites_counts(void **state)
{
	static const struct {
		const char *method, *site, *mode;
		bool is_page, has_token;
		enum gate_verdict verdict;
	} rows[] = { { "GET", "same-origin", "cors", false, false, GATE_OPEN },
		{ "GET", "none", "navigate", false, false, GATE_OPEN },
		{ "GET", "cross-site", "cors", false, false, GATE_OTHER_SITE },
		{ "GET", "cross-site", "navigate", false, false, GATE_OTHER_SITE },
		{ "GET", "same-site", "cors", false, false, GATE_OTHER_SITE },
		{ "GET", "cross-site", "no-cors", false, true, GATE_OTHER_SITE },
		/* A link to the page itself; not a frame of it, and not its forms. */
		{ "GET", "cross-site", "navigate", true, false, GATE_OPEN },
		{ "GET", "cross-site", "no-cors", true, false, GATE_OTHER_SITE },
		{ "POST", "cross-site", "navigate", true, false, GATE_OTHER_SITE },
		{ "POST", "same-origin", "cors", false, false, GATE_NO_ORIGIN },
		{ "POST", "something new", "cors", false, true, GATE_OTHER_SITE } };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		const struct gate_request request = { .method = rows[i].method,
			.host = "localhost:8180",
			.origin = "",
			.fetch_site = rows[i].site,
			.fetch_mode = rows[i].mode,
			.is_page = rows[i].is_page,
			.has_token = rows[i].has_token,
			.has_cookie = !rows[i].has_token };
		const enum gate_verdict verdict = gate_check(&gate, &request);
		if (verdict != rows[i].verdict) {
			fail_msg("row %zu: %d", i, verdict);
		}
	}
}

static void public_urls_are_names_alone(void **state)
{
	static const char *const bad[] = { "agents.example.org", "ftp://x", "https://", "https://*",
		"https://x/path", "https://user@x", "https://x?y", "https://x y" };
	struct gate other;
	(void)state;
	gate_init(&other, "192.0.2.1", 443, true);
	assert_int_equal(other.count, 2);
	assert_string_equal(other.origins[0], "https://192.0.2.1:443");
	assert_string_equal(other.origins[1], "https://192.0.2.1");
	for (size_t i = 0; i < CUA_ARRAY_LEN(bad); i++) {
		if (gate_add(&other, bad[i], NULL) == CUA_OK) {
			fail_msg("%s is taken", bad[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_host_and_origin),
		cmocka_unit_test(what_a_browser_says_of_sites_counts),
		cmocka_unit_test(public_urls_are_names_alone),
	};
	return cmocka_run_group_tests(tests, open_gate, NULL);
}

/* Who knocks: Host, Origin, what a browser says of sites, cookies, tokens and tickets, a line each.
 * Nothing is let in that does not name us, and no guess is a token or a ticket. */
#include <limits.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "cua/server/gate.h"
#include "cua/server/session.h"
#include "cua/server/tickets.h"
#include "tests/fuzz/fuzz.h"

enum line { METHOD, HOST, ORIGIN, SITE, MODE, COOKIE, TOKEN, LINES };

static struct gate gate;
static struct store *store;
static struct tickets *tickets;
static char dir[] = "/tmp/cua-fuzz-XXXXXX";

static void forget(void)
{
	tickets_destroy(tickets);
	store_close(store);
	(void)!cua_remove_tree(dir, NULL);
}

static void begin(void)
{
	char path[64], ticket[TICKET_SIZE];
	const struct ticket_grant grant = { .kind = "rfb", .subject = "desktop" };
	int64_t expires_ms = 0;
	FUZZ_CHECK(sodium_init() >= 0 && mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/server.db", dir);
	FUZZ_CHECK(store_open(path, &store, NULL) == CUA_OK);
	tickets = tickets_create(store, INT_MAX);
	FUZZ_CHECK(tickets &&
			tickets_make(tickets, &grant, "", ticket, &expires_ms, NULL) == CUA_OK);
	gate_init(&gate, "127.0.0.1", 8180, false);
	FUZZ_CHECK(gate_add(&gate, "https://agents.example.org", NULL) == CUA_OK);
	atexit(forget);
}

static bool is_host_of_ours(const char *host)
{
	for (int i = 0; i < gate.count; i++) {
		if (strcasecmp(gate.hosts[i], host) == 0) {
			return true;
		}
	}
	return false;
}

static bool is_origin_of_ours(const char *origin)
{
	for (int i = 0; i < gate.count; i++) {
		if (strcmp(gate.origins[i], origin) == 0) {
			return true;
		}
	}
	return false;
}

static bool take_cookie(char *host, char *cookie)
{
	static const char *const names[] = { "host", "cookie", NULL };
	const struct cua_http_head head = { .headers = { host, cookie }, .header_names = names };
	char session[TOKEN_SIZE];
	if (!session_of_cookie(&head, session)) {
		return false;
	}
	FUZZ_CHECK(memchr(session, '\0', sizeof(session)) && strstr(cookie, session));
	FUZZ_CHECK(!strchr(session, ';'));
	return true;
}

static void knock(char *lines[LINES])
{
	const bool has_cookie = take_cookie(lines[HOST], lines[COOKIE]);
	const bool is_get = strcmp(lines[METHOD], "GET") == 0 || strcmp(lines[METHOD], "HEAD") == 0;
	for (int bits = 0; bits < 8; bits++) {
		const struct gate_request request = { lines[METHOD], lines[HOST], lines[ORIGIN],
			lines[SITE], lines[MODE], bits & 1, bits & 2, bits & 4, has_cookie };
		if (gate_check(&gate, &request) != GATE_OPEN) {
			continue;
		}
		FUZZ_CHECK(is_host_of_ours(request.host));
		FUZZ_CHECK(!request.origin[0] || is_origin_of_ours(request.origin));
		/* What a cookie alone does was asked for by a page of ours. */
		FUZZ_CHECK(!has_cookie || request.has_token || request.is_page ||
				request.origin[0] ||
				(is_get && !request.is_websocket && request.fetch_site[0]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char nothing[] = "";
	char *lines[LINES];
	struct caller caller;
	struct ticket_grant grant;
	CUA_AUTO_FREE char *text = calloc(1, size + 1);
	FUZZ_CHECK(text);
	memcpy(text, data, size);
	if (!store) {
		begin();
	}
	char *rest = text;
	for (size_t i = 0; i < LINES; i++) {
		lines[i] = rest ? strsep(&rest, "\n") : nothing;
	}
	knock(lines);
	for (int kind = TOKEN_API; kind <= TOKEN_LOGIN; kind++) {
		FUZZ_CHECK(token_check(store, lines[TOKEN], (enum token_kind)kind, &caller, NULL) ==
				CUA_ERR_NOT_FOUND);
	}
	FUZZ_CHECK(tickets_use(tickets, lines[TOKEN], "rfb", "desktop", "", &grant, NULL) ==
			CUA_ERR_NOT_FOUND);
	return 0;
}

#include "cua/server/gate.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cua/base/host_name.h"
#include "cua/base/util.h"

static void add_one(struct gate *gate, const char *scheme, const char *host)
{
	if (gate->count < GATE_NAMES_MAX) {
		snprintf(gate->hosts[gate->count], sizeof(gate->hosts[0]), "%s", host);
		snprintf(gate->origins[gate->count], sizeof(gate->origins[0]), "%s://%s", scheme,
				host);
		gate->count++;
	}
}

/* A client leaves out the port that goes without saying. */
static void add(struct gate *gate, const char *scheme, const char *host)
{
	const char *port = strcmp(scheme, "https") == 0 ? ":443" : ":80";
	const size_t len = strlen(host), port_len = strlen(port);
	add_one(gate, scheme, host);
	if (len > port_len && strcmp(host + len - port_len, port) == 0) {
		char name[256];
		snprintf(name, sizeof(name), "%.*s", (int)(len - port_len), host);
		add_one(gate, scheme, name);
	}
}

void gate_init(struct gate *gate, const char *address, int port, bool is_tls)
{
	static const char *const names[] = { "127.0.0.1", "localhost", "[::1]" };
	const char *scheme = is_tls ? "https" : "http";
	const bool is_loopback = strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
	char host[256];
	*gate = (struct gate){ .count = 0 };
	for (size_t i = 0; is_loopback && i < CUA_ARRAY_LEN(names); i++) {
		snprintf(host, sizeof(host), "%s:%d", names[i], port);
		add(gate, scheme, host);
	}
	if (!is_loopback || (strcmp(address, "127.0.0.1") != 0 && strcmp(address, "::1") != 0)) {
		const bool is_ipv6 = strchr(address, ':') != NULL;
		snprintf(host, sizeof(host), "%s%s%s:%d", is_ipv6 ? "[" : "", address,
				is_ipv6 ? "]" : "", port);
		add(gate, scheme, host);
	}
}

enum cua_status gate_add(struct gate *gate, const char *public_url, struct cua_error *err)
{
	const bool is_https = strncmp(public_url, "https://", 8) == 0;
	const char *host = is_https ? public_url + 8 : public_url + 7;
	if (!is_https && strncmp(public_url, "http://", 7) != 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%.200s is no URL: one is https://agents.example.org", public_url);
	}
	const size_t len = strcspn(host, "/");
	if (len == 0 || host[len] || strpbrk(host, "@?#\\ \t*") || len >= sizeof(gate->hosts[0])) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%.200s: scheme, name and port alone, as in "
				"https://agents.example.org",
				public_url);
	}
	if (gate->count == GATE_NAMES_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "more than %d public URLs",
				GATE_NAMES_MAX);
	}
	add(gate, is_https ? "https" : "http", host);
	return CUA_OK;
}

static bool is_safe(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static bool is_host(const struct gate *gate, const char *host)
{
	for (int i = 0; i < gate->count; i++) {
		if (strcasecmp(gate->hosts[i], host) == 0) {
			return true;
		}
	}
	return false;
}

static bool is_origin(const struct gate *gate, const char *origin)
{
	for (int i = 0; i < gate->count; i++) {
		if (strcmp(gate->origins[i], origin) == 0) {
			return true;
		}
	}
	return false;
}

enum gate_verdict gate_check(const struct gate *gate, const struct gate_request *request)
{
	const char *site = request->fetch_site;
	if (!is_host(gate, request->host)) {
		return GATE_WRONG_HOST;
	}
	if (request->origin[0] && !is_origin(gate, request->origin)) {
		return GATE_OTHER_SITE;
	}
	const bool is_other_site =
			site[0] && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
	/* A link on another site may lead to our page, which shows nothing without its cookie. */
	const bool is_link = request->is_page && is_safe(request->method) &&
			strcmp(request->fetch_mode, "navigate") == 0;
	if (is_other_site && !is_link) {
		return GATE_OTHER_SITE;
	}
	const bool acts = !is_safe(request->method) || request->is_websocket;
	const bool is_named = request->origin[0] || (!acts && site[0]);
	if (request->has_cookie && !request->has_token && !is_named && !request->is_page) {
		return GATE_NO_ORIGIN;
	}
	return GATE_OPEN;
}

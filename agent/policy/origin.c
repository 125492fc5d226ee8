#include "agent/policy/origin.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>
#include <idn2.h>

#include "cua/base/host_name.h"
#include "cua/base/util.h"

static const char wildcard[] = "://*.";

/* --- hosts --- */

static bool copy_lower(char *to, size_t size, const char *from)
{
	const size_t len = strlen(from);
	for (size_t i = 0; i <= len && len < size; i++) {
		to[i] = from[i] >= 'A' && from[i] <= 'Z' ? (char)(from[i] - 'A' + 'a') : from[i];
	}
	return len < size;
}

static bool read_ipv4(const struct in_addr *address, struct agent_origin *origin)
{
	origin->is_address = true;
	origin->is_local = ntohl(address->s_addr) >> 24 == IN_LOOPBACKNET;
	return inet_ntop(AF_INET, address, origin->host, sizeof(origin->host));
}

/* host: with its brackets. */
static bool read_ipv6(const char *host, struct agent_origin *origin)
{
	char text[INET6_ADDRSTRLEN + 2];
	struct in6_addr address;
	const size_t len = strlen(host);
	if (len < 2 || len >= sizeof(text) || host[len - 1] != ']') {
		return false;
	}
	snprintf(text, sizeof(text), "%.*s", (int)len - 2, host + 1);
	if (inet_pton(AF_INET6, text, &address) != 1) {
		return false;
	}
	if (IN6_IS_ADDR_V4MAPPED(&address)) {
		struct in_addr mapped;
		memcpy(&mapped, &address.s6_addr[12], sizeof(mapped));
		return read_ipv4(&mapped, origin);
	}
	origin->is_address = true;
	origin->is_local = IN6_IS_ADDR_LOOPBACK(&address);
	return inet_ntop(AF_INET6, &address, origin->host, sizeof(origin->host));
}

static bool read_name(const char *host, struct agent_origin *origin)
{
	CUA_AUTO_FREE char *ascii = NULL;
	struct in_addr address;
	if (idn2_to_ascii_8z(host, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK) {
		return false;
	}
	if (inet_pton(AF_INET, ascii, &address) == 1) {
		return read_ipv4(&address, origin);
	}
	if (!cua_host_name_read(ascii, strlen(ascii), origin->host)) {
		return false;
	}
	origin->is_local = strcmp(origin->host, "localhost") == 0 ||
			cua_host_name_is_under(origin->host, "localhost");
	return true;
}

/* --- URLs --- */

/* What browsers drop or turn around before they read a URL makes two readers see two hosts. */
static bool is_plain(const char *url)
{
	for (const char *at = url; *at; at++) {
		const unsigned char byte = (unsigned char)*at;
		if (byte <= 0x20 || byte == 0x7f || byte == '\\') {
			return false;
		}
	}
	const char *rest = strstr(url, "://");
	return rest && (rest[3] != '/' || strncasecmp(url, "file:", 5) == 0);
}

static bool has_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	const bool is_there = curl_url_get(url, part, &text, 0) == CURLUE_OK;
	curl_free(text);
	return is_there;
}

static bool read_scheme(CURLU *url, struct agent_origin *origin)
{
	char *text = NULL;
	const bool is_there = curl_url_get(url, CURLUPART_SCHEME, &text, 0) == CURLUE_OK &&
			copy_lower(origin->scheme, sizeof(origin->scheme), text);
	curl_free(text);
	return is_there;
}

static bool read_host(CURLU *url, struct agent_origin *origin)
{
	char *host = NULL, *port = NULL;
	bool is_well = curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
			(host[0] == '[' ? read_ipv6(host, origin) : read_name(host, origin));
	if (is_well && curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK) {
		origin->port = (int)strtol(port, NULL, 10);
	}
	curl_free(host);
	curl_free(port);
	return is_well;
}

static bool is_own_page(const struct agent_origin *origin)
{
	return strcmp(origin->scheme, "chrome") == 0 || strcmp(origin->scheme, "file") == 0;
}

static bool read_url(CURLU *url, const char *text, struct agent_origin *origin)
{
	static const CURLUPart never[] = { CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS,
		CURLUPART_ZONEID };
	if (curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
			!read_scheme(url, origin)) {
		return false;
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(never); i++) {
		if (has_part(url, never[i])) {
			return false;
		}
	}
	if (is_own_page(origin)) {
		origin->is_local = true;
		return true;
	}
	return read_host(url, origin);
}

bool agent_origin_read(const char *url, struct agent_origin *ret_origin)
{
	struct agent_origin origin = { 0 };
	if (strncasecmp(url, "about:", strlen("about:")) == 0) {
		*ret_origin = (struct agent_origin){ .scheme = "about", .is_local = true };
		return true;
	}
	CURLU *parsed = is_plain(url) ? curl_url() : NULL;
	const bool is_well = parsed && read_url(parsed, url, &origin);
	curl_url_cleanup(parsed);
	if (is_well) {
		*ret_origin = origin;
	}
	return is_well;
}

/* --- patterns --- */

/* As a URL, without its wildcard. */
static bool read_pattern(const char *pattern, struct agent_origin *ret_origin, bool *ret_is_under)
{
	char url[AGENT_HOST_MAX + 64];
	const char *star = strstr(pattern, wildcard);
	*ret_is_under = star != NULL;
	const int scheme_len = star ? (int)(star - pattern) : 0;
	const int len = star ? snprintf(url, sizeof(url), "%.*s://%s", scheme_len, pattern,
					       star + strlen(wildcard))
			     : snprintf(url, sizeof(url), "%s", pattern);
	return len > 0 && (size_t)len < sizeof(url) && agent_origin_read(url, ret_origin);
}

enum cua_status agent_origin_check(const char *pattern, struct cua_error *err)
{
	struct agent_origin origin;
	bool is_under = false;
	if (strcmp(pattern, "local") == 0) {
		return CUA_OK;
	}
	const char *rest = strstr(pattern, "://");
	if (!rest || rest[3 + strcspn(rest + 3, "/?#")] ||
			!read_pattern(pattern, &origin, &is_under) || !origin.host[0]) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"'%.80s' is no origin: write https://example.org, "
				"http://example.org:8080, https://*.example.org for the names "
				"under it, or local",
				pattern);
	}
	if (is_under && (origin.is_address || !strchr(origin.host, '.'))) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"'%.80s' is too wide: behind *. stands a name of two parts or more",
				pattern);
	}
	return CUA_OK;
}

bool agent_origin_matches(const struct agent_origin *origin, const char *pattern)
{
	struct agent_origin wanted;
	bool takes_under = false;
	if (strcmp(pattern, "local") == 0) {
		return origin->is_local;
	}
	return read_pattern(pattern, &wanted, &takes_under) &&
			strcmp(origin->scheme, wanted.scheme) == 0 && origin->port == wanted.port &&
			(takes_under ? !origin->is_address &&
									cua_host_name_is_under(
											origin->host,
											wanted.host)
				     : strcmp(origin->host, wanted.host) == 0);
}

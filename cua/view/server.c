#include "cua/view/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/http_client.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define ANSWER_TIMEOUT_MS 30000

/* --- where it is --- */

/* "name", "name:8180", "[::1]:8180" */
static bool parse_host(struct view_server *server, const char *authority)
{
	const bool is_ipv6 = authority[0] == '[';
	const char *name = is_ipv6 ? authority + 1 : authority;
	const size_t len = strcspn(name, is_ipv6 ? "]" : ":");
	const char *port = name + len + (is_ipv6 && name[len] == ']');
	char *end = NULL;
	if (len == 0 || len >= sizeof(server->host) || (is_ipv6 && name[len] != ']')) {
		return false;
	}
	snprintf(server->host, sizeof(server->host), "%.*s", (int)len, name);
	server->port = server->is_tls ? 443 : 80;
	if (*port == ':') {
		server->port = (int)strtol(port + 1, &end, 10);
		return end != port + 1 && !*end && server->port > 0 && server->port < 65536;
	}
	return !*port;
}

enum cua_status view_server_init(struct view_server *server, const char *url, const char *token,
		struct cua_error *err)
{
	static const char *const schemes[] = { "http://", "https://" };
	*server = (struct view_server){ .is_tls = strncmp(url, schemes[1], 8) == 0 };
	const char *scheme = schemes[server->is_tls];
	const char *authority = url + strlen(scheme);
	const size_t len = strncmp(url, scheme, strlen(scheme)) == 0 ? strcspn(authority, "/") : 0;
	snprintf(server->host_header, sizeof(server->host_header), "%.*s", (int)len, authority);
	if (len == 0 || len >= sizeof(server->host_header) || strlen(authority + len) > 1 ||
			strpbrk(server->host_header, "@?# \t\r\n") ||
			!parse_host(server, server->host_header)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%.200s is not where a server is: that is http://127.0.0.1:8180, "
				"or "
				"https://agents.example.org",
				url);
	}
	if (!token[0] || strlen(token) > 200 || strpbrk(token, " \t\r\n")) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"the token is none; cua serve token NAME --scopes=act makes one");
	}
	snprintf(server->url, sizeof(server->url), "%s%s", scheme, server->host_header);
	snprintf(server->authorization, sizeof(server->authorization), "Authorization: Bearer %s",
			token);
	return CUA_OK;
}

struct tunnel_target view_server_target(const struct view_server *server, const char *path)
{
	return (struct tunnel_target){ .host = server->host,
		.port = server->port,
		.is_tls = server->is_tls,
		.host_header = server->host_header,
		.path = path };
}

/* --- asking --- */

/* Its own words, where it is a problem (RFC 9457). */
static enum cua_status refused(const struct view_server *server,
		const struct cua_http_response *response, const cJSON *answer,
		struct cua_error *err)
{
	const char *detail = cua_json_string(answer, "detail");
	const enum cua_status status = response->http_status == 404 ? CUA_ERR_NOT_FOUND
			: response->http_status >= 500              ? CUA_ERR_UNAVAILABLE
			: response->http_status == 401 || response->http_status == 403
			? CUA_ERR_POLICY
			: CUA_ERR_INVAL;
	if (detail) {
		return CUA_FAIL(err, status, 0, "%s: %.400s", server->url, detail);
	}
	return CUA_FAIL(err, status, 0, "%s answers %ld, and is no cua serve", server->url,
			response->http_status);
}

static enum cua_status ask(const struct view_server *server, const char *method, const char *path,
		const char *body, cJSON **ret_answer, struct cua_error *err)
{
	char url[1024];
	const char *const headers[] = { server->authorization, "Content-Type: application/json",
		NULL };
	const struct cua_http_request request = { .method = method,
		.url = url,
		.headers = headers,
		.body = body,
		.body_len = body ? strlen(body) : 0,
		.no_proxy = true,
		.total_timeout_ms = ANSWER_TIMEOUT_MS };
	struct cua_http_client *client = NULL;
	struct cua_http_response response = { 0 };
	snprintf(url, sizeof(url), "%s%s", server->url, path);
	enum cua_status status = cua_http_client_create(NULL, -1, &client, err);
	if (status != CUA_OK) {
		return status;
	}
	status = cua_http_perform(client, &request, &response, err);
	CUA_AUTO_JSON cJSON *answer = response.body.data ? cJSON_Parse(response.body.data) : NULL;
	if (status == CUA_OK && (response.http_status / 100 != 2 || !answer)) {
		status = refused(server, &response, answer, err);
	}
	if (status == CUA_OK) {
		*ret_answer = CUA_STEAL(answer);
	}
	cua_http_response_finish(&response);
	cua_http_client_destroy(client);
	return status;
}

static enum cua_status find_only(const struct view_server *server, char *ret_name, size_t size,
		struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *list = NULL;
	enum cua_status status = ask(server, "GET", "/v1/desktops", NULL, &list, err);
	const cJSON *items = cua_json_member(list, "items");
	if (status != CUA_OK) {
		return status;
	}
	if (cJSON_GetArraySize(items) != 1) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s has %d desktops; -d NAME says which",
				server->url, cJSON_GetArraySize(items));
	}
	snprintf(ret_name, size, "%s", cua_json_text(cJSON_GetArrayItem(items, 0), "name"));
	return CUA_OK;
}

/* A name goes into paths as it is. */
static enum cua_status check_name(const char *name, struct cua_error *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	return name[0] && strlen(name) == strspn(name, letters)
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_INVAL, 0, "\"%.100s\" is no name of a desktop",
					  name);
}

enum cua_status view_server_find(const struct view_server *server, const char *name, char *ret_name,
		size_t size, struct cua_error *err)
{
	char path[256];
	CUA_AUTO_JSON cJSON *desktop = NULL;
	if (!name) {
		return find_only(server, ret_name, size, err);
	}
	enum cua_status status = check_name(name, err);
	if (status == CUA_OK) {
		snprintf(path, sizeof(path), "/v1/desktops/%.100s", name);
		status = ask(server, "GET", path, NULL, &desktop, err);
	}
	if (status == CUA_OK) {
		snprintf(ret_name, size, "%s", name);
	}
	return status;
}

enum cua_status view_server_ticket(const struct view_server *server, const char *desktop,
		const char *mode, char *ret_path, size_t size, struct cua_error *err)
{
	char path[256], body[64];
	CUA_AUTO_JSON cJSON *answer = NULL;
	snprintf(path, sizeof(path), "/v1/desktops/%.100s/viewers", desktop);
	snprintf(body, sizeof(body), "{\"mode\":\"%.20s\"}", mode);
	enum cua_status status = ask(server, "POST", path, body, &answer, err);
	const char *opened = cua_json_text(answer, "path");
	if (status == CUA_OK && (opened[0] != '/' || strlen(opened) >= size)) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s answers without a path", server->url);
	}
	if (status == CUA_OK) {
		snprintf(ret_path, size, "%s", opened);
	}
	return status;
}

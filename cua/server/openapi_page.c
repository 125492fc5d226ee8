/* /docs: what openapi.json says, for people. One page without a script. */

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/server.h"

#define PAGE_MAX_LEN ((size_t)4 << 20)

static const char style[] =
		"body{font:16px/1.5 system-ui,sans-serif;margin:0 "
		"auto;max-width:60rem;padding:1rem;"
		"color:#1a1a1a;background:#fff}"
		"code{font:.9em ui-monospace,monospace;overflow-wrap:anywhere}"
		"h2{border-top:1px solid #999;padding-top:1rem}"
		"table{border-collapse:collapse;width:100%}"
		"th,td{border-bottom:1px solid #ccc;padding:.2rem .6rem .2rem 0;text-align:left;"
		"vertical-align:top}"
		"a{color:#0b57a4}"
		"@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}"
		"a{color:#8ab8ff}th,td{border-color:#444}}";

/* Its failures are looked at once, at the end. */
struct page {
	struct cua_buffer *html;
	enum cua_status status;
	struct cua_error *err;
};

static void add(struct page *page, const char *html)
{
	if (page->status == CUA_OK) {
		page->status = cua_buffer_append(page->html, html, strlen(html), page->err);
	}
}

static void add_text(struct page *page, const char *text)
{
	for (; *text; text++) {
		const char one[] = { *text, '\0' };
		add(page,
				*text == '<'                   ? "&lt;"
						: *text == '>' ? "&gt;"
						: *text == '&' ? "&amp;"
						: *text == '"' ? "&quot;"
							       : one);
	}
}

static void add_code(struct page *page, const char *text)
{
	add(page, "<code>");
	add_text(page, text);
	add(page, "</code>");
}

/* --- fields --- */

static void add_link(struct page *page, const struct fields *fields)
{
	add(page, "<a href=\"#");
	add_text(page, fields->name);
	add(page, "\">");
	add_text(page, fields->name);
	add(page, "</a>");
}

static void add_type(struct page *page, const struct field *field)
{
	static const char *const names[] = { [FIELD_TEXT] = "text",
		[FIELD_NUMBER] = "number",
		[FIELD_WHOLE] = "whole number",
		[FIELD_BOOL] = "true or false",
		[FIELD_OBJECT] = "",
		[FIELD_LIST] = "list of ",
		[FIELD_TEXTS] = "list of texts",
		[FIELD_ANY] = "JSON" };
	char bounds[80] = "";
	add(page, names[field->type]);
	if (field->of) {
		add_link(page, field->of);
	}
	if (field->choices) {
		add(page, ": ");
		add_text(page, field->choices);
	}
	if (field->min != 0 || field->max != 0) {
		snprintf(bounds, sizeof(bounds), ", %.15g to %.15g", field->min, field->max);
		add(page, bounds);
	}
	if (field->flags & FIELD_NULLABLE) {
		add(page, ", or null");
	}
}

static void add_fields(struct page *page, const struct fields *fields)
{
	add(page, "<table><tr><th>Name<th>Type<th>Required<th>About\n");
	for (const struct field *field = fields->list; field->name; field++) {
		add(page, "<tr><td>");
		add_code(page, field->name);
		add(page, "<td>");
		add_type(page, field);
		add(page, field->flags & FIELD_REQUIRED ? "<td>yes<td>" : "<td><td>");
		add_text(page, field->help ? field->help : "");
		add(page, "\n");
	}
	add(page, "</table>\n");
}

/* --- operations --- */

static void add_scopes(struct page *page, const struct route *route)
{
	CUA_AUTO_JSON cJSON *scopes = scopes_json(route->scope);
	const cJSON *scope = NULL;
	if (route->flags & (ROUTE_PUBLIC | ROUTE_TICKET)) {
		add(page,
				route->flags & ROUTE_TICKET ? "<p>With a ticket.\n"
							    : "<p>Without a token.\n");
		return;
	}
	add(page, "<p>With ");
	cJSON_ArrayForEach (scope, scopes) {
		add(page, scope == scopes->child ? "the scope " : " and ");
		add_code(page, scope->valuestring);
	}
	add(page, scopes->child ? ".\n" : "any token.\n");
}

static void add_route(struct page *page, const struct route *route)
{
	add(page, "<h3 id=\"");
	add_text(page, route->name);
	add(page, "\"><code>");
	add_text(page, route->method);
	add(page, " ");
	add_text(page, route->path);
	add(page, "</code></h3>\n<p>");
	add_text(page, route->summary);
	add(page, ".\n");
	add_scopes(page, route);
	if (route->query) {
		add(page, "<p>Query:\n");
		add_fields(page, route->query);
	}
	if (route->body || route->flags & ROUTE_BYTES) {
		add(page, "<p>Body: ");
		if (route->body) {
			add_link(page, route->body);
		} else {
			add(page, "bytes");
		}
		add(page, "\n");
	}
	if (route->answer) {
		add(page,
				route->flags & ROUTE_LIST ? "<p>Answer: <code>items</code>, each "
							  : "<p>Answer: ");
		add_link(page, route->answer);
		add(page, route->flags & ROUTE_LIST ? ", and <code>next</code>\n" : "\n");
	}
}

/* --- schemas: each once --- */

static void add_schema(struct page *page, cJSON *seen, const struct fields *fields)
{
	if (!fields || cua_json_member(seen, fields->name)) {
		return;
	}
	cJSON_AddTrueToObject(seen, fields->name);
	add(page, "<h3 id=\"");
	add_text(page, fields->name);
	add(page, "\">");
	add_text(page, fields->name);
	add(page, "</h3>\n");
	add_fields(page, fields);
	for (const struct field *field = fields->list; field->name; field++) {
		add_schema(page, seen, field->of);
	}
}

static void add_schemas(struct page *page)
{
	CUA_AUTO_JSON cJSON *seen = cJSON_CreateObject();
	add(page, "<h2 id=\"objects\">Objects</h2>\n");
	for (const struct routes *const *routes = server_routes; *routes; routes++) {
		for (size_t i = 0; i < (*routes)->count; i++) {
			const struct route *route = &(*routes)->list[i];
			add_schema(page, seen, route->body);
			add_schema(page, seen, route->answer);
			for (const struct field *field = route->query ? route->query->list : NULL;
					field && field->name; field++) {
				add_schema(page, seen, field->of);
			}
		}
	}
}

static void add_contents(struct page *page)
{
	add(page, "<ul>\n");
	for (const struct routes *const *routes = server_routes; *routes; routes++) {
		add(page, "<li><a href=\"#tag-");
		add_text(page, (*routes)->tag);
		add(page, "\">");
		add_text(page, (*routes)->about);
		add(page, "</a>\n");
	}
	add(page, "<li><a href=\"#objects\">Objects</a>\n</ul>\n");
}

/* The style is let in by its hash, and nothing else. */
enum cua_status openapi_page_headers(struct cua_buffer *headers, struct cua_error *err)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char text[sodium_base64_ENCODED_LEN(sizeof(hash), sodium_base64_VARIANT_ORIGINAL)];
	crypto_hash_sha256(hash, (const unsigned char *)style, strlen(style));
	sodium_bin2base64(text, sizeof(text), hash, sizeof(hash), sodium_base64_VARIANT_ORIGINAL);
	return cua_buffer_printf(headers, err,
			"content-security-policy: default-src 'none'; style-src 'sha256-%s'; "
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
			"referrer-policy: no-referrer\r\n",
			text);
}

static enum cua_status write_page(struct cua_buffer *html, struct cua_error *err)
{
	struct page page = { html, CUA_OK, err };
	add(&page,
			"<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
			"<meta name=\"viewport\" content=\"width=device-width\">"
			"<title>cua: the HTTP API</title><style>");
	add(&page, style);
	add(&page,
			"</style>\n<main><h1>cua: the HTTP API</h1>\n<p>For programs: "
			"<a href=\"/openapi.json\">openapi.json</a>. What is wrong is told as "
			"<code>application/problem+json</code>.\n");
	add_contents(&page);
	for (const struct routes *const *routes = server_routes; *routes; routes++) {
		add(&page, "<h2 id=\"tag-");
		add_text(&page, (*routes)->tag);
		add(&page, "\">");
		add_text(&page, (*routes)->about);
		add(&page, "</h2>\n");
		for (size_t i = 0; i < (*routes)->count; i++) {
			add_route(&page, &(*routes)->list[i]);
		}
	}
	add_schemas(&page);
	add(&page, "</main></html>\n");
	return page.status;
}

enum cua_status openapi_page_make(struct openapi_file *file, struct cua_error *err)
{
	struct cua_buffer html;
	cua_buffer_init(&html, PAGE_MAX_LEN);
	enum cua_status status = write_page(&html, err);
	if (status != CUA_OK) {
		cua_buffer_finish(&html);
		return status;
	}
	file->text = html.data;
	file->len = html.len;
	openapi_tag(file);
	return CUA_OK;
}

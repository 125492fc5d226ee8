/* The page itself: its files, for anybody. They show nothing without a session. */

#include <stdio.h>
#include <string.h>

#include "cua/server/page.h"
#include "cua/server/routes.h"
#include "cua/server/server.h"

/* Nothing but our own files and our own server: no script, style or frame of anybody else's,
 * nothing inline, and no text that becomes markup. data: and blob: are pictures, of pointers and of
 * frames. Source: Content Security Policy Level 3; Trusted Types. */
#define POLICY \
	"content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; " \
	"img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; manifest-src 'none'; " \
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " \
	"require-trusted-types-for 'script'; trusted-types 'none'\r\n" \
	"x-frame-options: DENY\r\n" \
	"referrer-policy: no-referrer\r\n" \
	"cross-origin-opener-policy: same-origin\r\n" \
	"cross-origin-resource-policy: same-origin\r\n" \
	"permissions-policy: camera=(), microphone=(), geolocation=(), payment=(), usb=()\r\n"

static const char no_page[] =
		"This cua was built without its page.\n\n"
		"The page is built with npm: install it (containers/install-deps.sh web), then\n"
		"  cmake -S . -B build -DCUA_WEB=ON && cmake --build build\n"
		"and start cua serve again. All that the page does, /openapi.json lists for "
		"programs.\n";

static enum cua_status answer_none(struct request *request, struct cua_error *err)
{
	request->http_status = 404;
	request->file_type = "text/plain; charset=utf-8";
	return cua_buffer_append(&request->file, no_page, strlen(no_page), err);
}

static enum cua_status answer_file(struct request *request, const struct page_file *file,
		const char *cache, struct cua_error *err)
{
	static const char *const codings[PAGE_CODINGS] = { "content-encoding: br\r\n",
		"content-encoding: gzip\r\n", "" };
	const enum page_coding coding =
			page_choose(file, cua_http_header(request->head, "accept-encoding"));
	const struct cua_buffer *bytes = &file->forms[coding];
	request->file_type = file->type;
	request->cache = cache;
	snprintf(request->etag, sizeof(request->etag), "%s", file->etags[coding]);
	enum cua_status status = cua_buffer_printf(&request->headers, err,
			POLICY "vary: accept-encoding\r\n%s", codings[coding]);
	return status == CUA_OK ? cua_buffer_append(&request->file, bytes->data, bytes->len, err)
				: status;
}

/* It names the files of its assets, by what is in them: it is asked for anew each time. */
static enum cua_status get_page(struct request *request, struct cua_error *err)
{
	const struct page_file *file = page_find(&request->server->page, "index.html");
	return file ? answer_file(request, file, "no-cache", err) : answer_none(request, err);
}

static enum cua_status get_asset(struct request *request, struct cua_error *err)
{
	const char *name = request->parameters[0];
	const struct page_file *file = strcmp(name, "index.html") == 0
			? NULL
			: page_find(&request->server->page, name);
	return file ? answer_file(request, file, "public, max-age=31536000, immutable", err)
		    : CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "the page has no file \"%.100s\"", name);
}

static const struct route table[] = {
	{ "GET", "/", "getPage", "The page, for people", 0, ROUTE_PUBLIC | ROUTE_FILE, NULL, NULL,
			NULL, 0, get_page },
	{ "GET", "/assets/{file}", "getPageFile", "A file of the page", 0,
			ROUTE_PUBLIC | ROUTE_FILE, NULL, NULL, NULL, 0, get_asset },
};
const struct routes page_routes = ROUTES("page", "The page, for people", table);

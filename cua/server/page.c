#include "cua/server/page.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cua/base/file.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"

#define FILES_MAX 256
#define FILE_MAX_LEN ((size_t)8 << 20)

static const struct {
	const char *ending, *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".svg", "image/svg+xml" },
	{ ".png", "image/png" },
	{ ".woff2", "font/woff2" },
};

static const char *const endings[PAGE_CODINGS] = { ".br", ".gz", "" };

/* NULL: it is no file of a page, or another form of one. */
static const char *type_of(const char *name)
{
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; dot && i < CUA_ARRAY_LEN(types); i++) {
		if (strcmp(types[i].ending, dot) == 0) {
			return types[i].type;
		}
	}
	return NULL;
}

static void make_etag(const struct cua_buffer *bytes, char etag[40])
{
	unsigned char hash[16];
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)bytes->data, bytes->len, NULL,
			0);
	etag[0] = '"';
	sodium_bin2hex(etag + 1, 33, hash, sizeof(hash));
	strcpy(etag + 33, "\"");
}

static enum cua_status read_forms(struct page_file *file, const char *folder, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (int i = 0; status == CUA_OK && i < PAGE_CODINGS; i++) {
		char path[CUA_PATH_MAX + 300];
		snprintf(path, sizeof(path), "%s/%s%s", folder, file->name, endings[i]);
		status = cua_file_read(path, &file->forms[i], err);
		if (status == CUA_ERR_NOT_FOUND && i != PAGE_PLAIN) {
			status = CUA_OK;
		}
		make_etag(&file->forms[i], file->etags[i]);
	}
	return status;
}

static enum cua_status add_file(struct page_files *page, const char *folder, const char *name,
		struct cua_error *err)
{
	if (page->count == FILES_MAX || strlen(name) >= sizeof(page->files[0].name)) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"%s/%s: more files than a page has, or too long a name", folder,
				name);
	}
	struct page_file *file = &page->files[page->count++];
	snprintf(file->name, sizeof(file->name), "%s", name);
	file->type = type_of(name);
	for (int i = 0; i < PAGE_CODINGS; i++) {
		cua_buffer_init(&file->forms[i], FILE_MAX_LEN);
	}
	return read_forms(file, folder, err);
}

static enum cua_status add_assets(
		struct page_files *page, const char *folder, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	DIR *dir = opendir(folder);
	if (!dir) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", folder);
	}
	for (const struct dirent *entry = NULL; status == CUA_OK && (entry = readdir(dir));) {
		if (type_of(entry->d_name)) {
			status = add_file(page, folder, entry->d_name, err);
		}
	}
	closedir(dir);
	return status;
}

enum cua_status page_load(struct page_files *page, struct cua_error *err)
{
	char program[CUA_PATH_MAX], folder[CUA_PATH_MAX + 32], assets[CUA_PATH_MAX + 64];
	struct cua_error error = { 0 };
	enum cua_status status = cua_program_path("cua", program, sizeof(program), err);
	if (status != CUA_OK) {
		return status;
	}
	*strrchr(program, '/') = '\0';
	snprintf(folder, sizeof(folder), "%s/../share/cua/web", program);
	snprintf(assets, sizeof(assets), "%s/assets", folder);
	page->files = calloc(FILES_MAX, sizeof(*page->files));
	if (!page->files) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "page");
	}
	status = add_file(page, folder, "index.html", &error);
	if (status == CUA_ERR_NOT_FOUND) {
		page_finish(page);
		return CUA_OK;
	}
	if (status == CUA_OK) {
		status = add_assets(page, assets, &error);
	}
	return status == CUA_OK ? CUA_OK
				: CUA_FAIL(err, status, error.sys_errno, "the page: %s", error.msg);
}

void page_finish(struct page_files *page)
{
	for (size_t i = 0; i < page->count; i++) {
		for (int k = 0; k < PAGE_CODINGS; k++) {
			cua_buffer_finish(&page->files[i].forms[k]);
		}
	}
	free(page->files);
	*page = (struct page_files){ 0 };
}

const struct page_file *page_find(const struct page_files *page, const char *name)
{
	for (size_t i = 0; i < page->count; i++) {
		if (strcmp(page->files[i].name, name) == 0) {
			return &page->files[i];
		}
	}
	return NULL;
}

/* Is the coding in the list, and not with a weight of nothing? Source: RFC 9110, 12.5.3. */
static bool takes(const char *accepted, const char *coding)
{
	const size_t len = strlen(coding);
	for (const char *at = accepted; *at;) {
		at += strspn(at, ", \t");
		const size_t item_len = strcspn(at, ",");
		const size_t name_len = strcspn(at, ",; \t");
		if (name_len == len && strncasecmp(at, coding, len) == 0) {
			const char *weight = memchr(at, '=', item_len);
			return !weight || strtod(weight + 1, NULL) > 0;
		}
		at += item_len;
	}
	return false;
}

enum page_coding page_choose(const struct page_file *file, const char *accepted)
{
	if (file->forms[PAGE_BROTLI].len > 0 && takes(accepted, "br")) {
		return PAGE_BROTLI;
	}
	return file->forms[PAGE_GZIP].len > 0 && takes(accepted, "gzip") ? PAGE_GZIP : PAGE_PLAIN;
}

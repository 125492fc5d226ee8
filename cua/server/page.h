#ifndef CUA_SERVER_PAGE_H
#define CUA_SERVER_PAGE_H

/* The files of the page, cua/web as npm built it: read once, when the server starts, and served
 * from memory. A request names one of them or nothing: no path of this machine is made of it. */

#include <stddef.h>

#include "cua/base/buffer.h"
#include "cua/base/error.h"

enum page_coding { PAGE_BROTLI, PAGE_GZIP, PAGE_PLAIN, PAGE_CODINGS };

struct page_file {
	char name[128];   /* "index.html", or of a file in assets/ its name there */
	const char *type; /* Content-Type */
	/* The same bytes; of a coding that was not worth it there are none. */
	struct cua_buffer forms[PAGE_CODINGS];
	char etags[PAGE_CODINGS][40];
};

struct page_files {
	struct page_file *files;
	size_t count; /* 0: cua was built without its page */
};

/* Reads share/cua/web beside the folder of our programs; that there is none is no error. */
CUA_NODISCARD enum cua_status page_load(struct page_files *page, struct cua_error *err);
void page_finish(struct page_files *page);

/* NULL: there is none. */
const struct page_file *page_find(const struct page_files *page, const char *name);
/* The smallest form that a client takes, by its Accept-Encoding. */
enum page_coding page_choose(const struct page_file *file, const char *accepted);

#endif

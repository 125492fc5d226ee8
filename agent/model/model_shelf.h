#ifndef CUA_AGENT_MODEL_SHELF_H
#define CUA_AGENT_MODEL_SHELF_H

/* What a server keeps of a conversation, and is sent again only if it has lost it: texts in a file
 * without a name, so that a long run needs no more memory than a short one. */

#include <sys/types.h>

#include "agent/model/model_api.h"

struct model_shelf {
	int fd;       /* owned if is_open */
	bool is_open; /* something was put there */
	size_t count; /* texts */
	off_t len;    /* bytes */
};

/**
 * model_shelf_put() - puts texts behind those that are there.
 * @dir:   the folder of the file; NULL: there is none.
 * @texts: copied, all or none.
 *
 * Return: false if that cannot be; memory has to do.
 */
bool model_shelf_put(struct model_shelf *shelf, const char *dir, const struct model_items *texts);
/* Takes all back, in their order, and leaves none. CUA_ERR_NOT_FOUND if the file cannot be read. */
CUA_NODISCARD enum cua_status model_shelf_take(
		struct model_shelf *shelf, struct model_items *ret_texts, struct cua_error *err);
/* Forgets all. */
void model_shelf_finish(struct model_shelf *shelf);

#endif

#ifndef CUA_SERVER_WORKSPACE_TAR_INTERNAL_H
#define CUA_SERVER_WORKSPACE_TAR_INTERNAL_H

/* Between workspace_tar.c, into an archive, and workspace_untar.c, out of one. */

#include <locale.h>

#include "cua/server/workspace_tar.h"

#define BLOCK_LEN 65536

/* libarchive takes names apart by the locale of the thread, and breaks off at what that has not. */
locale_t workspace_tar_enter(locale_t *ret_before);
void workspace_tar_leave(locale_t utf8, locale_t before);

#endif

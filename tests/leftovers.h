#ifndef CUA_TESTS_LEFTOVERS_H
#define CUA_TESTS_LEFTOVERS_H

/* What has to be gone after a desktop. */

#include "tests/world.h"

/* Directories, sockets of the X server, and the processes of the world or of the desktop's uid. */
void assert_nothing_left(const struct world *world, const char *name, uid_t uid);

#endif

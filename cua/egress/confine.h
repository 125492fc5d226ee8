#ifndef CUA_EGRESS_CONFINE_H
#define CUA_EGRESS_CONFINE_H

#include "cua/base/error.h"

/* A process of ours that stands between a sandbox and the network has no more descriptors. */
#define EGRESS_DESCRIPTORS_MAX 1024

/**
 * egress_confine() - give up, before the first byte is heard, what such a process does not need:
 * other programs, files but to read those of name resolution, sockets to listen on and unix
 * sockets, being read.
 *
 * Return: CUA_OK; CUA_ERR_UNAVAILABLE if the machine cannot: without Landlock it must be a user of
 *         its own, EGRESS_UID.
 */
CUA_NODISCARD enum cua_status egress_confine(struct cua_error *err);

#endif

#ifndef CUA_DESKTOP_GATEWAY_H
#define CUA_DESKTOP_GATEWAY_H

/* The gateway of a sandboxed desktop with the network "open": its interface and its process. It
 * runs as the egress proxies do, and writes to the same log; see cua/desktop_egress.h. */

#include "display/desktop_record.h"

/* Before anything is started: CUA_ERR_UNAVAILABLE, saying what to do, if the network of this
 * desktop cannot be had here. */
CUA_NODISCARD enum cua_status desktop_gateway_check(
		const struct desktop_settings *settings, struct cua_error *err);

/**
 * desktop_gateway_start() - the gateway of this desktop, if it is to have one and has none. Its
 * sandbox is there already.
 *
 * Its process is in the record, and the record written, when this returns; it ends with the
 * sandbox in any case.
 *
 * Return: CUA_OK; CUA_ERR_UNAVAILABLE with the reason; CUA_ERR_IO.
 */
CUA_NODISCARD enum cua_status desktop_gateway_start(
		struct desktop_record *record, struct cua_error *err);

#endif

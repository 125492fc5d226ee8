#ifndef CUA_DESKTOP_EGRESS_H
#define CUA_DESKTOP_EGRESS_H

/* The egress proxy of a desktop with the network "allow": its process, its socket and its log. */

#include "display/desktop_record.h"

/* In the folder of the desktop: what the sandbox sees, and the decisions. */
#define DESKTOP_EGRESS_FOLDER "egress"
#define DESKTOP_EGRESS_LOG "egress.jsonl"

/**
 * desktop_egress_start() - the proxy of this desktop, if it is to have one and has none.
 *
 * Its process is in the record, and the record written, before it serves anybody: from then on
 * cua_desktop_stop_by_name() ends it.
 *
 * Return: CUA_OK; CUA_ERR_UNAVAILABLE with the proxy's reason; CUA_ERR_IO.
 */
CUA_NODISCARD enum cua_status desktop_egress_start(
		struct desktop_record *record, struct cua_error *err);

#endif

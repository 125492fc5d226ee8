#ifndef CUA_CUA_EGRESS_DECISIONS_H
#define CUA_CUA_EGRESS_DECISIONS_H

/* What proxies and gateways have decided, from the logs that they write. */

#include <stdbool.h>

/* To stdout, a line each, those of the old log (EGRESS_LOG_OLD) first; as_json: as they stand
 * there. Of a file that is not there, nothing. */
void cua_print_egress_decisions(const char *log_path, bool as_json);

#endif

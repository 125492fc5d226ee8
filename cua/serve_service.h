#ifndef CUA_SERVE_SERVICE_H
#define CUA_SERVE_SERVICE_H

/* `cua serve` as a service of systemd: of the system for root, else of the user. */

#include <stdbool.h>

#include "cua/base/buffer.h"
#include "cua/base/error.h"

struct server_options;

/* The unit that starts a server with these options. CUA_ERR_INVAL for what no unit can say. */
CUA_NODISCARD enum cua_status serve_service_unit(const struct server_options *options,
		struct cua_buffer *text, struct cua_error *err);

/* Writes it where systemd looks for it and says what is to be done next. CUA_ERR_EXISTS if there is
 * another one. */
CUA_NODISCARD enum cua_status serve_service_install(
		const struct server_options *options, struct cua_error *err);

#endif

#ifndef CUA_BASE_LOG_H
#define CUA_BASE_LOG_H

/* One line per message on stderr: time, level, module, text. Define CUA_LOG_MODULE before
 * including. The level comes from CUA_LOG (error, warn, info, debug, trace), default info.
 * CUA_LOG_FORMAT=json: each is an object of JSON. Typed text, cookies, keys and passwords are never
 * passed to it. */

#include "cua/base/error.h"

enum cua_log_level {
	CUA_LOG_LEVEL_ERROR, /* a request failed */
	CUA_LOG_LEVEL_WARN,  /* it goes on degraded, and the message says how */
	CUA_LOG_LEVEL_INFO,  /* once per desktop */
	CUA_LOG_LEVEL_DEBUG, /* once per action */
	CUA_LOG_LEVEL_TRACE, /* per frame or event */
};

void cua_log_write(enum cua_log_level level, const char *module, const char *fmt, ...)
		CUA_PRINTF(3, 4);

#define cua_log_error(...) cua_log_write(CUA_LOG_LEVEL_ERROR, CUA_LOG_MODULE, __VA_ARGS__)
#define cua_log_warn(...) cua_log_write(CUA_LOG_LEVEL_WARN, CUA_LOG_MODULE, __VA_ARGS__)
#define cua_log_info(...) cua_log_write(CUA_LOG_LEVEL_INFO, CUA_LOG_MODULE, __VA_ARGS__)
#define cua_log_debug(...) cua_log_write(CUA_LOG_LEVEL_DEBUG, CUA_LOG_MODULE, __VA_ARGS__)

#endif

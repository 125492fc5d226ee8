#ifndef CUA_BASE_ERROR_H
#define CUA_BASE_ERROR_H

/* Errors are values: they travel to an HTTP client, a model or a terminal, and only the last
 * of these prints them. Each status belongs to one class, which says whose fault it is. */

#define CUA_NODISCARD __attribute__((warn_unused_result))
#define CUA_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum cua_status {
	CUA_OK = 0,
	CUA_ERR_INVAL,         /* caller: a value breaks the contract */
	CUA_ERR_NOT_FOUND,     /* caller: no such desktop, window, path, application */
	CUA_ERR_EXISTS,        /* caller: the name is taken */
	CUA_ERR_TOO_LARGE,     /* caller: over a stated bound */
	CUA_ERR_CANCELLED,     /* caller: went away or asked to stop */
	CUA_ERR_NOMEM,         /* environment */
	CUA_ERR_IO,            /* environment: a system call failed, see sys_errno */
	CUA_ERR_X11,           /* environment: the X server refused a request */
	CUA_ERR_TIMEOUT,       /* environment: the deadline passed */
	CUA_ERR_CLOSED,        /* environment: the peer or the X server went away */
	CUA_ERR_UNAVAILABLE,   /* environment: something this machine lacks, a sandbox for one */
	CUA_ERR_APP,           /* environment: an application failed */
	CUA_ERR_MODEL,         /* model: its API failed or its answer cannot be used */
	CUA_ERR_MODEL_KEY,     /* model: it wants a key, or another one */
	CUA_ERR_MODEL_QUOTA,   /* model: no credit is left, or too much was asked of the account */
	CUA_ERR_MODEL_UNKNOWN, /* model: there is none of that name at that address */
	CUA_ERR_MODEL_UNREACHABLE, /* model: no name, no route, no TLS, nobody who answers */
	CUA_ERR_POLICY,            /* policy: a rule or a refused safety check stopped it */
	CUA_ERR_PERSON,            /* person: someone at a viewer has the input */
	CUA_STATUS_COUNT,
};

enum cua_error_class {
	CUA_CLASS_CALLER,
	CUA_CLASS_ENVIRONMENT,
	CUA_CLASS_MODEL,
	CUA_CLASS_POLICY,
	CUA_CLASS_PERSON,
};

struct cua_error {
	enum cua_status status;
	int sys_errno; /* 0 when no system call is to blame */
	char msg[512]; /* one line of UTF-8; fit to show a user or a model */
};

/* Fills err, which may be NULL; never allocates. A sys_errno other than 0 adds its text. */
void cua_error_set(struct cua_error *err, enum cua_status status, int sys_errno, const char *fmt,
		...) CUA_PRINTF(4, 5);

/* Puts "context: " before the message; for the caller who knows what was being attempted. */
void cua_error_prefix(struct cua_error *err, const char *fmt, ...) CUA_PRINTF(2, 3);

/* Fill err and yield status: `return CUA_FAIL(err, ...)`.
 * A macro so compilers and analyzers see which constant is returned. */
#define CUA_FAIL(err, status, sys_errno, ...) \
	(cua_error_set(err, status, sys_errno, __VA_ARGS__), (status))

/* The code that goes over the wire: "invalid", "not_found", ... */
const char *cua_status_name(enum cua_status status);
/* The inverse; CUA_ERR_CLOSED for a name this build does not know. */
enum cua_status cua_status_from_name(const char *name);
enum cua_error_class cua_status_class(enum cua_status status);
const char *cua_error_class_name(enum cua_error_class class);
/* HTTP status code that answers a request failing with this status; 200 for CUA_OK. */
int cua_status_http(enum cua_status status);

#endif

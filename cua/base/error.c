#include "cua/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	enum cua_error_class class;
	int http;
} statuses[CUA_STATUS_COUNT] = {
	[CUA_OK] = { "ok", CUA_CLASS_CALLER, 200 },
	[CUA_ERR_INVAL] = { "invalid", CUA_CLASS_CALLER, 400 },
	[CUA_ERR_NOT_FOUND] = { "not_found", CUA_CLASS_CALLER, 404 },
	[CUA_ERR_EXISTS] = { "exists", CUA_CLASS_CALLER, 409 },
	[CUA_ERR_TOO_LARGE] = { "too_large", CUA_CLASS_CALLER, 413 },
	[CUA_ERR_CANCELLED] = { "cancelled", CUA_CLASS_CALLER, 499 },
	[CUA_ERR_NOMEM] = { "no_memory", CUA_CLASS_ENVIRONMENT, 503 },
	[CUA_ERR_IO] = { "io", CUA_CLASS_ENVIRONMENT, 503 },
	[CUA_ERR_X11] = { "x11", CUA_CLASS_ENVIRONMENT, 503 },
	[CUA_ERR_TIMEOUT] = { "timeout", CUA_CLASS_ENVIRONMENT, 504 },
	[CUA_ERR_CLOSED] = { "closed", CUA_CLASS_ENVIRONMENT, 503 },
	[CUA_ERR_UNAVAILABLE] = { "unavailable", CUA_CLASS_ENVIRONMENT, 503 },
	[CUA_ERR_APP] = { "application", CUA_CLASS_ENVIRONMENT, 502 },
	[CUA_ERR_MODEL] = { "model", CUA_CLASS_MODEL, 502 },
	[CUA_ERR_POLICY] = { "policy", CUA_CLASS_POLICY, 403 },
	[CUA_ERR_PERSON] = { "person", CUA_CLASS_PERSON, 423 },
};

void cua_error_set(
		struct cua_error *err, enum cua_status status, int sys_errno, const char *fmt, ...)
{
	if (!err) {
		return;
	}
	err->status = status;
	err->sys_errno = sys_errno;
	va_list args;
	va_start(args, fmt);
	int used = vsnprintf(err->msg, sizeof(err->msg), fmt, args);
	va_end(args);
	if (sys_errno != 0 && used >= 0 && (size_t)used < sizeof(err->msg)) {
		snprintf(err->msg + used, sizeof(err->msg) - (size_t)used, ": %s",
				strerrordesc_np(sys_errno) ? strerrordesc_np(sys_errno)
							   : "unknown error");
	}
}

void cua_error_prefix(struct cua_error *err, const char *fmt, ...)
{
	if (!err) {
		return;
	}
	char old[sizeof(err->msg)];
	memcpy(old, err->msg, sizeof(old));
	va_list args;
	va_start(args, fmt);
	int used = vsnprintf(err->msg, sizeof(err->msg), fmt, args);
	va_end(args);
	if (used >= 0 && (size_t)used < sizeof(err->msg)) {
		snprintf(err->msg + used, sizeof(err->msg) - (size_t)used, ": %s", old);
	}
}

const char *cua_status_name(enum cua_status status)
{
	return status < CUA_STATUS_COUNT ? statuses[status].name : "unknown";
}

enum cua_status cua_status_from_name(const char *name)
{
	for (int i = 0; name && i < CUA_STATUS_COUNT; i++) {
		if (strcmp(statuses[i].name, name) == 0) {
			return (enum cua_status)i;
		}
	}
	return CUA_ERR_CLOSED;
}

enum cua_error_class cua_status_class(enum cua_status status)
{
	return status < CUA_STATUS_COUNT ? statuses[status].class : CUA_CLASS_ENVIRONMENT;
}

const char *cua_error_class_name(enum cua_error_class class)
{
	switch (class) {
	case CUA_CLASS_CALLER:
		return "caller";
	case CUA_CLASS_ENVIRONMENT:
		return "environment";
	case CUA_CLASS_MODEL:
		return "model";
	case CUA_CLASS_POLICY:
		return "policy";
	case CUA_CLASS_PERSON:
		return "person";
	}
	return "environment";
}

int cua_status_http(enum cua_status status)
{
	return status < CUA_STATUS_COUNT ? statuses[status].http : 500;
}

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
	[CUA_ERR_MODEL_KEY] = { "model_key", CUA_CLASS_MODEL, 502 },
	[CUA_ERR_MODEL_QUOTA] = { "model_quota", CUA_CLASS_MODEL, 502 },
	[CUA_ERR_MODEL_UNKNOWN] = { "model_unknown", CUA_CLASS_MODEL, 502 },
	[CUA_ERR_MODEL_UNREACHABLE] = { "model_unreachable", CUA_CLASS_MODEL, 502 },
	[CUA_ERR_POLICY] = { "policy", CUA_CLASS_POLICY, 403 },
	[CUA_ERR_PERSON] = { "person", CUA_CLASS_PERSON, 423 },
};

/* Bytes of the character at text; 0 if there is none or it is a control character.
 * Source: RFC 3629, section 4. */
static size_t character_len(const unsigned char *text)
{
	static const struct {
		unsigned char first_min, first_max, second_min, second_max;
		size_t len;
	} forms[] = { { 0xc2, 0xc2, 0xa0, 0xbf, 2 }, { 0xc3, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 } };
	if (text[0] < 0x80) {
		return text[0] >= 0x20 && text[0] != 0x7f ? 1 : 0;
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (text[0] < forms[i].first_min || text[0] > forms[i].first_max) {
			continue;
		}
		if (text[1] < forms[i].second_min || text[1] > forms[i].second_max) {
			return 0;
		}
		for (size_t k = 2; k < forms[i].len; k++) {
			if ((text[k] & 0xc0) != 0x80) {
				return 0;
			}
		}
		return forms[i].len;
	}
	return 0;
}

/* A message quotes what others sent, and quotes are cut anywhere: what breaks the line becomes
 * a space, and a piece of a character a question mark. */
static void make_one_line(char *msg)
{
	unsigned char *at = (unsigned char *)msg;
	while (*at) {
		const size_t len = character_len(at);
		if (len == 0) {
			*at = *at < 0x80 ? ' ' : '?';
		}
		at += len ? len : 1;
	}
}

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
	make_one_line(err->msg);
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
		const int left = (int)sizeof(err->msg) - used;
		snprintf(err->msg + used, (size_t)left, ": %.*s", left, old);
	}
	make_one_line(err->msg);
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

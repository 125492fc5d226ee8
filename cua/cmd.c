#include "cua/cmd.h"

#include <stdarg.h>
#include <stdio.h>

int cua_cmd_fail(const struct cua_error *error)
{
	fprintf(stderr, "cua: %s\n", error->msg);
	return cua_status_class(error->status) == CUA_CLASS_CALLER ? CUA_EXIT_FAILED
								   : CUA_EXIT_DESKTOP;
}

int cua_cmd_usage(const char *command, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fprintf(stderr, "cua %s: ", command);
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\ncua %s --help tells how to use it.\n", command);
	va_end(args);
	return CUA_EXIT_USAGE;
}

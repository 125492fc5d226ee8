#ifndef CUA_DESKTOP_OPTIONS_H
#define CUA_DESKTOP_OPTIONS_H

/* The options of a desktop on a command line: the same words wherever one is started. */

#include <getopt.h>
#include <stdbool.h>

#include "cua/desktops.h"

/* Lines of a help text, below a heading of the command's own. */
extern const char cua_desktop_options_help[];

/* A command has smaller numbers for its own rows of getopt_long(). */
#define CUA_DESKTOP_OPTION_FIRST 1000
#define CUA_DESKTOP_OPTION_ROOM 64

/* The command's rows, and behind them those of a desktop, with the end that getopt_long() wants. */
void cua_desktop_options_add(
		const struct option *own, struct option ret_all[CUA_DESKTOP_OPTION_ROOM]);

/* Takes one in that getopt_long() has found; CUA_ERR_INVAL says what is wrong and what is
 * allowed. */
CUA_NODISCARD enum cua_status cua_desktop_option_take(int option, const char *value,
		struct cua_desktop_options *options, struct cua_error *err);

/* The same of one by its name, if it was not given. */
CUA_NODISCARD enum cua_status cua_desktop_option_fill(const char *name, const char *value,
		struct cua_desktop_options *options, struct cua_error *err);

/* After the last of them: do they fit together? */
CUA_NODISCARD enum cua_status cua_desktop_options_check(
		const struct cua_desktop_options *options, struct cua_error *err);

/* Says on stderr, as WHO, what this desktop does not protect from. */
void cua_desktop_options_warn(const char *who, const struct desktop_record *record);

/* A desktop that is there keeps what it was started with; CUA_ERR_EXISTS names the option that asks
 * for something else. The size is no such thing: resize_screen changes it. */
CUA_NODISCARD enum cua_status cua_desktop_options_fit(const struct cua_desktop_options *options,
		const struct desktop_record *record, struct cua_error *err);

#endif

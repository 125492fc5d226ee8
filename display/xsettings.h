#ifndef CUA_DISPLAY_XSETTINGS_H
#define CUA_DISPLAY_XSETTINGS_H

/* The settings that a settings manager hands to applications, as bytes. No X.
 * Source: XSETTINGS specification 0.5, freedesktop.org. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number of this name in the value of a property _XSETTINGS_SETTINGS, which may be anything;
 * false if there is none. */
bool xsettings_find_int(const uint8_t *bytes, size_t len, const char *name, int32_t *ret_value);

#endif

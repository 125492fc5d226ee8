#ifndef CUA_DISPLAY_DESKTOP_END_H
#define CUA_DISPLAY_DESKTOP_END_H

/* Whether and why a desktop is dead: what was written down by whoever saw it. */

#include <stdbool.h>
#include <stddef.h>

#include "display/desktop_record.h"

#define DESKTOP_END_SIZE 320

/* Its X server or its session is gone, or hangs: nothing but stop is left to do. Asked of their
 * sockets: a record can be old, a connection cannot. */
bool desktop_is_dead(const struct desktop_record *record);
/* One line; "" if nobody has written down anything. */
void desktop_end_read(const struct desktop_record *record, char text[DESKTOP_END_SIZE]);
/* The same of one whose X server has just gone: waits, for a second at most, until its session has
 * said what there is to say. */
void desktop_end_await(const struct desktop_record *record, char text[DESKTOP_END_SIZE]);
/* CUA_ERR_CLOSED, with what it is and the way out. why: what desktop_end_read() says, or another
 * reason. */
CUA_NODISCARD enum cua_status desktop_end_fail(
		const struct desktop_record *record, const char *why, struct cua_error *err);

/* The same for a desktop that lives: its X server has closed the connection of its host. */
CUA_NODISCARD enum cua_status desktop_end_fail_cut_off(
		const struct desktop_record *record, struct cua_error *err);

/* The host: it has hung up on an X server that said nothing for so long. From then on the desktop
 * is dead, though the server may be there. */
void desktop_end_note_silence(const struct desktop_record *record, int silent_s);
bool desktop_end_is_silent(const struct desktop_record *record);

#endif

#ifndef CUA_DISPLAY_SESSION_PROTOCOL_H
#define CUA_DISPLAY_SESSION_PROTOCOL_H

/* Between the session and those who want a program started: SOCK_SEQPACKET, one JSON object a
 * message.
 *
 * Request:  {"argv": ["xterm"]}, or {"app": "LibreOffice Writer"} to look up an application by
 *           name, desktop file or command line, or {"url": "https://..."} for the browser.
 *           With three descriptors (stdin, stdout, stderr) it belongs to the connection and is
 *           hung up with it; without, it is on its own and writes to a log. With a fourth, that
 *           file is the program and argv its arguments, and hanging up kills it. With "terminal":
 *           {"columns": 80, "rows": 24} in place of descriptors it has a terminal of its own, whose
 *           other end comes with the answer, and is hung up with the connection.
 * Answers:  {"pid": 17, "name": "LibreOffice Writer", "class": "libreoffice-writer"}, later
 *           {"exit": 0, "output": "..."} or {"signal": 9, "output": "..."}; output is the tail of
 *           the log of a program without descriptors.
 *           Without starting anything: {"find": NAME} answers name and class of an installed
 *           application, {"kill": PID} ends a process of the desktop, {"slow": [PID, ...]} lets
 *           these run a fiftieth of the time for two minutes and all others as they like (those
 * that the desktop stands on do in any case),
 *           {"output": true} answers what the program of this connection has written so far,
 *           {"restart_window_manager": true} replaces one that does not answer,
 *           {"hang_up": true} hangs up all programs that have descriptors or a terminal of others,
 *           but those of a fourth descriptor.
 *           Or {"code": "not_found", "message": "..."}.
 */

#define DISPLAY_SESSION_MESSAGE_MAX 131072

/* In the session's own log, session.log, before the reason. */
#define DISPLAY_SESSION_ENDS "the desktop ends: "

#endif

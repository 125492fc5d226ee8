#ifndef CUA_AGENT_TOOLS_RUNNER_H
#define CUA_AGENT_TOOLS_RUNNER_H

/* The process in which tools run, inside the desktop's sandbox. It is started by the desktop's
 * session for the host, does one call after another, and keeps a shell and a Python between them.
 */

/* Serves the link (see desktop_link.h) until it closes; returns the exit status of the process. */
int tool_runner_run(int link_fd);

#endif

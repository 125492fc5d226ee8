#ifndef CUA_TESTS_DESKTOP_PROCESSES_H
#define CUA_TESTS_DESKTOP_PROCESSES_H

/* The processes of a desktop, seen from outside: found, and ended by pid. */

#include "tests/desktop_fixture.h"
#include "tests/processes.h"

/* Live processes (no zombies) of the desktop, whose command line begins with or contains text;
 * fills at most max. */
int desktop_pids(const struct desktop *desktop, const char *text, pid_t *pids, int max);
/* The one that there must be. */
pid_t desktop_pid(const struct desktop *desktop, const char *text);
/* Kills every process of the desktop that runs the program of this name, stopped ones and those
 * that they start meanwhile too, and waits until they are gone; there need not be one. */
void desktop_end_processes(const struct desktop *desktop, const char *name);

#endif

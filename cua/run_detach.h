#ifndef CUA_RUN_DETACH_H
#define CUA_RUN_DETACH_H

/* cua run --detach: the run goes on without the terminal it was started from. */

#include <stdbool.h>

/**
 * run_detach() - fork, before any thread is started.
 * @ret_tell_fd: in the child: for run_detach_begun(); the caller's.
 * @ret_status:  in the parent: the exit status for it to end with.
 *
 * The parent waits until the child has begun or ended, and prints the run's name. Until it has
 * begun the child's errors go to the terminal.
 *
 * Return: true in the child, which has a session of its own and no input and output.
 */
bool run_detach(int *ret_tell_fd, int *ret_status);

/* In the child: the run has this name; from here on it is on its own. */
void run_detach_begun(int *tell_fd, const char *name);

#endif

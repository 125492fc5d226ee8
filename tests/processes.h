#ifndef CUA_TESTS_PROCESSES_H
#define CUA_TESTS_PROCESSES_H

/* Any process, by its id; those of a desktop are in desktop_processes.h. */

#include <dirent.h>
#include <stdbool.h>
#include <sys/types.h>

bool process_is_gone(pid_t pid);    /* or a zombie */
bool process_is_stopped(pid_t pid); /* by SIGSTOP */
pid_t process_parent(pid_t pid);    /* 0 without one */
/* There must be one. */
void kill_and_wait(pid_t pid);
/* The next one in an open /proc, but for the first process and the caller; 0 after the last. */
pid_t next_process(DIR *proc);

#endif

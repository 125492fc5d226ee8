#ifndef CUA_TESTS_STANDIN_PROCESS_H
#define CUA_TESTS_STANDIN_PROCESS_H

/* cua-standin as a process of its own, which clicks twice and is done, or plays a script. */

#include <sys/types.h>

struct standin_process {
	pid_t pid;
	char url[64]; /* up to /v1 */
};

/* Fails the test if it does not start. More arguments, --script first if it is among them; the last
 * is followed by NULL. */
void standin_process_start(struct standin_process *standin, ...) __attribute__((sentinel));
void standin_process_stop(struct standin_process *standin);

#endif

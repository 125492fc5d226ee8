#include "tests/load.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/processes.h"

#define LOAD_MAX 8

static pid_t busy[LOAD_MAX];
static int busy_count;

void load_start(int count)
{
	assert_true(busy_count + count <= LOAD_MAX);
	for (int i = 0; i < count; i++) {
		const pid_t parent = getpid(), pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			volatile unsigned long rounds = 0;
			while (++rounds % 1000000 > 0 || getppid() == parent) {
			}
			_exit(0);
		}
		busy[busy_count++] = pid;
	}
}

void load_end(void)
{
	while (busy_count > 0) {
		kill_and_wait(busy[--busy_count]);
		waitpid(busy[busy_count], NULL, 0);
	}
}

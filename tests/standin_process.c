#include "tests/standin_process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/process.h"

#define WORDS_MAX 16

static void take_words(const char **argv, va_list words)
{
	size_t count = 0;
	while (argv[count]) {
		count++;
	}
	while (count + 1 < WORDS_MAX && (argv[count] = va_arg(words, const char *))) {
		count++;
	}
	argv[count] = NULL;
}

static void add_words(const char **argv, const char *one, const char *other)
{
	size_t count = 0;
	while (argv[count]) {
		count++;
	}
	assert_true(count + 2 < WORDS_MAX);
	argv[count] = one;
	argv[count + 1] = other;
}

void standin_process_start(struct standin_process *standin, ...)
{
	const char *argv[WORDS_MAX] = { CUA_TEST_STANDIN, "--quiet" };
	char line[80];
	int ends[2], port = 0;
	va_list words;
	va_start(words, standin);
	take_words(argv, words);
	va_end(words);
	if (!argv[2] || strcmp(argv[2], "--script") != 0) {
		add_words(argv, "--answer-at-once", "2");
	}
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	const struct cua_fd_map out_fd = { ends[1], STDOUT_FILENO };
	const struct cua_spawn spawn = {
		.argv = argv, .exec_fd = -1, .fds = &out_fd, .fd_count = 1, .uid = (uid_t)-1
	};
	assert_int_equal(cua_spawn(&spawn, &standin->pid, NULL), CUA_OK);
	close(ends[1]);
	FILE *out = fdopen(ends[0], "r");
	if (!fgets(line, sizeof(line), out) ||
			sscanf(line, "listening on 127.0.0.1:%d", &port) != 1) {
		fail_msg("cua-standin does not start");
	}
	fclose(out);
	snprintf(standin->url, sizeof(standin->url), "http://127.0.0.1:%d/v1", port);
}

void standin_process_stop(struct standin_process *standin)
{
	kill(standin->pid, SIGTERM);
	assert_int_equal(waitpid(standin->pid, NULL, 0), standin->pid);
}

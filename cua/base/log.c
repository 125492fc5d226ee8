#include "cua/base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static const char *const level_names[] = { "error", "warn", "info", "debug", "trace" };

/* Process-wide because the environment it comes from is; set once, read-only afterwards. */
static enum cua_log_level threshold = CUA_LOG_LEVEL_INFO;

static void read_threshold(void)
{
	const char *wanted = getenv("CUA_LOG");
	for (int i = 0; wanted && i <= CUA_LOG_LEVEL_TRACE; i++) {
		if (strcmp(level_names[i], wanted) == 0) {
			threshold = (enum cua_log_level)i;
		}
	}
}

void cua_log_write(enum cua_log_level level, const char *module, const char *fmt, ...)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, read_threshold);
	if (level > threshold) {
		return;
	}
	struct timeval now;
	struct tm utc;
	gettimeofday(&now, NULL);
	gmtime_r(&now.tv_sec, &utc);
	char line[1024], stamp[32];
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
	int used = snprintf(line, sizeof(line), "%s.%03dZ %-5s %s: ", stamp,
			(int)(now.tv_usec / 1000), level_names[level], module);
	va_list args;
	va_start(args, fmt);
	vsnprintf(line + used, sizeof(line) - (size_t)used, fmt, args);
	va_end(args);
	fprintf(stderr, "%s\n", line); /* one call: lines of threads do not mix */
}

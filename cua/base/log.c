#include "cua/base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static const char *const level_names[] = { "error", "warn", "info", "debug", "trace" };

/* Process-wide because the environment it comes from is; set once, read-only afterwards. */
static enum cua_log_level threshold = CUA_LOG_LEVEL_INFO;
static bool as_json;

static void read_threshold(void)
{
	const char *wanted = getenv("CUA_LOG"), *format = getenv("CUA_LOG_FORMAT");
	as_json = format && strcmp(format, "json") == 0;
	for (int i = 0; wanted && i <= CUA_LOG_LEVEL_TRACE; i++) {
		if (strcmp(level_names[i], wanted) == 0) {
			threshold = (enum cua_log_level)i;
		}
	}
}

/* As a value of JSON, cut where it does not fit; bytes that are no UTF-8 stay what they are, as in
 * the text. */
static void escape(const char *text, char *to, size_t size)
{
	size_t len = 0;
	for (const char *at = text; *at && len < size - 7; at++) {
		const unsigned char byte = (unsigned char)*at;
		if (byte == '"' || byte == '\\') {
			to[len++] = '\\';
			to[len++] = *at;
		} else if (byte < ' ') {
			len += (size_t)snprintf(to + len, 7, "\\u%04x", byte);
		} else {
			to[len++] = *at;
		}
	}
	to[len] = '\0';
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
	char text[1024], escaped[2048], stamp[32];
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	const int ms = (int)(now.tv_usec / 1000);
	/* One call: lines of threads do not mix. */
	if (as_json) {
		escape(text, escaped, sizeof(escaped));
		fprintf(stderr,
				"{\"time\":\"%s.%03dZ\",\"level\":\"%s\",\"module\":\"%s\","
				"\"message\":\"%s\"}\n",
				stamp, ms, level_names[level], module, escaped);
	} else {
		fprintf(stderr, "%s.%03dZ %-5s %s: %s\n", stamp, ms, level_names[level], module,
				text);
	}
}

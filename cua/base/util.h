#ifndef CUA_BASE_UTIL_H
#define CUA_BASE_UTIL_H

/* Scope-bound resources and the clock: the few lines every file needs. */

#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#define CUA_ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Yields the pointer and clears the variable, so that its cleanup does nothing. */
#define CUA_STEAL(var) \
	({ \
		__typeof__(var) stolen_ = (var); \
		(var) = NULL; \
		stolen_; \
	})

static inline int cua_steal_fd(int *fd)
{
	int stolen = *fd;
	*fd = -1;
	return stolen;
}

static inline void cua_freep(void *pointer)
{
	free(*(void **)pointer);
}

/* Once: what is closed is -1. */
static inline void cua_closep(int *fd)
{
	if (*fd >= 0) {
		close(*fd);
	}
	*fd = -1;
}

static inline void cua_json_deletep(cJSON **json)
{
	cJSON_Delete(*json);
}

#define CUA_AUTO_FREE __attribute__((cleanup(cua_freep)))
#define CUA_AUTO_FD __attribute__((cleanup(cua_closep)))
#define CUA_AUTO_JSON __attribute__((cleanup(cua_json_deletep)))

/* CLOCK_MONOTONIC: for durations and deadlines, never for dates. */
static inline uint64_t cua_now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
}

/* Milliseconds until a deadline in the terms of cua_now_us(), rounded up, for poll(). */
static inline int cua_ms_until(uint64_t deadline_us)
{
	uint64_t now_us = cua_now_us();
	if (deadline_us <= now_us) {
		return 0;
	}
	uint64_t left_ms = (deadline_us - now_us + 999U) / 1000U;
	return left_ms > 3600000U ? 3600000 : (int)left_ms;
}

#endif

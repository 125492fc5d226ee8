#include "display/vnc/vnc_lockout.h"

#include <stddef.h>

#define SOURCE_FAILURES 5
#define ALL_FAILURES 20
#define FORGET_US UINT64_C(900000000)
#define MAX_DELAY_S 60

bool vnc_lockout_refuses(const struct vnc_lockout *lockout, uint32_t source, uint64_t now_us)
{
	if (now_us < lockout->all.refused_until_us) {
		return true;
	}
	for (size_t i = 0; i < VNC_LOCKOUT_SOURCES; i++) {
		const struct vnc_lockout_entry *entry = &lockout->sources[i];
		if (entry->failures > 0 && entry->source == source) {
			return now_us < entry->refused_until_us;
		}
	}
	return false;
}

bool vnc_lockout_remembers(const struct vnc_lockout *lockout, uint64_t now_us)
{
	/* Every failure is counted here, whatever its source. */
	return lockout->all.failures > 0 && now_us - lockout->all.last_us <= FORGET_US;
}

static void count_failure(struct vnc_lockout_entry *entry, uint32_t allowed, uint64_t now_us)
{
	if (now_us - entry->last_us > FORGET_US) {
		entry->failures = 0;
	}
	entry->failures++;
	entry->last_us = now_us;
	if (entry->failures >= allowed) {
		uint32_t doublings = entry->failures - allowed;
		uint64_t delay_s = doublings < 6 ? UINT64_C(1) << doublings : MAX_DELAY_S;
		entry->refused_until_us = now_us + delay_s * 1000000U;
	}
}

/* The entry of source, or the one that was quiet for longest. */
static struct vnc_lockout_entry *find_entry(struct vnc_lockout *lockout, uint32_t source)
{
	struct vnc_lockout_entry *found = &lockout->sources[0];
	for (size_t i = 0; i < VNC_LOCKOUT_SOURCES; i++) {
		struct vnc_lockout_entry *entry = &lockout->sources[i];
		if (entry->failures > 0 && entry->source == source) {
			return entry;
		}
		if (entry->last_us < found->last_us) {
			found = entry;
		}
	}
	*found = (struct vnc_lockout_entry){ .source = source };
	return found;
}

void vnc_lockout_failed(struct vnc_lockout *lockout, uint32_t source, uint64_t now_us)
{
	count_failure(find_entry(lockout, source), SOURCE_FAILURES, now_us);
	count_failure(&lockout->all, ALL_FAILURES, now_us);
}

void vnc_lockout_succeeded(struct vnc_lockout *lockout, uint32_t source)
{
	for (size_t i = 0; i < VNC_LOCKOUT_SOURCES; i++) {
		if (lockout->sources[i].source == source) {
			lockout->sources[i] = (struct vnc_lockout_entry){ 0 };
		}
	}
}

#include "agent/tools/limits.h"

#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cua/base/sandbox.h"
#include "cua/base/util.h"

/* Of the sandbox; see "scratch" in cua/base/sandbox.h. */
static const char *const places[] = { "/tmp", "/var/tmp", "/dev/shm", "/run" };

/* As strerror(3) and shells spell it. */
static const struct {
	const char *words, *name;
} sayings[] = { { "Too many open files", "open files" }, { "File too large", "file size" },
	{ "File size limit exceeded", "file size" }, { "No space left on device", "space" } };

unsigned int tool_limits_look(void)
{
	unsigned int full = 0;
	if (access(CUA_SANDBOX_PROGRAM, F_OK) != 0) {
		return 0;
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(places); i++) {
		struct statvfs disk;
		if (statvfs(places[i], &disk) == 0 && disk.f_blocks > 0 &&
				disk.f_bavail <= disk.f_blocks / 100) {
			full |= 1U << i;
		}
	}
	return full;
}

static void add(cJSON **reached, const char *name)
{
	*reached = *reached ? *reached : cJSON_CreateArray();
	cJSON_AddItemToArray(*reached, cJSON_CreateString(name));
}

void tool_limits_tell(unsigned int before, const char *said, cJSON *answer)
{
	const unsigned int full = tool_limits_look();
	const bool lacks_space = strstr(said, "No space left on device");
	const char *last = "";
	cJSON *reached = NULL;
	for (size_t i = 0; i < CUA_ARRAY_LEN(sayings); i++) {
		if (strstr(said, sayings[i].words) && strcmp(last, sayings[i].name) != 0) {
			add(&reached, last = sayings[i].name);
		}
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(places); i++) {
		if (full & 1U << i && (lacks_space || !(before & 1U << i))) {
			add(&reached, places[i]);
		}
	}
	if (reached) {
		cJSON_AddItemToObject(answer, "reached", reached);
	}
}

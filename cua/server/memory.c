/* How much memory there is for programs. */

#include <stdio.h>

#include "cua/base/util.h"
#include "cua/server/server.h"

/* Of the machine. What files in memory hold counts as available, which libuv does not tell. */
static uint64_t of_machine(void)
{
	char line[128];
	unsigned long long kilobytes = 0;
	FILE *file = fopen("/proc/meminfo", "re");
	while (file && fgets(line, sizeof(line), file) &&
			sscanf(line, "MemAvailable: %llu kB", &kilobytes) != 1) {
	}
	if (file) {
		fclose(file);
	}
	return (uint64_t)kilobytes * 1024;
}

/* A number alone; UINT64_MAX for "max", or without such a file. */
static uint64_t read_bytes(const char *path)
{
	unsigned long long bytes = 0;
	FILE *file = fopen(path, "re");
	const bool is_number = file && fscanf(file, "%llu", &bytes) == 1;
	if (file) {
		fclose(file);
	}
	return is_number ? bytes : UINT64_MAX;
}

uint64_t server_memory_available(void)
{
	/* In a container the root of the file system is its own control group. */
	static const struct {
		const char *limit, *used;
	} groups[] = { { "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current" },
		{ "/sys/fs/cgroup/memory/memory.limit_in_bytes",
				"/sys/fs/cgroup/memory/memory.usage_in_bytes" } };
	uint64_t available = of_machine();
	for (size_t i = 0; i < CUA_ARRAY_LEN(groups); i++) {
		const uint64_t limit = read_bytes(groups[i].limit);
		const uint64_t used = read_bytes(groups[i].used);
		const uint64_t left = limit > used ? limit - used : 0;
		if (limit != UINT64_MAX && used != UINT64_MAX && left < available) {
			available = left;
		}
	}
	return available;
}

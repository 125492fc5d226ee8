#include "agent/mcp/mcp_leftovers.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/process.h"
#include "cua/base/util.h"

void mcp_owned_name(char name[MCP_OWNED_MAX])
{
	const struct cua_process_id own = cua_process_identify(getpid());
	snprintf(name, MCP_OWNED_MAX, "%d-%llu-%llx", (int)own.pid,
			(unsigned long long)own.start_ticks, (unsigned long long)cua_now_us());
}

static bool is_leftover(const char *name)
{
	int pid = 0, len = 0;
	unsigned long long ticks = 0, made_us = 0;
	if (sscanf(name, "%d-%llu-%llx%n", &pid, &ticks, &made_us, &len) != 3 || name[len] ||
			pid <= 0) {
		return false;
	}
	CUA_AUTO_FD int pidfd = cua_process_open((struct cua_process_id){ pid, ticks });
	return pidfd < 0;
}

void mcp_each_leftover(
		const char *folder, const char *prefix, mcp_leftover_fn visit, void *user_data)
{
	const size_t len = strlen(prefix);
	DIR *names = opendir(folder);
	for (const struct dirent *entry; names && (entry = readdir(names));) {
		if (strncmp(entry->d_name, prefix, len) == 0 && is_leftover(entry->d_name + len)) {
			visit(entry->d_name, user_data);
		}
	}
	if (names) {
		closedir(names);
	}
}

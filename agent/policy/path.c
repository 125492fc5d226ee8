#include "agent/policy/path.h"

#include <stdio.h>
#include <string.h>

static void go_up(char *whole)
{
	char *slash = strrchr(whole, '/');
	if (slash) {
		*slash = '\0';
	}
}

bool agent_path_resolve(const char *workspace, const char *path, char whole[AGENT_PATH_MAX])
{
	char rest[AGENT_PATH_MAX];
	size_t len = 0;
	char *next = rest, *part = NULL;
	const bool is_relative = path[0] != '/' && path[0] != '~';
	if (!path[0] || (is_relative && !workspace)) {
		return false;
	}
	const int rest_len =
			snprintf(rest, sizeof(rest), "%s/%s", is_relative ? workspace : "", path);
	if (rest_len < 0 || (size_t)rest_len >= sizeof(rest)) {
		return false;
	}
	whole[0] = '\0';
	while ((part = strsep(&next, "/"))) {
		if (strcmp(part, "..") == 0) {
			go_up(whole);
		} else if (part[0] && strcmp(part, ".") != 0) {
			len = strlen(whole);
			/* Never longer than what it is made of. */
			snprintf(whole + len, AGENT_PATH_MAX - len, "/%s", part);
		}
	}
	if (!whole[0]) {
		strcpy(whole, "/");
	}
	return true;
}

bool agent_path_is_under(const char *whole, const char *folder)
{
	const size_t len = strlen(folder) - (folder[0] && folder[strlen(folder) - 1] == '/');
	return strncmp(whole, folder, len) == 0 && (whole[len] == '/' || whole[len] == '\0');
}

#include "agent/mcp/mcp_folders.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cua/base/own_paths.h"
#include "cua/base/util.h"

/* --- which --- */

/* Is ".." one of its parts? */
static bool has_parent(const char *path)
{
	for (const char *at = path; (at = strstr(at, "/..")); at += 3) {
		if (at[3] == '/' || at[3] == '\0') {
			return true;
		}
	}
	return false;
}

static enum cua_status read_folder(struct agent_mcp_entry *entry, const char *path,
		bool is_writable, struct cua_error *err)
{
	char real[PATH_MAX];
	if (path[0] != '/' || has_parent(path) || path[strspn(path, "/.")] == '\0') {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%.100s must be a folder below /, without ..", path);
	}
	/* What is looked at is where it leads now, which is all that will be opened. */
	enum cua_status status = cua_path_resolve(path, real, sizeof(real), err);
	if (status == CUA_OK) {
		status = cua_check_not_own(real, is_writable, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	struct agent_mcp_folder *folder = &entry->folders[entry->folder_count++];
	*folder = (struct agent_mcp_folder){ strdup(path), strdup(real), is_writable };
	return folder->path && folder->real ? CUA_OK
					    : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "folders");
}

enum cua_status mcp_folders_read(struct agent_mcp_entry *entry, const cJSON *list, bool is_writable,
		struct cua_error *err)
{
	const cJSON *item = NULL;
	const int count = list ? cJSON_GetArraySize(list) : 0;
	if ((list && !cJSON_IsArray(list)) ||
			(size_t)count + entry->folder_count > AGENT_MCP_FOLDERS_MAX) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"must be a list of strings, at most %d with those of the other "
				"list of folders",
				AGENT_MCP_FOLDERS_MAX);
	}
	enum cua_status status = CUA_OK;
	cJSON_ArrayForEach (item, list) {
		status = !cJSON_IsString(item)
				? CUA_FAIL(err, CUA_ERR_INVAL, 0, "must be a list of strings")
				: read_folder(entry, item->valuestring, is_writable, err);
		if (status != CUA_OK) {
			break;
		}
	}
	return status;
}

void mcp_folders_finish(struct agent_mcp_entry *entry)
{
	while (entry->folder_count > 0) {
		struct agent_mcp_folder *folder = &entry->folders[--entry->folder_count];
		free(folder->path);
		free(folder->real);
	}
}

cJSON *mcp_folders_led_elsewhere(const struct agent_mcp_entry *entry)
{
	cJSON *led = NULL;
	for (size_t i = 0; i < entry->folder_count; i++) {
		const struct agent_mcp_folder *folder = &entry->folders[i];
		if (strcmp(folder->path, folder->real) != 0) {
			led = led ? led : cJSON_CreateObject();
			cJSON_AddStringToObject(led, folder->path, folder->real);
		}
	}
	return led;
}

/* --- opened --- */

static enum cua_status open_folder(
		const struct agent_mcp_folder *folder, int *ret_fd, struct cua_error *err)
{
	const struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS };
	const int fd = (int)syscall(SYS_openat2, AT_FDCWD, folder->real, &how, sizeof(how));
	if (fd < 0 && errno == ELOOP) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%.150s: a link was put there, or on the way there, after it was "
				"looked at; who may write there could choose what the server "
				"gets",
				folder->real);
	}
	if (fd < 0) {
		return CUA_FAIL(err, errno == ENOENT ? CUA_ERR_NOT_FOUND : CUA_ERR_IO, errno,
				"%.150s, which the server is to %s", folder->real,
				folder->is_writable ? "write" : "read");
	}
	*ret_fd = fd;
	return CUA_OK;
}

enum cua_status mcp_folders_open(
		const struct agent_mcp_entry *entry, int *ret_fds, struct cua_error *err)
{
	for (size_t i = 0; i < entry->folder_count; i++) {
		enum cua_status status = open_folder(&entry->folders[i], &ret_fds[i], err);
		if (status != CUA_OK) {
			mcp_folders_close(ret_fds, i);
			return status;
		}
	}
	return CUA_OK;
}

void mcp_folders_close(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		close(fds[i]);
	}
}

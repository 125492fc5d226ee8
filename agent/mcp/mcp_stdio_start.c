/* A server of stdio in its sandbox: who it is, where its home is, what it sees. */

#include "agent/mcp/mcp_stdio_start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/mcp/mcp_folders.h"
#include "cua/base/file.h"
#include "cua/base/paths.h"
#include "cua/base/program.h"
#include "cua/base/util.h"

/* Identities outside, by name: below those of desktops, and of nobody else on Debian. */
#define UID_FIRST 66000U
#define UID_COUNT 4000U

#define SCRATCH_MAX ((int64_t)512 << 20)

static uid_t uid_of(const char *name)
{
	uint32_t hash = 2166136261U; /* FNV-1a */
	for (; *name; name++) {
		hash = (hash ^ (unsigned char)*name) * 16777619U;
	}
	return UID_FIRST + hash % UID_COUNT;
}

static enum cua_status make_home(
		const char *name, uid_t uid, char *home, size_t size, struct cua_error *err)
{
	char state[CUA_PATH_MAX - AGENT_MCP_NAME_MAX - 32];
	enum cua_status status = cua_state_dir(state, sizeof(state), err);
	if (status == CUA_OK) {
		snprintf(home, size, "%s/mcp/homes", state);
		status = cua_make_dirs(home, geteuid() == 0 ? 0711 : 0700, err);
		snprintf(home, size, "%s/mcp/homes/%s", state, name);
	}
	if (status == CUA_OK) {
		status = cua_make_dirs(home, 0700, err);
	}
	if (status == CUA_OK && uid != (uid_t)-1 && chown(home, uid, uid) != 0) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "%s", home);
	}
	return status;
}

static size_t count_texts(char *const *texts)
{
	size_t count = 0;
	while (texts && texts[count]) {
		count++;
	}
	return count;
}

/* What a server gets without asking, beside HOME, PATH and USER. */
#define VARIABLES 3
#define VARIABLE_MAX 256

/* texts: where those are written that are not the entry's. */
static const char **make_environment(char *const *own, char texts[VARIABLES][VARIABLE_MAX])
{
	static const char *const names[VARIABLES] = { "LANG", "TZ", "TERM" };
	const char **env = calloc(VARIABLES + count_texts(own) + 1, sizeof(*env));
	size_t count = 0;
	for (size_t i = 0; env && i < VARIABLES; i++) {
		const char *value = getenv(names[i]);
		if (value) {
			snprintf(texts[i], VARIABLE_MAX, "%s=%.200s", names[i], value);
			env[count++] = texts[i];
		}
	}
	for (size_t i = 0; env && own[i]; i++) {
		env[count++] = own[i];
	}
	return env;
}

/* What a server sees of this machine; the descriptors are for mcp_folders_close(). */
struct folders {
	int fds[AGENT_MCP_FOLDERS_MAX];
	size_t fd_count;
	struct cua_sandbox_folder list[AGENT_MCP_FOLDERS_MAX + 1];
	size_t count;
};

/* What it may change goes on top of what it may see. */
static enum cua_status open_folders(const struct agent_mcp_entry *entry,
		const struct mcp_egress *egress, struct folders *folders, struct cua_error *err)
{
	enum cua_status status = mcp_folders_open(entry, folders->fds, err);
	if (status != CUA_OK) {
		return status;
	}
	folders->fd_count = entry->folder_count;
	for (size_t i = 0; i < entry->folder_count; i++) {
		const struct agent_mcp_folder *folder = &entry->folders[i];
		folders->list[folders->count++] =
				(struct cua_sandbox_folder){ .inside = folder->path,
					.is_writable = folder->is_writable,
					.fd = folders->fds[i] };
	}
	if (egress->pid > 0) {
		folders->list[folders->count++] =
				(struct cua_sandbox_folder){ .outside = egress->folder,
					.inside = CUA_SANDBOX_EGRESS_DIR };
	}
	return CUA_OK;
}

/* The command; with a network of some names, behind the program that starts a relay and becomes
 * it. */
static const char **make_command(
		const struct agent_mcp_entry *entry, const struct mcp_egress *egress)
{
	static const char *const relay[] = { CUA_SANDBOX_PROGRAM, "--relay",
		CUA_SANDBOX_EGRESS_DIR };
	const size_t before = egress->pid > 0 ? CUA_ARRAY_LEN(relay) : 0;
	const size_t words = count_texts(entry->argv);
	const char **argv = calloc(before + words + 1, sizeof(*argv));
	if (argv) {
		memcpy(argv, relay, before * sizeof(*argv));
		memcpy(argv + before, entry->argv, words * sizeof(*argv));
	}
	return argv;
}

static enum cua_status start_with(const struct agent_mcp_entry *entry,
		const struct folders *folders, uid_t uid, const char *home, const int fds[3],
		struct mcp_stdio_process *process, struct cua_error *err)
{
	const struct mcp_egress *egress = &process->egress;
	const struct mcp_bounds *bounds = &process->bounds;
	char texts[VARIABLES][VARIABLE_MAX];
	CUA_AUTO_FREE const char **env = make_environment(entry->env, texts);
	CUA_AUTO_FREE const char **argv = make_command(entry, egress);
	CUA_AUTO_FD int program_fd = egress->pid > 0 ? cua_program_open("cua-egress", err) : -1;
	if (!env || !argv) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "server");
	}
	if (egress->pid > 0 && program_fd < 0) {
		return CUA_ERR_NOT_FOUND;
	}
	const struct cua_sandbox_spec spec = { .home_dir = home,
		.group_fds = bounds->group_fds,
		.group_fd_count = bounds->group_fd_count,
		.rlimits = bounds->rlimits,
		.rlimit_count = bounds->rlimit_count,
		.scratch_bytes = SCRATCH_MAX,
		.folders = folders->list,
		.folder_count = folders->count,
		.program_fd = program_fd,
		.uid = uid,
		.argv = argv,
		.env = env,
		.ready_fd = egress->pid > 0 ? egress->life_fd : -1,
		.in_fd = fds[0],
		.out_fd = fds[1],
		.log_fd = fds[2],
		.has_network = entry->has_network,
		.dies_with_caller = true };
	return cua_sandbox_start(&spec, &process->sandbox, err);
}

static enum cua_status start_sandbox(const struct agent_mcp_entry *entry, uid_t uid,
		const char *home, const int fds[3], struct mcp_stdio_process *process,
		struct cua_error *err)
{
	struct folders folders = { .count = 0 };
	enum cua_status status = open_folders(entry, &process->egress, &folders, err);
	if (status == CUA_OK) {
		status = start_with(entry, &folders, uid, home, fds, process, err);
	}
	mcp_folders_close(folders.fds, folders.fd_count);
	return status;
}

enum cua_status mcp_stdio_start(const struct mcp_transport_config *config, const int fds[3],
		struct mcp_stdio_process *ret_process, struct cua_error *err)
{
	const struct agent_mcp_entry *entry = config->entry;
	const uid_t uid = geteuid() == 0 ? uid_of(entry->name) : (uid_t)-1;
	char home[CUA_PATH_MAX];
	struct mcp_stdio_process process = { 0 };
	enum cua_status status = make_home(entry->name, uid, home, sizeof(home), err);
	if (status == CUA_OK && entry->allowed) {
		status = mcp_egress_start(entry, uid, &process.egress, err);
	}
	if (status == CUA_OK) {
		mcp_bounds_make(&process.bounds, config->memory_bytes, config->tasks, uid);
		status = start_sandbox(entry, uid, home, fds, &process, err);
		mcp_bounds_let_go(&process.bounds);
		mcp_egress_let_go(&process.egress);
	}
	if (status != CUA_OK) {
		mcp_stdio_clean_up(&process);
		return status;
	}
	*ret_process = process;
	return CUA_OK;
}

void mcp_stdio_clean_up(struct mcp_stdio_process *process)
{
	mcp_bounds_remove(&process->bounds);
	mcp_egress_end(&process->egress);
}

#include "agent/mcp/mcp_egress.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/mcp/mcp_leftovers.h"
#include "cua/base/file.h"
#include "cua/base/process.h"
#include "cua/base/util.h"
#include "cua/egress/launch.h"

#define END_MS 2000

/* --- places --- */

enum cua_status agent_mcp_egress_log(
		const char *name, char *path, size_t size, struct cua_error *err)
{
	char state[CUA_PATH_MAX - AGENT_MCP_NAME_MAX - 32];
	enum cua_status status = agent_mcp_check_name(name, err);
	if (status == CUA_OK) {
		status = cua_state_dir(state, sizeof(state), err);
	}
	if (status == CUA_OK) {
		snprintf(path, size, "%s/mcp/network", state);
		status = cua_make_dirs(path, 0700, err);
		snprintf(path, size, "%s/mcp/network/%s.jsonl", state, name);
	}
	return status;
}

static void remove_leftover(const char *name, void *user_data)
{
	char path[CUA_PATH_MAX + MCP_OWNED_MAX];
	snprintf(path, sizeof(path), "%s/%s", (const char *)user_data, name);
	(void)!cua_remove_tree(path, NULL);
}

static enum cua_status choose_folder(char *folder, size_t size, struct cua_error *err)
{
	char runtime[CUA_PATH_MAX - MCP_OWNED_MAX - 8], all[CUA_PATH_MAX - MCP_OWNED_MAX];
	char name[MCP_OWNED_MAX];
	enum cua_status status = cua_runtime_dir(runtime, sizeof(runtime), err);
	if (status == CUA_OK) {
		snprintf(all, sizeof(all), "%s/mcp", runtime);
		status = cua_make_dirs(all, geteuid() == 0 ? 0711 : 0700, err);
	}
	if (status == CUA_OK) {
		mcp_each_leftover(all, "", remove_leftover, all);
		mcp_owned_name(name);
		snprintf(folder, size, "%s/%s", all, name);
	}
	return status;
}

/* --- the proxy --- */

static enum cua_status launch(
		const struct egress_launch *launch, pid_t *ret_pid, struct cua_error *err)
{
	struct egress_launched launched;
	enum cua_status status = egress_launch_begin(launch, &launched, err);
	if (status == CUA_OK) {
		*ret_pid = launched.pid;
		status = egress_launch_go(launch, &launched, err);
		egress_launch_finish(&launched);
	}
	return status;
}

enum cua_status mcp_egress_start(const struct agent_mcp_entry *entry, uid_t uid,
		struct mcp_egress *ret_egress, struct cua_error *err)
{
	char log_path[CUA_PATH_MAX], errors_path[CUA_PATH_MAX + 8];
	int life[2];
	struct mcp_egress egress = { .life_fd = -1 };
	enum cua_status status = agent_mcp_egress_log(entry->name, log_path, sizeof(log_path), err);
	if (status == CUA_OK) {
		status = choose_folder(egress.folder, sizeof(egress.folder), err);
	}
	if (status == CUA_OK && pipe2(life, O_CLOEXEC) != 0) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "pipe");
	}
	if (status != CUA_OK) {
		return status;
	}
	snprintf(errors_path, sizeof(errors_path), "%s.errors", log_path);
	const struct egress_launch how = { .folder = egress.folder,
		.log_path = log_path,
		.errors_path = errors_path,
		.list = entry->allowed,
		.uid = uid != (uid_t)-1 ? uid : geteuid(),
		.life_fd = life[0] };
	egress.life_fd = life[1];
	status = launch(&how, &egress.pid, err);
	close(life[0]);
	if (status != CUA_OK) {
		mcp_egress_end(&egress);
		return status;
	}
	*ret_egress = egress;
	return CUA_OK;
}

void mcp_egress_let_go(struct mcp_egress *egress)
{
	if (egress->folder[0]) { /* there is one */
		cua_closep(&egress->life_fd);
		egress->life_fd = -1;
	}
}

void mcp_egress_end(struct mcp_egress *egress)
{
	mcp_egress_let_go(egress);
	if (egress->pid > 0) {
		const struct cua_process_id proxy = cua_process_identify(egress->pid);
		if (!cua_process_end(proxy, SIGTERM, END_MS)) {
			(void)cua_process_end(proxy, SIGKILL, END_MS);
		}
		waitpid(egress->pid, NULL, 0);
	}
	if (egress->folder[0]) {
		(void)!cua_remove_tree(egress->folder, NULL);
	}
	*egress = (struct mcp_egress){ 0 };
}

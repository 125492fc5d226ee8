#include "cua/desktop_host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cua/base/program.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"

#define WAKE_TIMEOUT_MS 3000

void desktop_host_launch_finish(struct desktop_host_launch *launch)
{
	cua_closep(&launch->go_fd);
	cua_closep(&launch->ready_fd);
	launch->go_fd = launch->ready_fd = -1;
}

static enum cua_status spawn_host(const struct desktop_record *record,
		struct desktop_host_launch *launch, int go_fd, int ready_fd, struct cua_error *err)
{
	CUA_AUTO_FD int log_fd =
			open(launch->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	CUA_AUTO_FD int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CUA_AUTO_FD int program_fd = cua_program_open("cua-host", err);
	if (program_fd < 0) {
		return CUA_ERR_NOT_FOUND;
	}
	if (log_fd < 0 || null_fd < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", launch->log_path);
	}
	/* No key in here: the environment is made, not inherited. */
	char runtime[CUA_PATH_MAX], runtime_env[CUA_PATH_MAX + 32], log_env[64];
	enum cua_status status = cua_runtime_dir(runtime, sizeof(runtime), err);
	if (status != CUA_OK) {
		return status;
	}
	snprintf(runtime_env, sizeof(runtime_env), "CUA_RUNTIME_DIR=%s", runtime);
	snprintf(log_env, sizeof(log_env), "CUA_LOG=%s",
			getenv("CUA_LOG") ? getenv("CUA_LOG") : "");
	const char *const envp[] = { runtime_env, log_env, "PATH=/usr/local/bin:/usr/bin:/bin",
		"LANG=C.UTF-8", NULL };
	const char *const argv[] = { "cua-host", "--name", record->name, "--ready-fd", "3",
		"--go-fd", "4", NULL };
	const struct cua_fd_map fds[] = { { null_fd, 0 }, { log_fd, 1 }, { log_fd, 2 },
		{ ready_fd, 3 }, { go_fd, 4 } };
	const struct cua_spawn spawn = { .argv = argv,
		.envp = envp,
		.exec_fd = program_fd,
		.cwd = "/",
		.fds = fds,
		.fd_count = (int)CUA_ARRAY_LEN(fds),
		.uid = (uid_t)-1,
		.new_session = true };
	return cua_spawn(&spawn, &launch->pid, err);
}

enum cua_status desktop_host_launch(const struct desktop_record *record,
		struct desktop_host_launch *ret_launch, struct cua_error *err)
{
	int go[2], ready[2];
	if (pipe2(go, O_CLOEXEC) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "pipe");
	}
	if (pipe2(ready, O_CLOEXEC) != 0) {
		close(go[0]);
		close(go[1]);
		return CUA_FAIL(err, CUA_ERR_IO, errno, "pipe");
	}
	struct desktop_host_launch launch = { .go_fd = go[1], .ready_fd = ready[0] };
	desktop_path(record, "host.log", launch.log_path, sizeof(launch.log_path));
	enum cua_status status = spawn_host(record, &launch, go[0], ready[1], err);
	close(go[0]);
	close(ready[1]);
	if (status != CUA_OK) {
		desktop_host_launch_finish(&launch);
		return status;
	}
	*ret_launch = launch;
	return CUA_OK;
}

static enum cua_status tell(struct desktop_host_launch *launch, char what, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *json = NULL;
	signal(SIGPIPE, SIG_IGN); /* one that has died says so below */
	(void)!write(launch->go_fd, &what, 1);
	return cua_read_ready(launch->ready_fd, DESKTOP_READY_TIMEOUT_MS, "the desktop host",
			launch->log_path, &json, err);
}

enum cua_status desktop_host_await(struct desktop_host_launch *launch, struct cua_error *err)
{
	return tell(launch, DESKTOP_HOST_GO, err);
}

enum cua_status desktop_host_keep(struct desktop_host_launch *launch, struct cua_error *err)
{
	return tell(launch, DESKTOP_HOST_WAIT, err);
}

enum cua_status desktop_host_wake(const struct desktop_record *record, struct cua_error *err)
{
	char path[CUA_PATH_MAX + 16], log_path[CUA_PATH_MAX + 16];
	CUA_AUTO_FD int fd = -1;
	int ready[2];
	CUA_AUTO_JSON cJSON *message = cJSON_CreateObject(), *answer = NULL;
	cJSON_AddStringToObject(message, "name", record->name);
	cJSON_AddStringToObject(message, "log", getenv("CUA_LOG") ? getenv("CUA_LOG") : "");
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(message);
	desktop_path(record, DESKTOP_HOST_SOCKET, path, sizeof(path));
	desktop_path(record, "host.log", log_path, sizeof(log_path));
	if (!text || strlen(text) > DESKTOP_HOST_MESSAGE_MAX) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "CUA_LOG is no level");
	}
	enum cua_status status = cua_unix_connect(path, SOCK_SEQPACKET, &fd, err);
	if (status != CUA_OK) {
		return status;
	}
	if (pipe2(ready, O_CLOEXEC) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "pipe");
	}
	status = cua_unix_send(fd, text, strlen(text), &ready[1], 1, err);
	close(ready[1]);
	if (status == CUA_OK) {
		status = cua_read_ready(ready[0], WAKE_TIMEOUT_MS, "the desktop host", log_path,
				&answer, err);
	}
	close(ready[0]);
	return status;
}

void desktop_host_abandon(const struct desktop_host_launch *launch)
{
	if (launch->pid > 0) {
		(void)cua_process_end(cua_process_identify(launch->pid), SIGKILL, 2000);
	}
}

enum cua_status desktop_host_start(const struct desktop_record *record, struct cua_error *err)
{
	struct desktop_host_launch launch;
	enum cua_status status = desktop_host_launch(record, &launch, err);
	if (status != CUA_OK) {
		return status;
	}
	status = desktop_host_await(&launch, err);
	desktop_host_launch_finish(&launch);
	if (status != CUA_OK) {
		desktop_host_abandon(&launch);
	}
	return status;
}

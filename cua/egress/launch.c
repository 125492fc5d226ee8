#include "cua/egress/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/program.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"

#define READY_TIMEOUT_MS 10000

/* For whom it serves, who has no right in the folder but this. */
static enum cua_status give(
		const struct egress_launch *launch, const char *path, struct cua_error *err)
{
	return geteuid() != 0 || lchown(path, launch->uid, launch->uid) == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
}

static enum cua_status write_token(const struct egress_launch *launch,
		char token[EGRESS_TOKEN_LEN + 1], struct cua_error *err)
{
	unsigned char bytes[EGRESS_TOKEN_LEN / 2];
	char path[CUA_PATH_MAX + 32];
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "random bytes");
	}
	for (size_t i = 0; i < sizeof(bytes); i++) {
		snprintf(token + 2 * i, 3, "%02x", bytes[i]);
	}
	snprintf(path, sizeof(path), "%s/" EGRESS_TOKEN, launch->folder);
	enum cua_status status = cua_file_write(path, token, EGRESS_TOKEN_LEN, 0600, err);
	return status == CUA_OK ? give(launch, path, err) : status;
}

static enum cua_status open_listener(
		const struct egress_launch *launch, int *ret_fd, struct cua_error *err)
{
	char path[CUA_PATH_MAX + 32];
	snprintf(path, sizeof(path), "%s/" EGRESS_SOCKET, launch->folder);
	enum cua_status status = cua_make_dirs(launch->folder, geteuid() == 0 ? 0711 : 0700, err);
	if (status == CUA_OK) {
		status = cua_unix_listen(path, SOCK_STREAM, 0600, ret_fd, err);
	}
	return status == CUA_OK ? give(launch, path, err) : status;
}

enum cua_status egress_launch_begin(const struct egress_launch *launch,
		struct egress_launched *ret_launched, struct cua_error *err)
{
	int config[2];
	CUA_AUTO_FD int listen_fd = -1;
	struct egress_launched launched = { .config_fd = -1, .ready_fd = -1 };
	enum cua_status status = open_listener(launch, &listen_fd, err);
	if (status == CUA_OK) {
		status = write_token(launch, launched.token, err);
	}
	if (status == CUA_OK && pipe2(config, O_CLOEXEC) != 0) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "pipe");
	}
	if (status != CUA_OK) {
		return status;
	}
	const struct egress_process process = { .program = "cua-egress",
		.log_path = launch->log_path,
		.errors_path = launch->errors_path,
		.in_fd = config[0],
		.own_fd = listen_fd,
		.life_fd = launch->life_fd };
	status = egress_process_start(&process, &launched.pid, &launched.ready_fd, err);
	close(config[0]);
	launched.config_fd = config[1];
	if (status != CUA_OK) {
		egress_launch_finish(&launched);
		return status;
	}
	*ret_launched = launched;
	return CUA_OK;
}

static enum cua_status send_config(const struct egress_launch *launch,
		const struct egress_launched *launched, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *config = cJSON_CreateObject();
	cJSON_AddStringToObject(config, "list", launch->list);
	cJSON_AddStringToObject(config, "token", launched->token);
	cJSON_AddNumberToObject(config, "uid", launch->uid);
	cJSON_AddBoolToObject(config, "has_life", launch->life_fd >= 0);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(config);
	return text && cua_write_all(launched->config_fd, text, strlen(text))
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_IO, errno, "the egress proxy ended while starting");
}

enum cua_status egress_launch_go(const struct egress_launch *launch,
		struct egress_launched *launched, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *answer = NULL;
	enum cua_status status = send_config(launch, launched, err);
	cua_closep(&launched->config_fd); /* without all of it the proxy ends */
	launched->config_fd = -1;
	return status == CUA_OK
			? cua_read_ready(launched->ready_fd, READY_TIMEOUT_MS, "the egress proxy",
					  launch->errors_path, &answer, err)
			: status;
}

void egress_launch_finish(struct egress_launched *launched)
{
	cua_closep(&launched->config_fd);
	cua_closep(&launched->ready_fd);
	launched->config_fd = launched->ready_fd = -1;
}

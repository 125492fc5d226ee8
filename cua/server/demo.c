#include "cua/server/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/server/store.h"
#include "demo_policy.h"
#include "demo_script.h"

#define READY_TIMEOUT_MS 20000
#define END_TIMEOUT_MS 5000
#define IDLE_OPTION "--idle=3600"
#define RECORD_MAX 4096
#define STEPS_MAX 100

const char demo_task[] =
		"Write the letter to the harbour office in LibreOffice Writer. Make its first line "
		"a heading and the day of arrival bold, put a table with the ships at the end, and "
		"save it as letter.odt.";

void demo_init(struct demo *demo)
{
	*demo = (struct demo){ .port = 0 };
	pthread_mutex_init(&demo->mutex, NULL);
}

static void name_record(const char *state_dir, char *path, size_t size)
{
	snprintf(path, size, "%s/demo/standin.json", state_dir);
}

/* For the servers to come. */
static enum cua_status write_record(
		const struct demo *demo, const char *state_dir, struct cua_error *err)
{
	char path[CUA_PATH_MAX + 32];
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "version", CUA_VERSION); /* of its script */
	cJSON_AddNumberToObject(json, "pid", demo->process.pid);
	cJSON_AddNumberToObject(json, "start_ticks", (double)demo->process.start_ticks);
	cJSON_AddNumberToObject(json, "port", demo->port);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	name_record(state_dir, path, sizeof(path));
	return text ? cua_file_write(path, text, strlen(text), 0600, err)
		    : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "the stand-in model");
}

/* That of a server before this one. */
static void read_record(struct demo *demo, const char *state_dir)
{
	char path[CUA_PATH_MAX + 32];
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, RECORD_MAX);
	name_record(state_dir, path, sizeof(path));
	if (cua_file_read(path, &text, NULL) != CUA_OK) {
		return;
	}
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(text.data);
	if (strcmp(cua_json_text(json, "version"), CUA_VERSION) == 0) {
		demo->process = (struct cua_process_id){ .pid = cua_json_int(json, "pid"),
			.start_ticks = (uint64_t)cua_json_number(json, "start_ticks") };
		demo->port = cua_json_int(json, "port");
	}
}

/* If it is our child and has ended, it is reaped here. */
static bool is_running(struct demo *demo, const char *state_dir)
{
	if (demo->process.pid == 0) {
		read_record(demo, state_dir);
	} else {
		(void)waitpid(demo->process.pid, NULL, WNOHANG);
	}
	CUA_AUTO_FD int pidfd = cua_process_open(demo->process);
	return pidfd >= 0;
}

/* "listening on 127.0.0.1:PORT" */
static enum cua_status await_port(int fd, int *ret_port, struct cua_error *err)
{
	char line[128] = "";
	size_t len = 0;
	const uint64_t deadline_us = cua_now_us() + READY_TIMEOUT_MS * 1000ull;
	while (len < sizeof(line) - 1 && !strchr(line, '\n')) {
		const uint64_t now_us = cua_now_us();
		struct pollfd poll_fd = { fd, POLLIN, 0 };
		const int left_ms = now_us < deadline_us ? (int)((deadline_us - now_us) / 1000) : 0;
		const ssize_t got = poll(&poll_fd, 1, left_ms) > 0
				? read(fd, line + len, sizeof(line) - 1 - len)
				: -1;
		if (got <= 0) {
			break;
		}
		len += (size_t)got;
	}
	return sscanf(line, "listening on 127.0.0.1:%d", ret_port) == 1
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
					  "the stand-in model does not start: cua-standin --script "
					  "says "
					  "why");
}

static enum cua_status start(struct demo *demo, const char *script, struct cua_error *err)
{
	char program[CUA_PATH_MAX];
	int ends[2];
	if (cua_program_path("cua-standin", program, sizeof(program), err) != CUA_OK) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"the stand-in model is not installed: cua-standin belongs beside "
				"cua");
	}
	CUA_AUTO_FD int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd < 0 || pipe2(ends, O_CLOEXEC) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "starting the stand-in model");
	}
	CUA_AUTO_FD int ready_fd = ends[0];
	const char *const argv[] = { program, "--script", script, "--quiet", IDLE_OPTION, NULL };
	const struct cua_fd_map fds[] = { { null_fd, 0 }, { ends[1], 1 }, { null_fd, 2 } };
	const struct cua_spawn spawn = { .argv = argv,
		.exec_fd = -1,
		.cwd = "/",
		.fds = fds,
		.fd_count = CUA_ARRAY_LEN(fds),
		.uid = (uid_t)-1,
		.new_session = true };
	pid_t pid = 0;
	enum cua_status status = cua_spawn(&spawn, &pid, err);
	close(ends[1]);
	demo->process = cua_process_identify(pid);
	return status == CUA_OK ? await_port(ready_fd, &demo->port, err) : status;
}

static enum cua_status settle(
		struct demo *demo, const char *state_dir, const char *policy, struct cua_error *err)
{
	char dir[CUA_PATH_MAX + 16], script[CUA_PATH_MAX + 64];
	snprintf(dir, sizeof(dir), "%s/demo", state_dir);
	snprintf(script, sizeof(script), "%s/letter.yaml", dir);
	enum cua_status status = cua_make_dirs(dir, 0700, err);
	if (status == CUA_OK) {
		status = cua_file_write(script, demo_script, strlen(demo_script), 0600, err);
	}
	if (status == CUA_OK) {
		status = cua_file_write(policy, demo_policy, strlen(demo_policy), 0600, err);
	}
	if (status == CUA_OK) {
		status = start(demo, script, err);
	}
	return status == CUA_OK ? write_record(demo, state_dir, err) : status;
}

static void name_url(const struct demo *demo, char *url, size_t size)
{
	snprintf(url, size, "http://127.0.0.1:%d/v1", demo->port);
}

enum cua_status demo_settings(struct demo *demo, const char *state_dir, cJSON **ret_settings,
		struct cua_error *err)
{
	char policy[CUA_PATH_MAX + 32], base_url[64];
	snprintf(policy, sizeof(policy), "%s/demo/policy.yaml", state_dir);
	pthread_mutex_lock(&demo->mutex);
	enum cua_status status =
			is_running(demo, state_dir) ? CUA_OK : settle(demo, state_dir, policy, err);
	name_url(demo, base_url, sizeof(base_url));
	pthread_mutex_unlock(&demo->mutex);
	if (status != CUA_OK) {
		return status;
	}
	cJSON *settings = *ret_settings = cJSON_CreateObject();
	cJSON_AddStringToObject(settings, "model", "standin");
	cJSON_AddStringToObject(settings, "api", "chat"); /* wants no key */
	cJSON_AddStringToObject(settings, "base_url", base_url);
	cJSON_AddStringToObject(settings, "policy", policy);
	cJSON_AddNumberToObject(settings, "max_steps", STEPS_MAX);
	return CUA_OK;
}

/* In doubt: yes. */
static bool is_wanted(const struct demo *demo, struct store *store)
{
	char base_url[64];
	CUA_AUTO_JSON cJSON *rows = NULL;
	name_url(demo, base_url, sizeof(base_url));
	return store_run(store, &rows, NULL,
			       "SELECT id FROM runs WHERE state IN ('queued', 'starting', "
			       "'running') AND settings_json ->> 'base_url' = ? LIMIT 1",
			       "s", base_url) != CUA_OK ||
			rows->child;
}

void demo_end(struct demo *demo, const char *state_dir, struct store *store)
{
	char path[CUA_PATH_MAX + 32];
	if (!is_running(demo, state_dir) || is_wanted(demo, store)) {
		return;
	}
	if (cua_process_end(demo->process, SIGTERM, END_TIMEOUT_MS)) {
		name_record(state_dir, path, sizeof(path));
		(void)unlink(path);
	}
}

/* The frame of a run: directories, signals, progress, scenarios. */

#include "cua/bench/bench.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench_scenarios.h"
#include "cua/base/file.h"
#include "cua/base/util.h"

static enum cua_status make_dirs(struct bench *bench, struct cua_error *err)
{
	char runtime[96], state[96];
	const char *parent = getenv("TMPDIR");
	parent = parent && parent[0] == '/' ? parent : "/tmp";
	const int len = snprintf(bench->dir, sizeof(bench->dir), "%s/cua-bench-XXXXXX", parent);
	if (len >= (int)sizeof(bench->dir) || !mkdtemp(bench->dir)) {
		bench->dir[0] = '\0';
		return CUA_FAIL(err, CUA_ERR_IO,
				len >= (int)sizeof(bench->dir) ? ENAMETOOLONG : errno,
				"a directory in %.80s; TMPDIR chooses another place, whose path "
				"must "
				"be short",
				parent);
	}
	/* Desktops that root starts run as users of their own and pass through. */
	if (geteuid() == 0 && chmod(bench->dir, 0711) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", bench->dir);
	}
	snprintf(runtime, sizeof(runtime), "%s/run", bench->dir);
	snprintf(state, sizeof(state), "%s/state", bench->dir);
	if (setenv("CUA_RUNTIME_DIR", runtime, 1) != 0 || setenv("CUA_STATE_DIR", state, 1) != 0) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, errno, "environment");
	}
	return CUA_OK;
}

enum cua_status bench_begin(struct bench *bench, struct cua_error *err)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	bench->stop_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (bench->stop_fd < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "signals");
	}
	bench->show_progress = isatty(STDERR_FILENO);
	bench_machine_read(&bench->report.machine);
	return make_dirs(bench, err);
}

void bench_end(struct bench *bench)
{
	struct cua_error error = { 0 };
	while (bench->desktop_count > 0) {
		bench_desktop_stop(bench->desktops[bench->desktop_count - 1]);
	}
	if (bench->dir[0] && cua_remove_tree(bench->dir, &error) != CUA_OK) {
		fprintf(stderr, "cua bench: %s is left behind: %s\n", bench->dir, error.msg);
	}
	bench->dir[0] = '\0';
	if (bench->show_progress) {
		fprintf(stderr, "\r\033[K");
	}
	cua_closep(&bench->stop_fd);
	bench->stop_fd = -1;
}

enum cua_status bench_check(struct bench *bench, struct cua_error *err)
{
	struct pollfd stop = { .fd = bench->stop_fd, .events = POLLIN };
	return poll(&stop, 1, 0) > 0 ? CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "stopped") : CUA_OK;
}

enum cua_status bench_pause(struct bench *bench, int ms, struct cua_error *err)
{
	struct pollfd stop = { .fd = bench->stop_fd, .events = POLLIN };
	return poll(&stop, 1, ms) > 0 ? CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "stopped") : CUA_OK;
}

void bench_progress(struct bench *bench, const char *fmt, ...)
{
	if (!bench->show_progress) {
		return;
	}
	va_list args;
	va_start(args, fmt);
	fprintf(stderr, "\r\033[K");
	vfprintf(stderr, fmt, args);
	fflush(stderr);
	va_end(args);
}

double bench_ms_since(uint64_t started_us)
{
	return (double)(cua_now_us() - started_us) / 1000.0;
}

cJSON *bench_scenario(const struct bench *bench, const char *name, struct cua_error *err)
{
	char path[CUA_PATH_MAX];
	CUA_AUTO_BUFFER struct cua_buffer file;
	const char *text = NULL;
	cua_buffer_init(&file, 1 << 20);
	snprintf(path, sizeof(path), "%s/%s.json", bench->scenario_dir ? bench->scenario_dir : "",
			name);
	if (bench->scenario_dir && access(path, F_OK) == 0) {
		if (cua_file_read(path, &file, err) != CUA_OK) {
			return NULL;
		}
		text = file.data;
	}
	for (size_t i = 0; !text && i < CUA_ARRAY_LEN(bench_scenarios); i++) {
		if (strcmp(bench_scenarios[i].name, name) == 0) {
			text = bench_scenarios[i].text;
		}
	}
	if (!text) {
		cua_error_set(err, CUA_ERR_NOT_FOUND, 0, "no scenario \"%s\"", name);
		return NULL;
	}
	const char *end = NULL;
	cJSON *json = cJSON_ParseWithOpts(text, &end, true);
	if (!json) {
		cua_error_set(err, CUA_ERR_INVAL, 0, "scenario \"%s\" is no JSON near \"%.40s\"",
				name, end ? end : "");
	}
	return json;
}

const char *bench_text(const cJSON *json, const char *name)
{
	const cJSON *text = cJSON_GetObjectItemCaseSensitive(json, name);
	return cJSON_IsString(text) ? text->valuestring : "";
}

double bench_number(const cJSON *json, const char *name, double fallback)
{
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(json, name);
	return cJSON_IsNumber(number) ? number->valuedouble : fallback;
}

bool bench_is_wanted(const struct bench *bench, const cJSON *part)
{
	return !bench->quick || cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(part, "quick"));
}

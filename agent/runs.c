#include "agent/runs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/event.h"
#include "agent/journal_read.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"

#define LAST_EVENT_MAX ((off_t)1 << 20) /* a longer one is found by reading all */

/* --- names --- */

void agent_runs_make_name(char name[AGENT_RUN_NAME_SIZE])
{
	struct timespec now;
	struct tm utc;
	char second[16], random_hex[9];
	unsigned char random_bytes[4];
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(second, sizeof(second), "%Y%m%dT%H%M%S", &utc);
	randombytes_buf(random_bytes, sizeof(random_bytes));
	sodium_bin2hex(random_hex, sizeof(random_hex), random_bytes, sizeof(random_bytes));
	snprintf(name, AGENT_RUN_NAME_SIZE, "%s.%03dZ-%s", second, (int)(now.tv_nsec / 1000000),
			random_hex);
}

bool agent_runs_is_name(const char *name)
{
	static const char like[] = "00000000T000000.000Z-xxxxxxxx";
	for (size_t i = 0; i < sizeof(like); i++) {
		const bool fits = like[i] == '0' ? name[i] >= '0' && name[i] <= '9'
				: like[i] == 'x' ? name[i] && strchr("0123456789abcdef", name[i])
						 : name[i] == like[i];
		if (!fits) {
			return false;
		}
	}
	return true;
}

/* --- finding --- */

enum cua_status agent_runs_dir(char **ret_path, struct cua_error *err)
{
	char state[CUA_PATH_MAX];
	const char *runs = getenv("CUA_RUNS_DIR");
	int len = -1;
	if (runs && runs[0]) {
		len = asprintf(ret_path, "%s", runs);
	} else {
		enum cua_status status = cua_state_dir(state, sizeof(state), err);
		if (status != CUA_OK) {
			return status;
		}
		len = asprintf(ret_path, "%s/runs", state);
	}
	return len >= 0 ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "folder of runs");
}

enum cua_status agent_runs_socket(const char *id, char *path, size_t size, struct cua_error *err)
{
	char runtime[CUA_PATH_MAX];
	enum cua_status status = cua_runtime_dir(runtime, sizeof(runtime), err);
	if (status != CUA_OK) {
		return status;
	}
	snprintf(path, size, "%s/runs", runtime);
	status = cua_make_dirs(path, 0700, err);
	if (status == CUA_OK && snprintf(path, size, "%s/runs/%s.sock", runtime, id) >= (int)size) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "%s/runs: the path is too long",
				runtime);
	}
	return status;
}

/* Folders that agent_journal_create() has made: their names begin with a date. */
static int is_run(const struct dirent *entry)
{
	return strspn(entry->d_name, "0123456789") == 8 && entry->d_name[8] == 'T';
}

static enum cua_status scan_runs(const char *dir, struct dirent ***ret_entries, int *ret_count,
		struct cua_error *err)
{
	int count = scandir(dir, ret_entries, is_run, alphasort);
	if (count < 0 && errno != ENOENT) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", dir);
	}
	*ret_count = count < 0 ? 0 : count;
	return CUA_OK;
}

/* The index of the run that is meant, or why none is. */
static enum cua_status choose(const char *id, struct dirent *const *entries, int count,
		int *ret_index, struct cua_error *err)
{
	int found = -1, matches = 0;
	for (int i = 0; i < count; i++) {
		if (strcmp(entries[i]->d_name, id) == 0) {
			*ret_index = i;
			return CUA_OK;
		}
		if (strncmp(entries[i]->d_name, id, strlen(id)) == 0) {
			found = i;
			matches++;
		}
	}
	if (strcmp(id, "last") == 0 && count > 0) {
		*ret_index = count - 1;
		return CUA_OK;
	}
	if (matches > 1) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%d runs begin with \"%s\"", matches, id);
	}
	if (matches == 0 || !id[0]) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
				"there is no run \"%s\"; cua runs list shows all", id);
	}
	*ret_index = found;
	return CUA_OK;
}

enum cua_status agent_runs_find(const char *id, char **ret_path, struct cua_error *err)
{
	CUA_AUTO_FREE char *dir = NULL;
	struct dirent **entries = NULL;
	int count = 0, index = 0;
	enum cua_status status = agent_runs_dir(&dir, err);
	if (status == CUA_OK) {
		status = scan_runs(dir, &entries, &count, err);
	}
	if (status == CUA_OK) {
		status = choose(id, entries, count, &index, err);
	}
	if (status == CUA_OK && asprintf(ret_path, "%s/%s", dir, entries[index]->d_name) < 0) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "folder of a run");
	}
	for (int i = 0; i < count; i++) {
		free(entries[i]);
	}
	free(entries);
	return status;
}

/* --- what a run came to --- */

/* -1 if unknown. */
static double cost_of(const cJSON *event)
{
	const cJSON *cost = cua_json_member(event, "cost_usd");
	return cJSON_IsNumber(cost) ? cost->valuedouble : -1;
}

static cJSON *read_first_event(FILE *file)
{
	CUA_AUTO_FREE char *line = NULL;
	size_t size = 0;
	ssize_t len = getline(&line, &size, file);
	return len > 0 ? agent_event_parse(line, (size_t)len) : NULL;
}

/* NULL if the file does not end with a whole event of at most LAST_EVENT_MAX. */
static cJSON *read_last_event(FILE *file)
{
	struct stat info;
	if (fstat(fileno(file), &info) != 0 || info.st_size < 2) {
		return NULL;
	}
	const off_t start = info.st_size > LAST_EVENT_MAX ? info.st_size - LAST_EVENT_MAX : 0;
	const size_t want = (size_t)(info.st_size - start);
	CUA_AUTO_FREE char *text = malloc(want);
	if (!text || pread(fileno(file), text, want, start) != (ssize_t)want ||
			text[want - 1] != '\n') {
		return NULL;
	}
	const char *before = memrchr(text, '\n', want - 1);
	const char *line = before ? before + 1 : text;
	return agent_event_parse(line, (size_t)(text + want - line));
}

static void take_start(struct agent_run_summary *summary, const cJSON *start)
{
	summary->task = strdup(cua_json_text(start, "task"));
	summary->model = strdup(cua_json_text(start, "model"));
	snprintf(summary->started, sizeof(summary->started), "%s", cua_json_text(start, "time"));
}

static void take_end(struct agent_run_summary *summary, const cJSON *end)
{
	snprintf(summary->state, sizeof(summary->state), "%s", cua_json_text(end, "outcome"));
	summary->steps = cua_json_int(end, "steps");
	summary->actions = cua_json_int(end, "actions");
	summary->ms = cua_json_number(end, "ms");
	summary->cost_usd = cost_of(end);
}

/* Of a run without an end: what its events add up to. */
static void take_events(struct agent_run_summary *summary, int dir_fd)
{
	CUA_AUTO_JSON cJSON *events = NULL;
	const cJSON *event = NULL;
	if (agent_journal_events(dir_fd, &events, NULL) != CUA_OK) {
		return;
	}
	cJSON_ArrayForEach (event, events) {
		const double ms = agent_event_time_ms(event) - agent_event_time_ms(events->child);
		summary->ms = ms > summary->ms ? ms : summary->ms;
		if (agent_event_is(event, "turn")) {
			const double cost = cost_of(event);
			summary->steps = cua_json_int(event, "step");
			summary->cost_usd = cost < 0            ? summary->cost_usd
					: summary->cost_usd < 0 ? cost
								: summary->cost_usd + cost;
		} else if (agent_event_is(event, "result")) {
			summary->actions += cJSON_GetArraySize(cua_json_member(event, "results"));
		}
	}
}

static void sum_sizes(int dir_fd, int64_t *bytes)
{
	int fd = dup(dir_fd);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		cua_closep(&fd);
		return;
	}
	rewinddir(dir);
	for (const struct dirent *entry; (entry = readdir(dir));) {
		struct stat info;
		if (fstatat(dir_fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
				S_ISREG(info.st_mode)) {
			*bytes += info.st_blocks * 512;
		}
	}
	closedir(dir);
}

static void take_files(struct agent_run_summary *summary, int dir_fd)
{
	struct stat info;
	if (fstatat(dir_fd, "events.jsonl", &info, 0) == 0) {
		summary->changed_s = info.st_mtime;
	} else if (fstat(dir_fd, &info) == 0) {
		summary->changed_s = info.st_mtime;
	}
	sum_sizes(dir_fd, &summary->bytes);
	CUA_AUTO_FD int screenshots_fd =
			openat(dir_fd, "screenshots", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (screenshots_fd >= 0) {
		sum_sizes(screenshots_fd, &summary->bytes);
	}
}

cJSON *agent_run_last_event(int run_dir_fd)
{
	int fd = openat(run_dir_fd, "events.jsonl", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
	cJSON *event = file ? read_last_event(file) : NULL;
	if (file) {
		fclose(file);
	}
	return event;
}

static void take_journal(struct agent_run_summary *summary, int dir_fd)
{
	int fd = openat(dir_fd, "events.jsonl", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
	CUA_AUTO_JSON cJSON *start = file ? read_first_event(file) : NULL;
	CUA_AUTO_JSON cJSON *last = file ? read_last_event(file) : NULL;
	if (file) {
		fclose(file);
	}
	take_start(summary, start);
	if (agent_event_is(last, "run_end")) {
		take_end(summary, last);
		return;
	}
	snprintf(summary->state, sizeof(summary->state), "%s",
			agent_journal_is_held(dir_fd) ? "running" : "broken_off");
	take_events(summary, dir_fd);
}

enum cua_status agent_run_summarise(
		const char *path, struct agent_run_summary *ret_summary, struct cua_error *err)
{
	struct agent_run_summary summary = { .cost_usd = -1, .path = strdup(path) };
	CUA_AUTO_FD int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0) {
		const int failed = errno;
		agent_run_summary_finish(&summary);
		return CUA_FAIL(err, failed == ENOENT ? CUA_ERR_NOT_FOUND : CUA_ERR_IO, failed,
				"%s", path);
	}
	take_journal(&summary, dir_fd);
	take_files(&summary, dir_fd);
	if (!summary.path || !summary.task || !summary.model) {
		agent_run_summary_finish(&summary);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "run");
	}
	summary.id = strrchr(summary.path, '/') + 1;
	*ret_summary = summary;
	return CUA_OK;
}

void agent_run_summary_finish(struct agent_run_summary *summary)
{
	free(summary->path);
	free(summary->task);
	free(summary->model);
	*summary = (struct agent_run_summary){ 0 };
}

cJSON *agent_run_summary_json(const struct agent_run_summary *summary)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "id", summary->id);
	cJSON_AddStringToObject(json, "state", summary->state);
	cJSON_AddStringToObject(json, "task", summary->task);
	cJSON_AddStringToObject(json, "model", summary->model);
	cJSON_AddStringToObject(json, "started", summary->started);
	cJSON_AddNumberToObject(json, "steps", summary->steps);
	cJSON_AddNumberToObject(json, "actions", summary->actions);
	cJSON_AddNumberToObject(json, "ms", summary->ms);
	if (summary->cost_usd >= 0) {
		cJSON_AddNumberToObject(json, "cost_usd", summary->cost_usd);
	} else {
		cJSON_AddNullToObject(json, "cost_usd");
	}
	cJSON_AddNumberToObject(json, "bytes", (double)summary->bytes);
	cJSON_AddStringToObject(json, "run_dir", summary->path);
	return json;
}

/* --- all of them --- */

enum cua_status agent_runs_list(
		struct agent_run_summary **ret_runs, size_t *ret_count, struct cua_error *err)
{
	CUA_AUTO_FREE char *dir = NULL;
	struct dirent **entries = NULL;
	int count = 0;
	size_t listed = 0;
	enum cua_status status = agent_runs_dir(&dir, err);
	if (status == CUA_OK) {
		status = scan_runs(dir, &entries, &count, err);
	}
	struct agent_run_summary *runs = calloc((size_t)count + 1, sizeof(*runs));
	for (int i = 0; i < count; i++) {
		char path[CUA_PATH_MAX + 256];
		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		/* One that is being deleted is no run. */
		if (runs && status == CUA_OK &&
				agent_run_summarise(path, &runs[listed], NULL) == CUA_OK) {
			listed++;
		}
		free(entries[i]);
	}
	free(entries);
	if (status != CUA_OK || !runs) {
		agent_runs_free(runs, listed);
		return status != CUA_OK ? status : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "runs");
	}
	*ret_runs = runs;
	*ret_count = listed;
	return CUA_OK;
}

void agent_runs_free(struct agent_run_summary *runs, size_t count)
{
	for (size_t i = 0; runs && i < count; i++) {
		agent_run_summary_finish(&runs[i]);
	}
	free(runs);
}

/* The lock is held until the folder has another name: nobody resumes what is going away. */
enum cua_status agent_run_delete(const char *path, struct cua_error *err)
{
	char events[CUA_PATH_MAX + 300], beside[CUA_PATH_MAX + 300], socket_path[CUA_PATH_MAX];
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	const char *slash = strrchr(path, '/');
	snprintf(events, sizeof(events), "%s/events.jsonl", path);
	snprintf(beside, sizeof(beside), "%.*s/.deleted-%s", (int)(slash - path), path, slash + 1);
	CUA_AUTO_FD int fd = open(events, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) != 0) {
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0, "%s: a process is at this run", slash + 1);
	}
	if (rename(path, beside) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	/* A process that was killed has left it. */
	if (agent_runs_socket(slash + 1, socket_path, sizeof(socket_path), NULL) == CUA_OK) {
		unlink(socket_path);
	}
	return cua_remove_tree(beside, err);
}

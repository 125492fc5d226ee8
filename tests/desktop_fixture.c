#include "tests/desktop_fixture.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "cua/base/file.h"
#include "cua/base/process.h"
#include "cua/base/unix_socket.h"
#include "display/desktop_record.h"

#define PROGRAM_DEADLINE_MS 90000
#define POLL_US 10000
#define WORDS_MAX 32
#define LOAD_MAX 8

/* --- waiting --- */

bool waits_until(condition_fn condition, void *data, int timeout_ms)
{
	const uint64_t deadline_us = cua_now_us() + (uint64_t)timeout_ms * 1000U;
	while (!condition(data)) {
		if (cua_now_us() > deadline_us) {
			return false;
		}
		usleep(POLL_US);
	}
	return true;
}

void wait_until(condition_fn condition, void *data, const char *what)
{
	if (!waits_until(condition, data, DESKTOP_DEADLINE_MS)) {
		fail_msg("not in %d ms: %s", DESKTOP_DEADLINE_MS, what);
	}
}

/* --- files --- */

char *read_whole_file(const char *path, size_t *ret_len)
{
	struct cua_buffer buffer;
	cua_buffer_init(&buffer, (size_t)256 << 20);
	if (cua_file_read(path, &buffer, NULL) != CUA_OK) {
		cua_buffer_finish(&buffer);
		return NULL;
	}
	if (ret_len) {
		*ret_len = buffer.len;
	}
	return buffer.data ? buffer.data : calloc(1, 1);
}

char *home_file(const struct desktop *desktop, const char *leaf)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", desktop->home, leaf);
	char *text = read_whole_file(path, NULL);
	assert_non_null(text);
	return text;
}

static void copy_program(const char *from, const char *to)
{
	size_t len = 0;
	char *bytes = read_whole_file(from, &len);
	assert_non_null(bytes);
	assert_int_equal(cua_file_write(to, bytes, len, 0755, NULL), CUA_OK);
	assert_int_equal(chmod(to, 0755), 0);
	free(bytes);
}

/* --- worlds --- */

const char *world_path(const struct world *world, const char *leaf)
{
	static char paths[4][512];
	static unsigned int next;
	char *path = paths[next++ % CUA_ARRAY_LEN(paths)];
	snprintf(path, sizeof(paths[0]), "%s/%s", world->dir, leaf);
	return path;
}

void world_create(struct world *world, uid_t uid)
{
	*world = (struct world){ .dir = "/tmp/cua-test-XXXXXX", .uid = uid };
	assert_non_null(mkdtemp(world->dir));
	assert_int_equal(chmod(world->dir, 0711), 0);
	snprintf(world->program, sizeof(world->program), "%s/cua", world->dir);
	static const char *const programs[] = { "", "-host", "-session", "-vnc-server", "-run",
		"-runs", "-reader", "-bench" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(programs); i++) {
		char from[512], to[512];
		snprintf(from, sizeof(from), "%s%s", CUA_TEST_PROGRAM, programs[i]);
		snprintf(to, sizeof(to), "%s%s", world->program, programs[i]);
		copy_program(from, to);
	}
	if (uid != (uid_t)-1) {
		assert_int_equal(chown(world->dir, uid, uid), 0);
	}
}

void world_destroy(struct world *world)
{
	struct output output;
	if (!world->dir[0]) {
		return;
	}
	world_cua(world, &output, "desktop", "stop", "--all", NULL);
	const int exit_status = output.exit_status;
	output_finish(&output);
	assert_int_equal(cua_remove_tree(world->dir, NULL), CUA_OK);
	world->dir[0] = '\0';
	assert_int_equal(exit_status, 0);
}

/* --- programs --- */

static char *take_memfd(int fd, size_t *ret_len)
{
	struct stat info;
	assert_int_equal(fstat(fd, &info), 0);
	const size_t len = (size_t)info.st_size;
	char *text = calloc(1, len + 1);
	assert_non_null(text);
	for (size_t at = 0; at < len;) {
		const ssize_t got = pread(fd, text + at, len - at, (off_t)at);
		assert_true(got > 0);
		at += (size_t)got;
	}
	close(fd);
	if (ret_len) {
		*ret_len = len;
	}
	return text;
}

static int wait_for_end(pid_t pid, const char *what, int deadline_ms)
{
	const struct cua_process_id id = cua_process_identify(pid);
	const int pidfd = id.pid > 0 ? cua_process_open(id) : -1;
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	int wait_status = 0;
	if (pidfd >= 0 && poll(&ended, 1, deadline_ms) == 0) {
		kill(pid, SIGKILL);
		waitpid(pid, &wait_status, 0);
		fail_msg("%s did not end in %d s", what, deadline_ms / 1000);
	}
	if (pidfd >= 0) {
		close(pidfd);
	}
	assert_int_equal(waitpid(pid, &wait_status, 0), pid);
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

static pid_t spawn_in(const struct world *world, const char *const *argv, const char *const *extra,
		int in, int out, int err)
{
	char runtime[128], state[128], home[128], path[512];
	snprintf(runtime, sizeof(runtime), "CUA_RUNTIME_DIR=%s/run", world->dir);
	snprintf(state, sizeof(state), "CUA_STATE_DIR=%s/state", world->dir);
	snprintf(home, sizeof(home), "HOME=%s", world->dir);
	snprintf(path, sizeof(path), "PATH=%s", world->path[0] ? world->path : getenv("PATH"));
	const char *envp[WORDS_MAX] = { runtime, state, home, path, "LANG=C.UTF-8" };
	for (size_t i = 0, at = 5; extra && extra[i] && at + 1 < WORDS_MAX; i++) {
		envp[at++] = extra[i];
	}
	const struct cua_fd_map fds[] = { { in, 0 }, { out, 1 }, { err, 2 } };
	const struct cua_spawn spawn = { .argv = argv,
		.envp = envp,
		.exec_fd = -1,
		.cwd = "/",
		.fds = fds,
		.fd_count = (int)CUA_ARRAY_LEN(fds),
		.uid = world->uid };
	pid_t pid = 0;
	struct cua_error error = { 0 };
	if (cua_spawn(&spawn, &pid, &error) != CUA_OK) {
		fail_msg("%s: %s", argv[0], error.msg);
	}
	return pid;
}

pid_t world_start(const struct world *world, const char *const *argv, const char *const *extra)
{
	CUA_AUTO_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	return spawn_in(world, argv, extra, null, null, null);
}

void world_exec(const struct world *world, const char *const *argv, const char *const *extra,
		const char *input, size_t input_len, struct output *ret_output)
{
	const int in = memfd_create("in", MFD_CLOEXEC), out = memfd_create("out", MFD_CLOEXEC),
		  err = memfd_create("err", MFD_CLOEXEC);
	assert_int_equal(write(in, input ? input : "", input_len), input_len);
	lseek(in, 0, SEEK_SET);
	const pid_t pid = spawn_in(world, argv, extra, in, out, err);
	ret_output->exit_status = wait_for_end(pid, argv[0],
			world->deadline_ms > 0 ? world->deadline_ms : PROGRAM_DEADLINE_MS);
	close(in);
	ret_output->out = take_memfd(out, &ret_output->out_len);
	ret_output->err = take_memfd(err, NULL);
}

void output_finish(struct output *output)
{
	free(output->out);
	free(output->err);
	*output = (struct output){ 0 };
}

static void cua_words(const struct world *world, struct output *ret_output, va_list words)
{
	const char *argv[WORDS_MAX] = { world->program };
	for (size_t i = 1; i + 1 < WORDS_MAX; i++) {
		argv[i] = va_arg(words, const char *);
		if (!argv[i]) {
			break;
		}
	}
	world_exec(world, argv, NULL, NULL, 0, ret_output);
}

void world_cua(const struct world *world, struct output *ret_output, ...)
{
	va_list words;
	va_start(words, ret_output);
	cua_words(world, ret_output, words);
	va_end(words);
}

static void expect_status(const struct output *output, int exit_status, const char *what)
{
	if (output->exit_status != exit_status) {
		fail_msg("%s ended with %d, not %d: %s%s", what, output->exit_status, exit_status,
				output->out, output->err);
	}
}

void world_expect(const struct world *world, int exit_status, ...)
{
	struct output output;
	va_list words;
	va_start(words, exit_status);
	cua_words(world, &output, words);
	va_end(words);
	expect_status(&output, exit_status, "cua");
	output_finish(&output);
}

/* --- JSON --- */

const cJSON *json_at(const cJSON *json, const char *path)
{
	char part[64];
	while (json && *path) {
		const size_t len = strcspn(path, ".");
		snprintf(part, sizeof(part), "%.*s", (int)len, path);
		json = isdigit((unsigned char)part[0])
				? cJSON_GetArrayItem(json, (int)strtol(part, NULL, 10))
				: cJSON_GetObjectItemCaseSensitive(json, part);
		path += len + (path[len] == '.');
	}
	return json;
}

const char *json_text(const cJSON *json, const char *path)
{
	const cJSON *item = json_at(json, path);
	return cJSON_IsString(item) ? item->valuestring : "";
}

double json_number(const cJSON *json, const char *path)
{
	const cJSON *item = json_at(json, path);
	return cJSON_IsNumber(item) ? item->valuedouble : -1;
}

/* --- load --- */

static pid_t busy[LOAD_MAX];
static int busy_count;

void load_start(int count)
{
	assert_true(busy_count + count <= LOAD_MAX);
	for (int i = 0; i < count; i++) {
		const pid_t parent = getpid(), pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			volatile unsigned long rounds = 0;
			while (++rounds % 1000000 > 0 || getppid() == parent) {
			}
			_exit(0);
		}
		busy[busy_count++] = pid;
	}
}

void load_end(void)
{
	while (busy_count > 0) {
		kill_and_wait(busy[--busy_count]);
		waitpid(busy[busy_count], NULL, 0);
	}
}

/* --- processes --- */

/* Field 3 of /proc/PID/stat; 0 if there is no such process. */
static char process_state(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	char *stat = read_whole_file(path, NULL);
	const char *after = stat ? strrchr(stat, ')') : NULL;
	const char state = after && after[1] ? after[2] : 0;
	free(stat);
	return state;
}

bool process_is_gone(pid_t pid)
{
	const char state = process_state(pid);
	return state == 0 || state == 'Z' || state == 'X';
}

bool process_is_stopped(pid_t pid)
{
	return process_state(pid) == 'T';
}

void kill_and_wait(pid_t pid)
{
	assert_true(pid > 1);
	/* The first thread may be a zombie while others still hold the sockets. */
	CUA_AUTO_FD int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	struct pollfd gone = { .fd = pidfd, .events = POLLIN };
	assert_true(pidfd < 0 || poll(&gone, 1, DESKTOP_DEADLINE_MS) == 1);
}

static cJSON *read_record(const struct desktop *desktop)
{
	char leaf[128];
	snprintf(leaf, sizeof(leaf), "run/desktops/%s/desktop.json", desktop->name);
	char *text = read_whole_file(world_path(desktop->world, leaf), NULL);
	cJSON *record = text ? cJSON_Parse(text) : NULL;
	free(text);
	return record;
}

pid_t desktop_recorded_pid(const struct desktop *desktop, const char *who)
{
	char path[64];
	snprintf(path, sizeof(path), "%s.pid", who);
	CUA_AUTO_JSON cJSON *record = read_record(desktop);
	return (pid_t)json_number(record, path);
}

uid_t desktop_uid(const struct desktop *desktop)
{
	return desktop->uid;
}

static bool file_holds(const char *path, const char *text)
{
	size_t len = 0;
	CUA_AUTO_FREE char *bytes = read_whole_file(path, &len);
	return bytes && memmem(bytes, len, text, strlen(text)) != NULL;
}

static pid_t parent_of(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	CUA_AUTO_FREE char *stat = read_whole_file(path, NULL);
	const char *after = stat ? strrchr(stat, ')') : NULL;
	return after && strlen(after) > 4 ? (pid_t)strtol(after + 4, NULL, 10) : 0;
}

/* A browser makes namespaces of its own: then one of the ancestors is in that of the desktop. */
static bool is_in_desktop(const struct desktop *desktop, pid_t pid)
{
	char path[64], found[64] = "";
	while (desktop->pid_namespace[0] && pid > 1) {
		snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
		const ssize_t len = readlink(path, found, sizeof(found) - 1);
		found[len > 0 ? len : 0] = '\0';
		if (strcmp(found, desktop->pid_namespace) == 0) {
			return true;
		}
		pid = parent_of(pid);
	}
	if (desktop->pid_namespace[0]) {
		return false;
	}
	char mark[256];
	snprintf(mark, sizeof(mark), "CUA_DESKTOP_DIR=%s/run/desktops/%s", desktop->world->dir,
			desktop->name);
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	return file_holds(path, mark);
}

static bool command_line_holds(pid_t pid, const char *text)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	return file_holds(path, text);
}

/* Chromium's renderers have all their words in the first one. */
static bool program_is(pid_t pid, const char *name)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	CUA_AUTO_FREE char *words = read_whole_file(path, NULL);
	if (!words) {
		return false;
	}
	words[strcspn(words, " ")] = '\0';
	const char *slash = strrchr(words, '/');
	return strcmp(slash ? slash + 1 : words, name) == 0;
}

static int find_pids(const struct desktop *desktop, bool (*matches)(pid_t pid, const char *text),
		const char *text, pid_t *pids, int max)
{
	int count = 0;
	DIR *proc = opendir("/proc");
	assert_non_null(proc);
	for (const struct dirent *entry; (entry = readdir(proc)) && count < max;) {
		const pid_t pid = isdigit((unsigned char)entry->d_name[0])
				? (pid_t)strtol(entry->d_name, NULL, 10)
				: 0;
		if (pid > 1 && pid != getpid() && is_in_desktop(desktop, pid) &&
				matches(pid, text) && !process_is_gone(pid)) {
			pids[count++] = pid;
		}
	}
	closedir(proc);
	return count;
}

int desktop_pids(const struct desktop *desktop, const char *text, pid_t *pids, int max)
{
	return find_pids(desktop, command_line_holds, text, pids, max);
}

void desktop_end_processes(const struct desktop *desktop, const char *name)
{
	pid_t pids[64];
	const uint64_t deadline_us = cua_now_us() + DESKTOP_DEADLINE_MS * 1000ULL;
	for (int count; (count = find_pids(desktop, program_is, name, pids, 64)) > 0;) {
		for (int i = 0; i < count; i++) {
			assert_true(cua_process_end(cua_process_identify(pids[i]), SIGKILL,
					cua_ms_until(deadline_us)));
		}
		if (cua_now_us() > deadline_us) {
			fail_msg("%s is started again and again", name);
		}
	}
}

pid_t desktop_pid(const struct desktop *desktop, const char *text)
{
	pid_t pids[8];
	const int count = desktop_pids(desktop, text, pids, 8);
	if (count != 1) {
		fail_msg("%d processes of desktop %s have \"%s\" in their command line", count,
				desktop->name, text);
	}
	return pids[0];
}

/* --- desktops --- */

static void note_namespace(struct desktop *desktop)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/pid",
			(int)desktop_recorded_pid(desktop, "session"));
	const ssize_t len =
			readlink(path, desktop->pid_namespace, sizeof(desktop->pid_namespace) - 1);
	assert_true(len > 0);
	desktop->pid_namespace[len] = '\0';
}

static void start_with_words(
		struct desktop *desktop, struct world *world, const char *name, va_list options)
{
	char name_option[96];
	struct output output;
	*desktop = (struct desktop){ .world = world };
	snprintf(desktop->name, sizeof(desktop->name), "%s", name);
	snprintf(name_option, sizeof(name_option), "--name=%s", name);
	const char *argv[WORDS_MAX] = { world->program, "desktop", "start", "--json", name_option };
	for (size_t i = 5; i + 1 < WORDS_MAX; i++) {
		argv[i] = va_arg(options, const char *);
		if (!argv[i]) {
			break;
		}
	}
	world_exec(world, argv, NULL, NULL, 0, &output);
	expect_status(&output, 0, "cua desktop start");
	CUA_AUTO_JSON cJSON *answer = cJSON_Parse(output.out);
	output_finish(&output);
	assert_string_equal(json_text(answer, "name"), name);
	const bool sandboxed = strcmp(json_text(answer, "sandbox"), "bwrap") == 0;
	snprintf(desktop->home, sizeof(desktop->home), "%s", json_text(answer, "home"));
	snprintf(desktop->socket, sizeof(desktop->socket), "%s", json_text(answer, "socket"));
	snprintf(desktop->inside_home, sizeof(desktop->inside_home), "%s",
			sandboxed ? "/home/agent" : desktop->home);
	CUA_AUTO_JSON cJSON *record = read_record(desktop);
	desktop->uid = (uid_t)json_number(record, "uid");
	if (sandboxed) {
		note_namespace(desktop);
	}
}

void desktop_start_with(struct desktop *desktop, struct world *world, const char *name, ...)
{
	va_list options;
	va_start(options, name);
	start_with_words(desktop, world, name, options);
	va_end(options);
}

void desktop_start(struct desktop *desktop, struct world *world, const char *name)
{
	desktop_start_with(desktop, world, name, NULL);
}

void desktop_disconnect(struct desktop *desktop)
{
	cua_http_client_destroy(desktop->client);
	desktop->client = NULL;
}

const char *desktop_state(const struct desktop *desktop)
{
	static char state[32];
	struct output output;
	world_cua(desktop->world, &output, "desktop", "list", "--json", NULL);
	expect_status(&output, 0, "cua desktop list");
	CUA_AUTO_JSON cJSON *list = cJSON_Parse(output.out);
	output_finish(&output);
	assert_true(cJSON_IsArray(list));
	const cJSON *item = NULL;
	cJSON_ArrayForEach (item, list) {
		if (strcmp(json_text(item, "name"), desktop->name) == 0) {
			snprintf(state, sizeof(state), "%s", json_text(item, "state"));
			return state;
		}
	}
	return "absent";
}

static void assert_no_process(const struct world *world, uid_t uid)
{
	DIR *proc = opendir("/proc");
	assert_non_null(proc);
	for (const struct dirent *entry; (entry = readdir(proc));) {
		const pid_t pid = isdigit((unsigned char)entry->d_name[0])
				? (pid_t)strtol(entry->d_name, NULL, 10)
				: 0;
		char path[64];
		struct stat info;
		snprintf(path, sizeof(path), "/proc/%d", (int)pid);
		if (pid <= 1 || pid == getpid() || stat(path, &info) != 0) {
			continue;
		}
		const bool is_its_own = geteuid() == 0 && uid >= 70000 && uid < 100000 &&
				info.st_uid == uid;
		snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
		const bool has_mark = file_holds(path, world->dir);
		snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
		if ((is_its_own || has_mark || file_holds(path, world->dir)) &&
				!process_is_gone(pid)) {
			CUA_AUTO_FREE char *words = read_whole_file(path, NULL);
			fail_msg("process %d is left: %s", (int)pid, words ? words : "");
		}
	}
	closedir(proc);
}

static void assert_no_x11_leftover(const struct world *world, uid_t uid)
{
	char path[512], target[512];
	DIR *sockets = opendir("/tmp/.X11-unix");
	for (const struct dirent *entry; sockets && (entry = readdir(sockets));) {
		struct stat info;
		snprintf(path, sizeof(path), "/tmp/.X11-unix/%s", entry->d_name);
		if (entry->d_name[0] == '.' || lstat(path, &info) != 0) {
			continue;
		}
		const ssize_t len = readlink(path, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = '\0';
		if (strstr(target, world->dir) ||
				(uid >= 70000 && uid < 100000 && info.st_uid == uid)) {
			fail_msg("%s is left", path);
		}
	}
	if (sockets) {
		closedir(sockets);
	}
}

void assert_nothing_left(const struct world *world, const char *name, uid_t uid)
{
	char leaf[128];
	snprintf(leaf, sizeof(leaf), "run/desktops/%s", name);
	assert_int_equal(access(world_path(world, leaf), F_OK), -1);
	snprintf(leaf, sizeof(leaf), "state/desktops/%s", name);
	assert_int_equal(access(world_path(world, leaf), F_OK), -1);
	assert_no_x11_leftover(world, uid);
	/* Other desktops of this world may live on. */
	struct output output;
	world_cua(world, &output, "desktop", "list", "--json", NULL);
	const bool alone = strncmp(output.out, "[]", 2) == 0;
	output_finish(&output);
	if (alone) {
		assert_no_process(world, uid);
	}
}

void desktop_stop(struct desktop *desktop)
{
	static pid_t pids[4096];
	static const char *const recorded[] = { "host", "vnc", "bwrap", "session" };
	int count = desktop_pids(desktop, "", pids, (int)CUA_ARRAY_LEN(pids) - 4);
	for (size_t i = 0; i < CUA_ARRAY_LEN(recorded); i++) {
		const pid_t pid = desktop_recorded_pid(desktop, recorded[i]);
		if (pid > 0) {
			pids[count++] = pid;
		}
	}
	desktop_disconnect(desktop);
	world_expect(desktop->world, 0, "desktop", "stop", desktop->name, NULL);
	for (int i = 0; i < count; i++) {
		if (!process_is_gone(pids[i])) {
			fail_msg("process %d outlived its desktop", (int)pids[i]);
		}
	}
	assert_nothing_left(desktop->world, desktop->name, desktop->uid);
}

char *desktop_sh(const struct desktop *desktop, const char *script)
{
	struct output output;
	world_cua(desktop->world, &output, "desktop", "exec", "-d", desktop->name, "--", "sh", "-c",
			script, NULL);
	expect_status(&output, 0, script);
	char *text = CUA_STEAL(output.out);
	output_finish(&output);
	const size_t len = strlen(text);
	if (len > 0 && text[len - 1] == '\n') {
		text[len - 1] = '\0';
	}
	return text;
}

const char *desktop_install(const struct desktop *desktop, const char *program)
{
	static char inside[512];
	char outside[512];
	const char *leaf = strrchr(program, '/') + 1;
	snprintf(outside, sizeof(outside), "%s/%s", desktop->home, leaf);
	snprintf(inside, sizeof(inside), "%s/%s", desktop->inside_home, leaf);
	if (access(outside, F_OK) != 0) {
		copy_program(program, outside);
	}
	return inside;
}

char *desktop_probe(const struct desktop *desktop, const char *command, const char *argument)
{
	char script[1024];
	snprintf(script, sizeof(script), "exec %s %s %s", desktop_install(desktop, CUA_TEST_PROBE),
			command, argument);
	return desktop_sh(desktop, script);
}

/* --- the API --- */

long desktop_http(struct desktop *desktop, const char *method, const char *path, const char *body,
		size_t body_len, const char *header, struct cua_http_response *ret_response)
{
	char url[512];
	struct cua_error error = { 0 };
	snprintf(url, sizeof(url), "http://desktop%s", path);
	if (!desktop->client &&
			cua_http_client_create(desktop->socket, -1, &desktop->client, &error) !=
					CUA_OK) {
		fail_msg("%s", error.msg);
	}
	const char *const headers[] = { "Content-Type: application/json", header, NULL };
	const struct cua_http_request request = { .method = method,
		.url = url,
		.headers = headers,
		.body = body,
		.body_len = body_len,
		.total_timeout_ms = 120000 };
	*ret_response = (struct cua_http_response){ 0 };
	if (cua_http_perform(desktop->client, &request, ret_response, &error) != CUA_OK) {
		fail_msg("%s %s: %s", method, path, error.msg);
	}
	return ret_response->http_status;
}

cJSON *desktop_post(struct desktop *desktop, const char *body, long *ret_http_status)
{
	struct cua_http_response response;
	const long status = desktop_http(
			desktop, "POST", "/v1/actions", body, strlen(body), NULL, &response);
	cJSON *answer = cJSON_Parse(response.body.data ? response.body.data : "");
	if (!answer) {
		fail_msg("status %ld and no JSON: %s", status,
				response.body.data ? response.body.data : "");
	}
	cua_http_response_finish(&response);
	if (ret_http_status) {
		*ret_http_status = status;
	} else if (status != 200) {
		fail_msg("%.300s: status %ld: %s", body, status,
				json_text(answer, "error.message"));
	}
	return answer;
}

static CUA_PRINTF(2, 0) cJSON *act(struct desktop *desktop, const char *fmt, va_list args)
{
	CUA_AUTO_FREE char *actions = NULL;
	CUA_AUTO_FREE char *body = NULL;
	assert_true(vasprintf(&actions, fmt, args) >= 0);
	assert_true(asprintf(&body, "{\"actions\":%s,\"screenshot\":false}", actions) >= 0);
	return desktop_post(desktop, body, NULL);
}

cJSON *desktop_act(struct desktop *desktop, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	cJSON *answer = act(desktop, fmt, args);
	va_end(args);
	return answer;
}

void desktop_do(struct desktop *desktop, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	cJSON_Delete(act(desktop, fmt, args));
	va_end(args);
}

cJSON *desktop_text_action(
		struct desktop *desktop, const char *action, const char *argument, const char *text)
{
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject();
	cJSON *item = cJSON_CreateObject();
	cJSON_AddItemToArray(cJSON_AddArrayToObject(body, "actions"), item);
	cJSON_AddStringToObject(item, "action", action);
	cJSON_AddStringToObject(item, argument, text);
	cJSON_AddFalseToObject(body, "screenshot");
	CUA_AUTO_FREE char *json = cJSON_PrintUnformatted(body);
	CUA_AUTO_JSON cJSON *answer = desktop_post(desktop, json, NULL);
	return cJSON_DetachItemFromArray(cJSON_GetObjectItem(answer, "results"), 0);
}

int desktop_post_and_leave_open(const struct desktop *desktop, const char *body)
{
	int fd = -1;
	char head[256];
	assert_int_equal(cua_unix_connect(desktop->socket, SOCK_STREAM, &fd, NULL), CUA_OK);
	const int len = snprintf(head, sizeof(head),
			"POST /v1/actions HTTP/1.1\r\nHost: desktop\r\n"
			"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
			strlen(body));
	assert_int_equal(write(fd, head, (size_t)len), len);
	assert_int_equal(write(fd, body, strlen(body)), strlen(body));
	return fd;
}

/* --- the recorder --- */

#define EVENTS_FILE "events.jsonl"

static bool word_is_in(const char *word, const char *words)
{
	const size_t len = strlen(word);
	for (const char *at = words; (at = strstr(at, word)); at += len) {
		if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0')) {
			return true;
		}
	}
	return false;
}

cJSON *recorder_events(struct desktop *desktop, const char *types)
{
	CUA_AUTO_FREE char *text = home_file(desktop, EVENTS_FILE);
	cJSON *events = cJSON_CreateArray();
	char *rest = NULL;
	for (char *line = strtok_r(text + desktop->events_at, "\n", &rest); line;
			line = strtok_r(NULL, "\n", &rest)) {
		cJSON *event = cJSON_Parse(line);
		const char *type = json_text(event, "event");
		if (event && (types ? word_is_in(type, types) : strcmp(type, "ping") != 0)) {
			cJSON_AddItemToArray(events, event);
		} else {
			cJSON_Delete(event);
		}
	}
	return events;
}

void recorder_mark(struct desktop *desktop)
{
	CUA_AUTO_FREE char *text = home_file(desktop, EVENTS_FILE);
	desktop->events_at = (long)strlen(text);
}

static bool recorder_is_ready(void *data)
{
	struct desktop *desktop = data;
	char path[512];
	snprintf(path, sizeof(path), "%s/" EVENTS_FILE, desktop->home);
	if (access(path, R_OK) != 0) {
		return false;
	}
	CUA_AUTO_JSON cJSON *sizes = recorder_events(desktop, "size");
	CUA_AUTO_JSON cJSON *focus = recorder_events(desktop, "focus_in");
	const cJSON *last = cJSON_GetArrayItem(sizes, cJSON_GetArraySize(sizes) - 1);
	return cJSON_GetArraySize(focus) > 0 && json_number(last, "width") == 1280 &&
			json_number(last, "height") == 800;
}

void recorder_start(struct desktop *desktop)
{
	char command[1024];
	snprintf(command, sizeof(command), "%s %s/" EVENTS_FILE,
			desktop_install(desktop, CUA_TEST_RECORDER), desktop->inside_home);
	desktop->events_at = 0;
	cJSON_Delete(desktop_text_action(desktop, "open_app", "name", command));
	wait_until(recorder_is_ready, desktop, "the recorder fills the screen");
	recorder_mark(desktop);
}

void assert_nothing_held(struct desktop *desktop)
{
	CUA_AUTO_FREE char *held = desktop_probe(desktop, "held", "");
	assert_int_equal(strncmp(held, "keys 0 buttons 0 ", 17), 0);
}

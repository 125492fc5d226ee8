#include "display/load.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cua/base/util.h"

#define PROCESSES_MAX 256
/* Threads that one look goes to: an application may have made any number. */
#define THREADS_MAX 4096
/* Processes come and go; the list is made anew after so long. */
#define LIST_AGE_US 400000U
/* Two samples at least so far apart tell a rate. */
#define SAMPLE_MIN_US 6000U
/* More than this part of one processor, and well more than before the input: computing. Low, since
 * on a machine with much to do nobody gets more; but a frame of a browser in which nothing changed
 * is 1.1 to 1.5 ms of 8. */
#define BUSY_PERCENT 20
/* Who used so much before an input computes all the time. */
#define BUSY_BEFORE_PERCENT 12
/* A busy machine moves a deadline by so much at most. */
#define HELD_BACK_MAX_US 20000000U
/* Who ran so shortly before the end of a wait runs for long, and may sleep for moments. */
#define RAN_LATELY_US 300000U
#define RESTLESS_US 60000000U
/* A time over which what was used before the input is worth measuring. */
#define BEFORE_US 150000U

struct process {
	pid_t pid;
	uint64_t ran_us;            /* when its first thread was last seen running */
	uint64_t restless_until_us; /* it ran when a wait ran out: that it runs tells nothing */
	bool plumbing;              /* of the desktop itself: its processor time tells nothing */
	clockid_t clock;
	uint64_t used_ns, more_ns; /* in all, and between the last two looks */
	int timeout_ms;    /* of the poll() its first thread sleeps in; -1: none, or no end */
	uint64_t slept_us; /* it sleeps in it since then at the latest */
};

struct load {
	pid_t session;
	struct process processes[PROCESSES_MAX];
	int count;
	uint64_t listed_us, sampled_us;
	uint64_t look_us; /* how long the last whole look at all threads took */
	uint64_t busy_us;
	uint64_t total_ns;             /* of all, as far as it was seen to grow */
	uint64_t begun_ns, begun_us;   /* total and time at the input */
	uint64_t before_ns, before_us; /* and when the last wait ended */
	uint64_t before_percent;       /* of one processor, used before the input */
};

struct load *load_create(pid_t session)
{
	struct load *load = calloc(1, sizeof(*load));
	if (load) {
		load->session = session;
	}
	return load;
}

void load_destroy(struct load *load)
{
	free(load);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec time;
	return clock_gettime(clock, &time) == 0
			? (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec
			: 0;
}

/* A short file of /proc; false if it cannot be read. */
static bool read_proc(char *text, size_t size, const char *path)
{
	CUA_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t len = fd >= 0 ? read(fd, text, size - 1) : -1;
	text[len > 0 ? len : 0] = '\0';
	return len > 0;
}

/* The desktop's own plumbing: it works for whoever paints, and for us. */
static bool is_plumbing(const char *name)
{
	static const char *const names[] = { "Xvfb", "openbox", "dbus-daemon", "at-spi-bus-laun",
		"at-spi2-registr", "bwrap", "cua" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			return true;
		}
	}
	return false;
}

static void add_process(struct load *load, pid_t pid)
{
	char path[64], name[32];
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (load->count == PROCESSES_MAX || !read_proc(name, sizeof(name), path)) {
		return;
	}
	name[strcspn(name, "\n")] = '\0';
	struct process process = { .pid = pid, .timeout_ms = -1 };
	process.plumbing = is_plumbing(name);
	if (clock_getcpuclockid(pid, &process.clock) == 0) {
		process.used_ns = clock_ns(process.clock);
		load->processes[load->count++] = process;
	}
}

/* Appends the children of all threads of a process; threads counts those looked at. */
static void list_children(pid_t pid, pid_t *pids, int *count, int *threads)
{
	char path[64], text[4096];
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	DIR *tasks = opendir(path);
	for (const struct dirent *entry;
			tasks && *threads < THREADS_MAX && (entry = readdir(tasks)); ++*threads) {
		char leaf[300];
		snprintf(leaf, sizeof(leaf), "%s/%.20s/children", path, entry->d_name);
		if (!isdigit((unsigned char)entry->d_name[0]) ||
				!read_proc(text, sizeof(text), leaf)) {
			continue;
		}
		char *rest = NULL, *last = strrchr(text, ' ');
		*(last ? last : text) = '\0'; /* after it is nothing, or a number cut short */
		for (char *word = strtok_r(text, " ", &rest); word && *count < PROCESSES_MAX;
				word = strtok_r(NULL, " ", &rest)) {
			pids[(*count)++] = (pid_t)strtol(word, NULL, 10);
		}
	}
	if (tasks) {
		closedir(tasks);
	}
}

static void list_processes(struct load *load)
{
	pid_t pids[PROCESSES_MAX] = { load->session };
	int count = 1, threads = 0;
	struct process before[PROCESSES_MAX];
	const int before_count = load->count;
	memcpy(before, load->processes, sizeof(before[0]) * (size_t)before_count);
	load->count = 0;
	for (int i = 0; i < count; i++) {
		list_children(pids[i], pids, &count, &threads);
		add_process(load, pids[i]);
	}
	/* Those that were known keep what was seen of them. */
	for (int i = 0; i < load->count; i++) {
		for (int k = 0; k < before_count; k++) {
			/* One that has become another program is new. */
			if (before[k].pid == load->processes[i].pid &&
					before[k].plumbing == load->processes[i].plumbing) {
				load->processes[i] = before[k];
			}
		}
	}
	load->listed_us = cua_now_us();
}

/* What the first thread does. It sleeps in poll(descriptors, count, timeout): the main loop of
 * GLib, which knows its timers. Source: proc(5), /proc/PID/syscall. */
static bool look_at_thread(struct process *process, uint64_t now_us, bool used)
{
	char path[64], text[256];
	unsigned long args[3];
	long number = -1;
	int timeout_ms = -1;
	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)process->pid);
	if (!read_proc(text, sizeof(text), path)) {
		process->timeout_ms = -1;
		return false;
	}
	if (strncmp(text, "running", 7) == 0) {
		process->timeout_ms = -1;
		return true;
	}
	if (sscanf(text, "%ld %lx %lx %lx", &number, &args[0], &args[1], &args[2]) == 4 &&
			number == SYS_poll) {
		timeout_ms = (int)args[2];
	}
	if (used || timeout_ms != process->timeout_ms) {
		process->slept_us = now_us;
	}
	process->timeout_ms = timeout_ms;
	return false;
}

static bool is_restless(const struct process *process, uint64_t now_us)
{
	return now_us < process->restless_until_us;
}

static void sum_up(struct load *load, uint64_t now_us, bool looks)
{
	uint64_t used_ns = 0;
	bool running = false;
	for (int i = 0; i < load->count; i++) {
		struct process *process = &load->processes[i];
		if (process->plumbing) {
			continue;
		}
		const uint64_t ns = clock_ns(process->clock);
		const uint64_t more_ns = ns > process->used_ns ? ns - process->used_ns : 0;
		used_ns += more_ns;
		process->used_ns = ns > process->used_ns ? ns : process->used_ns;
		process->more_ns = more_ns;
		if (looks) {
			const bool runs = look_at_thread(process, now_us, more_ns > 0);
			process->ran_us = runs ? now_us : process->ran_us;
			running = running || (runs && !is_restless(process, now_us));
		}
	}
	const uint64_t elapsed_us = now_us - load->sampled_us;
	const uint64_t least_percent = BUSY_PERCENT + load->before_percent * 3 / 2;
	load->total_ns += used_ns;
	load->sampled_us = now_us;
	if ((running && load->before_percent < BUSY_BEFORE_PERCENT) ||
			used_ns / 1000U * 100U > elapsed_us * least_percent) {
		load->busy_us = now_us;
	}
}

/* Who was restless and has slept since the last wait is so no more. */
static void forgive(struct load *load, uint64_t elapsed_us)
{
	for (int i = 0; i < load->count; i++) {
		struct process *process = &load->processes[i];
		if (process->more_ns / 1000U * 100U < elapsed_us) {
			process->restless_until_us = 0;
		}
	}
}

void load_begin(struct load *load)
{
	const uint64_t now_us = cua_now_us();
	sum_up(load, now_us, false);
	const uint64_t elapsed_us = now_us - load->before_us;
	if (load->before_us > 0 && elapsed_us >= BEFORE_US) {
		load->before_percent =
				(load->total_ns - load->before_ns) / 1000U * 100U / elapsed_us;
		forgive(load, elapsed_us);
	}
	load->begun_ns = load->total_ns;
	load->begun_us = now_us;
	load->busy_us = 0;
}

void load_give_up(struct load *load)
{
	const uint64_t now_us = cua_now_us(), elapsed_us = now_us - load->begun_us;
	for (int i = 0; i < load->count; i++) {
		struct process *process = &load->processes[i];
		if (process->ran_us + RAN_LATELY_US > now_us) {
			process->restless_until_us = now_us + RESTLESS_US;
		}
	}
	if (load->begun_us > 0 && elapsed_us >= BEFORE_US) {
		load->before_percent =
				(load->total_ns - load->begun_ns) / 1000U * 100U / elapsed_us;
	}
}

void load_sample(struct load *load)
{
	const uint64_t now_us = cua_now_us();
	if (now_us < load->sampled_us + SAMPLE_MIN_US) {
		return;
	}
	if (now_us > load->listed_us + LIST_AGE_US) {
		list_processes(load);
	}
	sum_up(load, now_us, true);
	load->before_ns = load->total_ns;
	load->before_us = now_us;
}

void load_disregard(struct load *load)
{
	const uint64_t now_us = cua_now_us();
	sum_up(load, now_us, false);
	load->before_ns = load->total_ns;
	load->before_us = now_us;
}

/* Source: proc(5), the field after the name in /proc/PID/stat. */
static bool thread_runs(pid_t pid, const char *thread)
{
	char path[64], text[512];
	snprintf(path, sizeof(path), "/proc/%d/task/%.20s/stat", (int)pid, thread);
	const char *state = read_proc(text, sizeof(text), path) ? strrchr(text, ')') : NULL;
	return state && (strncmp(state, ") R", 3) == 0 || strncmp(state, ") D", 3) == 0);
}

static bool process_runs(pid_t pid, int *threads)
{
	char path[64];
	bool runs = false;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	DIR *tasks = opendir(path);
	for (const struct dirent *entry;
			tasks && !runs && *threads < THREADS_MAX && (entry = readdir(tasks));
			++*threads) {
		runs = isdigit((unsigned char)entry->d_name[0]) && thread_runs(pid, entry->d_name);
	}
	if (tasks) {
		closedir(tasks);
	}
	return runs;
}

static bool any_runs(const struct load *load)
{
	bool runs = false;
	int threads = 0;
	for (int i = 0; i < load->count && !runs; i++) {
		runs = !is_restless(&load->processes[i], cua_now_us()) &&
				process_runs(load->processes[i].pid, &threads);
	}
	return runs;
}

bool load_is_running(struct load *load)
{
	if (load->before_percent >= BUSY_BEFORE_PERCENT) {
		return false;
	}
	const uint64_t begun_us = cua_now_us();
	bool runs = any_runs(load);
	if (!runs && load_is_known(load)) {
		/* Who works may have begun since: what the input started, or what that did. */
		list_processes(load);
		runs = any_runs(load);
	}
	if (runs) {
		load->busy_us = cua_now_us();
	} else {
		load->look_us = cua_now_us() - begun_us;
	}
	return runs;
}

uint64_t load_look_us(const struct load *load)
{
	return load->look_us;
}

bool load_is_known(const struct load *load)
{
	return load->count > 0;
}

uint64_t load_busy_us(const struct load *load)
{
	return load->busy_us;
}

/* Source: Linux, Documentation/scheduler/sched-stats.rst, /proc/PID/schedstat. */
uint64_t load_delay_ns(pid_t pid)
{
	char path[64], text[128];
	uint64_t delay = 0;
	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	return read_proc(text, sizeof(text), path) && sscanf(text, "%*u %" SCNu64, &delay) == 1
			? delay
			: 0;
}

/* Of the first threads, the desktop's own plumbing included. */
static uint64_t all_delays_us(const struct load *load)
{
	uint64_t sum_ns = 0;
	for (int i = 0; i < load->count; i++) {
		sum_ns += load_delay_ns(load->processes[i].pid);
	}
	return sum_ns / 1000U;
}

void load_deadline_set(const struct load *load, struct load_deadline *deadline, uint64_t bound_us)
{
	*deadline = (struct load_deadline){ bound_us, bound_us, all_delays_us(load) };
}

uint64_t load_held_back_us(const struct load *load, const struct load_deadline *deadline)
{
	/* Who computes all the time waits for itself, and the others for it. */
	bool restless = load->before_percent >= BUSY_BEFORE_PERCENT;
	for (int i = 0; i < load->count && !restless; i++) {
		restless = is_restless(&load->processes[i], cua_now_us());
	}
	const uint64_t us = restless ? 0 : all_delays_us(load);
	const uint64_t more_us = us > deadline->delay_us ? us - deadline->delay_us : 0;
	return more_us < HELD_BACK_MAX_US ? more_us : HELD_BACK_MAX_US;
}

bool load_deadline_is_over(const struct load *load, struct load_deadline *deadline)
{
	if (cua_now_us() < deadline->us) {
		return false;
	}
	const uint64_t moved_us = deadline->bound_us + load_held_back_us(load, deadline);
	deadline->us = moved_us > deadline->us ? moved_us : deadline->us;
	return cua_now_us() >= deadline->us;
}

uint64_t load_timer_us(const struct load *load, uint64_t from_us, uint64_t until_us)
{
	uint64_t first_us = 0;
	for (int i = 0; i < load->count; i++) {
		const struct process *process = &load->processes[i];
		const uint64_t wakes_us = process->slept_us + (uint64_t)process->timeout_ms * 1000U;
		if (!process->plumbing && process->timeout_ms > 0 && wakes_us >= from_us &&
				wakes_us <= until_us && (first_us == 0 || wakes_us < first_us)) {
			first_us = wakes_us;
		}
	}
	return first_us;
}

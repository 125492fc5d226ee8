#include "display/session_slow.h"

#include <errno.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define RUNS_MS 20
#define STOPS_MS 980

static bool is_among(pid_t pid, const struct session_slow_process *processes, int count)
{
	for (int i = 0; i < count; i++) {
		if (processes[i].pid == pid) {
			return true;
		}
	}
	return false;
}

/* Those that have ended are forgotten. */
static void signal_all(struct session_slow *slow, int number)
{
	int left = 0;
	for (int i = 0; i < slow->count; i++) {
		if (pidfd_send_signal(slow->processes[i].fd, number, NULL, 0) == 0) {
			slow->processes[left++] = slow->processes[i];
		} else {
			close(slow->processes[i].fd);
		}
	}
	slow->count = left;
}

/* Instead of those before, which go on unless they are among the new ones. */
static void replace(struct session_slow *slow, const struct session_slow_process *now, int count)
{
	for (int i = 0; i < slow->count; i++) {
		const struct session_slow_process *before = &slow->processes[i];
		if (!is_among(before->pid, now, count)) {
			(void)pidfd_send_signal(before->fd, SIGCONT, NULL, 0);
		}
		close(before->fd);
	}
	for (int i = 0; i < count; i++) {
		slow->processes[i] = now[i];
	}
	slow->count = count;
}

static void on_timer(uv_timer_t *timer)
{
	struct session_slow *slow = timer->data;
	if (uv_now(timer->loop) >= slow->until_ms) {
		replace(slow, NULL, 0);
		return;
	}
	slow->stopped = !slow->stopped;
	signal_all(slow, slow->stopped ? SIGSTOP : SIGCONT);
	if (slow->count > 0) {
		uv_timer_start(timer, on_timer, slow->stopped ? STOPS_MS : RUNS_MS, 0);
	}
}

void session_slow_init(struct session_slow *slow, uv_loop_t *loop)
{
	*slow = (struct session_slow){ .count = 0 };
	uv_timer_init(loop, &slow->timer);
	slow->timer.data = slow;
}

enum cua_status session_slow_down(
		struct session_slow *slow, const pid_t *pids, int count, struct cua_error *err)
{
	struct session_slow_process now[SESSION_SLOW_MAX] = { 0 };
	int found = 0;
	if (count > SESSION_SLOW_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "more than %d processes",
				SESSION_SLOW_MAX);
	}
	for (int i = 0; i < count; i++) {
		const int fd = pidfd_open(pids[i], 0);
		if (fd >= 0) {
			now[found++] = (struct session_slow_process){ pids[i], fd };
		} else if (errno != ESRCH) {
			const int reason = errno;
			while (found > 0) {
				close(now[--found].fd);
			}
			return CUA_FAIL(err, CUA_ERR_IO, reason, "process %d", (int)pids[i]);
		}
	}
	uv_timer_stop(&slow->timer);
	replace(slow, now, found);
	if (found > 0) {
		slow->until_ms = uv_now(slow->timer.loop) + SESSION_SLOW_MS;
		slow->stopped = false;
		on_timer(&slow->timer);
	}
	return CUA_OK;
}

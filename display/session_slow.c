#include "display/session_slow.h"

#include <errno.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "display/session_client.h"

#define RUNS_MS 20
#define STOPS_MS 980

static void end(struct session_slow *slow)
{
	uv_timer_stop(&slow->timer);
	if (slow->fd >= 0) {
		(void)pidfd_send_signal(slow->fd, SIGCONT, NULL, 0);
		close(slow->fd);
	}
	slow->fd = -1;
	slow->stopped = false;
}

static void on_timer(uv_timer_t *timer)
{
	struct session_slow *slow = timer->data;
	const int number = slow->stopped ? SIGCONT : SIGSTOP;
	if (uv_now(timer->loop) >= slow->until_ms ||
			pidfd_send_signal(slow->fd, number, NULL, 0) != 0) {
		end(slow);
		return;
	}
	slow->stopped = !slow->stopped;
	uv_timer_start(timer, on_timer, slow->stopped ? STOPS_MS : RUNS_MS, 0);
}

void session_slow_init(struct session_slow *slow, uv_loop_t *loop)
{
	*slow = (struct session_slow){ .fd = -1 };
	uv_timer_init(loop, &slow->timer);
	slow->timer.data = slow;
}

enum cua_status session_slow_down(struct session_slow *slow, pid_t pid, struct cua_error *err)
{
	const int fd = pid > 0 ? pidfd_open(pid, 0) : -1;
	if (pid > 0 && fd < 0) {
		return CUA_FAIL(err, errno == ESRCH ? CUA_ERR_NOT_FOUND : CUA_ERR_IO, errno,
				"process %d", (int)pid);
	}
	end(slow);
	if (pid == 0) {
		return CUA_OK;
	}
	slow->fd = fd;
	slow->until_ms = uv_now(slow->timer.loop) + SESSION_SLOW_MS;
	on_timer(&slow->timer);
	return CUA_OK;
}

/* A person who breaks off what goes on, and lets the run live. What waits for long takes one
 * descriptor that ends it: an epoll of the run's end and, where breaking off has a meaning, of the
 * interruption. Elsewhere it stays until there is somewhere to hear of it. */

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/run_internal.h"
#include "cua/base/util.h"

static int interrupt_fd(const struct agent_run *run)
{
	const struct cua_agent_person *person = run->options->person;
	return person ? person->interrupt_fd : -1;
}

bool run_stop_open(struct agent_run *run)
{
	struct epoll_event readable = { .events = EPOLLIN };
	const int cancel_fd = run->options->cancel_fd;
	run->stop_fd = epoll_create1(EPOLL_CLOEXEC);
	if (run->stop_fd < 0 ||
			(cancel_fd >= 0 &&
					epoll_ctl(run->stop_fd, EPOLL_CTL_ADD, cancel_fd,
							&readable) != 0)) {
		struct cua_error why = { 0 };
		cua_error_set(&why, CUA_ERR_IO, errno, "epoll");
		run_end_desktop(run, &why);
		return false;
	}
	return true;
}

void run_stop_close(struct agent_run *run)
{
	cua_closep(&run->stop_fd);
}

bool run_let_interrupt(struct agent_run *run, bool may)
{
	const bool before = run->may_interrupt;
	const int fd = interrupt_fd(run);
	struct epoll_event readable = { .events = EPOLLIN };
	if (fd >= 0 && may != before) {
		/* Only memory can lack: then it is heard of after what goes on. */
		(void)epoll_ctl(run->stop_fd, may ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &readable);
	}
	run->may_interrupt = may;
	return before;
}

bool run_is_interrupted(const struct agent_run *run)
{
	struct pollfd fd = { .fd = interrupt_fd(run), .events = POLLIN };
	return poll(&fd, 1, 0) > 0;
}

bool run_take_interrupt(struct agent_run *run)
{
	eventfd_t count = 0;
	return run_is_interrupted(run) && eventfd_read(interrupt_fd(run), &count) == 0 &&
			!run_is_cancelled(run) && run_note_person(run, "interrupted", 0);
}

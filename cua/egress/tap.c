#include "cua/egress/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/if_tun.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <net/route.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "cua/egress/frame.h"

#define DEVICE "/dev/net/tun"
#define INTERFACE "tap0"

enum cua_status egress_tap_check(struct cua_error *err)
{
	CUA_AUTO_FD int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		return CUA_OK;
	}
	const bool is_closed = errno == EACCES || errno == EPERM;
	/* The reason stands before what to do, whose end is a command. */
	return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "an open network needs " DEVICE " (%s): %s",
			strerrordesc_np(errno),
			is_closed ? "root lets everybody open it with: chmod 666 " DEVICE
				  : "root gets it with: modprobe tun; a container with: "
				    "--device=" DEVICE);
}

/* --- in a child, which has the sandbox's network --- */

struct report {
	int sys_errno; /* 0: the interface comes with it */
	char step[32];
};

static const char *enter(int net_fd, int user_fd, uid_t uid)
{
	if (setns(net_fd, CLONE_NEWNET) == 0) {
		return NULL; /* root may */
	}
	/* The owner has every capability inside. */
	if (geteuid() == 0 &&
			(setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 ||
					setresuid(uid, uid, uid) != 0)) {
		return "becoming its user";
	}
	return setns(user_fd, CLONE_NEWUSER) == 0 && setns(net_fd, CLONE_NEWNET) == 0
			? NULL
			: "entering its network";
}

static struct sockaddr ipv4(uint32_t address)
{
	struct sockaddr any;
	const struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(address) } };
	memcpy(&any, &in, sizeof(any));
	return any;
}

/* There is no IPv6 beyond: applications need not try it. */
static void switch_off_ipv6(void)
{
	CUA_AUTO_FD int fd = open(
			"/proc/sys/net/ipv6/conf/" INTERFACE "/disable_ipv6", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		(void)!write(fd, "1", 1);
	}
}

static const char *configure(void)
{
	struct ifreq request = { .ifr_name = INTERFACE };
	CUA_AUTO_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return "a socket";
	}
	switch_off_ipv6();
	request.ifr_addr = ipv4(EGRESS_SANDBOX);
	if (ioctl(fd, SIOCSIFADDR, &request) != 0) {
		return "its address";
	}
	request.ifr_netmask = ipv4(EGRESS_NETMASK);
	if (ioctl(fd, SIOCSIFNETMASK, &request) != 0) {
		return "its netmask";
	}
	request.ifr_mtu = EGRESS_MTU;
	if (ioctl(fd, SIOCSIFMTU, &request) != 0) {
		return "its MTU";
	}
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &request) != 0) {
		return "bringing it up";
	}
	const struct rtentry route = { .rt_dst = ipv4(INADDR_ANY),
		.rt_gateway = ipv4(EGRESS_GATEWAY),
		.rt_genmask = ipv4(INADDR_ANY),
		.rt_flags = RTF_UP | RTF_GATEWAY };
	return ioctl(fd, SIOCADDRT, &route) == 0 ? NULL : "its route";
}

/* A tap belongs to the network that it was opened in. */
static const char *make(int *ret_fd)
{
	struct ifreq request = { .ifr_name = INTERFACE, .ifr_flags = IFF_TAP | IFF_NO_PI };
	*ret_fd = open(DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (*ret_fd < 0) {
		return "opening " DEVICE;
	}
	return ioctl(*ret_fd, TUNSETIFF, &request) == 0 ? configure() : "making it";
}

static void child_run(int report_fd, int net_fd, int user_fd, uid_t uid)
{
	struct report report = { .sys_errno = 0 };
	int tap_fd = -1;
	const char *failed = enter(net_fd, user_fd, uid);
	if (!failed) {
		failed = make(&tap_fd);
	}
	if (failed) {
		report.sys_errno = errno;
		snprintf(report.step, sizeof(report.step), "%s", failed);
	}
	(void)!cua_unix_send(report_fd, &report, sizeof(report), &tap_fd, failed ? 0 : 1, NULL);
	_exit(0);
}

/* --- outside --- */

static enum cua_status receive(int fd, int *ret_fd, struct cua_error *err)
{
	struct report report;
	size_t len = 0;
	int fds[CUA_UNIX_FDS_MAX];
	enum cua_status status = cua_unix_recv(fd, &report, sizeof(report), &len, fds, err);
	if (status != CUA_OK) {
		return status;
	}
	if (len != sizeof(report) || (report.sys_errno == 0 && fds[0] < 0)) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"the network interface of the sandbox was not made");
	}
	if (report.sys_errno != 0) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, report.sys_errno,
				"the network interface of the sandbox (%.30s)", report.step);
	}
	*ret_fd = fds[0];
	return CUA_OK;
}

static enum cua_status ask_child(
		int net_fd, int user_fd, uid_t uid, int *ret_fd, struct cua_error *err)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "a socket for the sandbox's network");
	}
	/* No handler of ours runs in the child. */
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	const pid_t pid = fork();
	if (pid == 0) {
		child_run(ends[1], net_fd, user_fd, uid);
	}
	const int fork_errno = errno;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	close(ends[1]);
	enum cua_status status = pid > 0 ? receive(ends[0], ret_fd, err)
					 : CUA_FAIL(err, CUA_ERR_IO, fork_errno, "fork");
	close(ends[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
	}
	return status;
}

enum cua_status egress_tap_open(
		struct cua_process_id init, uid_t uid, int *ret_fd, struct cua_error *err)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)init.pid);
	CUA_AUTO_FD int net_fd = open(path, O_RDONLY | O_CLOEXEC);
	CUA_AUTO_FD int user_fd = net_fd >= 0 ? ioctl(net_fd, NS_GET_USERNS) : -1;
	const int why = errno;
	CUA_AUTO_FD int same_fd = cua_process_open(init); /* after its files were opened */
	if (same_fd < 0) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the sandbox has ended");
	}
	if (user_fd < 0) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, why, "the network of the sandbox");
	}
	return ask_child(net_fd, user_fd, uid, ret_fd, err);
}

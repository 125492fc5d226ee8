/* What a process between a sandbox and the network gives up, and where it does not start; and where
 * it leads nobody: to the networks that this machine is on. Each in a process of its own. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "cua/egress/address.h"
#include "cua/egress/confine.h"
#include "cua/egress/process.h"

#define NOT_HERE 77

/* 0, or the number of what went wrong. */
static void expect_in_child(int (*play)(void))
{
	int status = 0;
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		_exit(play());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NOT_HERE) {
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static bool is_refused(int family)
{
	const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 && errno == EAFNOSUPPORT;
}

static int play_confined(void)
{
	if (egress_confine(NULL) != CUA_OK) {
		return 1;
	}
	if (!is_refused(AF_UNIX) || !is_refused(AF_VSOCK)) {
		return 2;
	}
	if (socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0) {
		return 3;
	}
	return open("/proc/self/environ", O_RDONLY | O_CLOEXEC) < 0 ? 0 : 4;
}

static void it_reaches_no_unix_socket_and_no_file(void **state)
{
	(void)state;
	expect_in_child(play_confined);
}

static void *do_nothing(void *data)
{
	return data;
}

/* Taken over, it could have threads and nothing else: what went wrong as a number, 0 for nothing.
 */
static int try_what_is_refused(void)
{
	pthread_t thread;
	int killer = -1;
	if (egress_confine(NULL) != CUA_OK) {
		return 1;
	}
	if (pthread_create(&thread, NULL, do_nothing, NULL) != 0 ||
			pthread_join(thread, NULL) != 0) {
		return 2;
	}
	if (fork() >= 0 || errno != EPERM) {
		return 3;
	}
	if (execl("/bin/true", "true", NULL) != -1 || kill(getppid(), 0) == 0) {
		return 4;
	}
	killer = (int)syscall(SYS_pidfd_open, getppid(), 0);
	if (killer >= 0 && syscall(SYS_pidfd_send_signal, killer, 0, NULL, 0) == 0) {
		return 5;
	}
	return truncate("/tmp", 0) == -1 && errno == EPERM ? 0 : 6;
}

static void one_that_was_taken_over_starts_nothing(void **state)
{
	(void)state;
	expect_in_child(try_what_is_refused);
}

static bool take_landlock_away(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	const bool is_well = filter &&
			seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
					SCMP_SYS(landlock_create_ruleset), 0) == 0 &&
			seccomp_load(filter) == 0;
	seccomp_release(filter);
	return is_well;
}

static int play_without_landlock(void)
{
	struct cua_error why = { 0 };
	if (!take_landlock_away()) {
		return 1;
	}
	if (egress_confine(&why) != CUA_ERR_UNAVAILABLE) {
		return 2;
	}
	return strstr(why.msg, "has no Landlock") && strstr(why.msg, "start cua as root") ? 0 : 3;
}

static int play_as_its_own_user(void)
{
	if (geteuid() != 0) {
		return NOT_HERE;
	}
	return take_landlock_away() && setresuid(EGRESS_UID, EGRESS_UID, EGRESS_UID) == 0 &&
					egress_confine(NULL) == CUA_OK
			? 0
			: 1;
}

static void without_landlock_it_must_be_a_user_of_its_own(void **state)
{
	(void)state;
	expect_in_child(play_without_landlock);
}

static void its_own_user_does_without_landlock(void **state)
{
	(void)state;
	expect_in_child(play_as_its_own_user);
}

static bool set(int fd, unsigned long request, const char *address)
{
	struct ifreq ifreq = { .ifr_name = "lo" };
	struct sockaddr_in in = { .sin_family = AF_INET };
	inet_pton(AF_INET, address, &in.sin_addr);
	memcpy(&ifreq.ifr_addr, &in, sizeof(in));
	return ioctl(fd, request, &ifreq) == 0;
}

static const char *refusal(const char *address)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	inet_pton(AF_INET, address, &in.sin_addr);
	return egress_address_refusal((const struct sockaddr *)&in);
}

static int play_neighbours(void)
{
	static const char *const beside[] = { "11.22.33.0", "11.22.33.1", "11.22.35.255" };
	static const char *const beyond[] = { "11.22.31.255", "11.22.36.0", "1.2.3.4" };
	if (unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) != 0) {
		return NOT_HERE;
	}
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (refusal(beside[0]) || !set(fd, SIOCSIFADDR, "11.22.34.7") ||
			!set(fd, SIOCSIFNETMASK, "255.255.252.0")) {
		return 1;
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(beside); i++) {
		const char *why = refusal(beside[i]);
		if (!why || strcmp(why, "an address of a network that this machine is on") != 0) {
			return 2;
		}
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(beyond); i++) {
		if (refusal(beyond[i])) {
			return 3;
		}
	}
	if (strcmp(refusal("11.22.34.7"), "an address of this machine") != 0) {
		return 4;
	}
	/* A mask of nothing is no network, or nothing would be left. */
	return set(fd, SIOCSIFNETMASK, "0.0.0.0") && !refusal("1.2.3.4") ? 0 : 5;
}

static void neighbours_with_public_addresses_are_not_reached(void **state)
{
	(void)state;
	expect_in_child(play_neighbours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_reaches_no_unix_socket_and_no_file),
		cmocka_unit_test(one_that_was_taken_over_starts_nothing),
		cmocka_unit_test(without_landlock_it_must_be_a_user_of_its_own),
		cmocka_unit_test(its_own_user_does_without_landlock),
		cmocka_unit_test(neighbours_with_public_addresses_are_not_reached),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cua/egress/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "cua/egress/process.h"

/* Whatever touches files is handled, so that all of it is refused but where a rule lets it. */
#define ALL_OF_FILES (LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1)

static bool let_read(int ruleset, const char *path)
{
	CUA_AUTO_FD int fd = open(path, O_PATH | O_CLOEXEC);
	const struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
		.parent_fd = fd
	};
	return fd < 0 ||
			syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule,
					0) == 0;
}

/* Where what /etc/resolv.conf is a link to lies: with WSL and some managers of networks elsewhere
 * than the rest. Its folder, since it is replaced when the network changes. */
static bool let_read_resolver(int ruleset)
{
	char path[PATH_MAX];
	char *slash = realpath("/etc/resolv.conf", path) ? strrchr(path, '/') : NULL;
	if (!slash || slash == path) {
		return true;
	}
	*slash = '\0';
	return let_read(ruleset, path);
}

/* Kernels without it: a user of its own keeps it in. Else all files of whoever started it would be
 * open to it. */
static enum cua_status do_without_landlock(struct cua_error *err)
{
	return geteuid() == EGRESS_UID
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
					  "this kernel has no Landlock, so what stands between the "
					  "sandbox and the network could read this user's files: "
					  "start cua as root, which gives it a user of its own, or "
					  "boot with landlock in lsm=");
}

static enum cua_status confine_files(struct cua_error *err)
{
	/* Name resolution: its configuration, and the libraries that it loads by name. */
	static const char *const readable[] = { "/etc", "/usr/lib", "/lib", "/lib64", "/usr/share",
		"/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager" };
	const struct landlock_ruleset_attr all = { .handled_access_fs = ALL_OF_FILES };
	CUA_AUTO_FD int ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	if (ruleset < 0) {
		return errno == ENOSYS || errno == EOPNOTSUPP
				? do_without_landlock(err)
				: CUA_FAIL(err, CUA_ERR_UNAVAILABLE, errno, "landlock");
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(readable); i++) {
		if (!let_read(ruleset, readable[i])) {
			return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, errno, "landlock rule for %s",
					readable[i]);
		}
	}
	if (!let_read_resolver(ruleset)) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, errno, "landlock rule for resolv.conf");
	}
	return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_UNAVAILABLE, errno, "landlock");
}

/* A process that was taken over by what it read starts no program, looks into no process, and opens
 * no door. */
static const char *const refused_syscalls[] = { "execve", "execveat", "fork", "vfork", "ptrace",
	"truncate", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "process_vm_readv",
	"process_vm_writev", "pidfd_getfd", "kill", "tkill", "tgkill", "listen", "accept",
	"unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "bpf", "perf_event_open",
	"userfaultfd", "io_uring_setup", "keyctl", "add_key", "request_key", "open_by_handle_at",
	"memfd_create", "setuid", "setgid", "setresuid", "setresgid", "setgroups" };

static enum cua_status confine_calls(struct cua_error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	bool is_well = filter != NULL;
	for (size_t i = 0; is_well && i < CUA_ARRAY_LEN(refused_syscalls); i++) {
		const int number = seccomp_syscall_resolve_name(refused_syscalls[i]);
		is_well = number == __NR_SCMP_ERROR ||
				seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0) == 0;
	}
	/* Threads alone: libc takes clone where there is no clone3, whose flags cannot be looked
	 * at. */
	is_well = is_well &&
			seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) ==
					0 &&
			seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
					SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)) == 0;
	/* Unix sockets, which Landlock leaves open: behind one may be a bus, or who starts
	 * containers. Names are found without: nscd and its like are asked, and not waited for. */
	static const int families[] = { AF_UNIX, AF_PACKET, AF_ALG, AF_VSOCK, AF_BLUETOOTH };
	for (size_t i = 0; is_well && i < CUA_ARRAY_LEN(families); i++) {
		is_well = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket),
					  1,
					  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i], 0)) == 0;
	}
	is_well = is_well && seccomp_load(filter) == 0;
	seccomp_release(filter);
	return is_well ? CUA_OK : CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "its list of system calls");
}

enum cua_status egress_confine(struct cua_error *err)
{
	const struct rlimit no_core = { 0, 0 },
			    files = { EGRESS_DESCRIPTORS_MAX, EGRESS_DESCRIPTORS_MAX };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 ||
			setrlimit(RLIMIT_CORE, &no_core) != 0 ||
			setrlimit(RLIMIT_NOFILE, &files) != 0) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, errno, "its rights");
	}
	enum cua_status status = confine_files(err);
	return status == CUA_OK ? confine_calls(err) : status;
}

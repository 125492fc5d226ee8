#include "cua/base/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "cua/base/buffer.h"
#include "cua/base/util.h"

#define START_TIMEOUT_MS 10000
#define ARGS_MAX 512

/* Descriptors as bwrap sees them. */
enum { FD_READY = 3, FD_INFO, FD_SECCOMP, FD_PASSWD, FD_GROUP, FD_HOSTS, FD_PROGRAM };

/* What applications read below /etc. The whole of it would show them this machine's secrets. */
static const char *const etc_entries[] = { "alternatives", "fonts", "ld.so.cache", "ld.so.conf",
	"ld.so.conf.d", "localtime", "timezone", "ssl/certs", "ca-certificates", "mime.types",
	"mailcap", "chromium", "chromium.d", "firefox", "firefox-esr", "libreoffice", "xdg",
	"gtk-2.0", "gtk-3.0", "dconf", "dbus-1", "X11", "nsswitch.conf", "terminfo", "papersize",
	"debian_version", "os-release", "locale.alias", "default/locale", "vim", "python3",
	"python3.11", "java-17-openjdk", "openal", "pulse", "glvnd", "vulkan" };

/* System calls that no application on a desktop needs and that have been ways out of a sandbox.
 * Namespaces and chroot stay allowed: Chromium's own sandbox is made of them. */
static const char *const refused_syscalls[] = { "keyctl", "add_key", "request_key", "bpf",
	"perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register",
	"kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module",
	"open_by_handle_at", "quotactl", "quotactl_fd", "fsopen", "fsconfig", "fsmount",
	"move_mount", "open_tree", "process_vm_readv", "process_vm_writev", "acct", "swapon",
	"swapoff", "reboot", "syslog", "vhangup", "nfsservctl", "lookup_dcookie" };

static enum cua_status seccomp_rules(scmp_filter_ctx filter, struct cua_error *err)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(refused_syscalls); i++) {
		int number = seccomp_syscall_resolve_name(refused_syscalls[i]);
		if (number == __NR_SCMP_ERROR) {
			continue; /* older or newer than this libseccomp */
		}
		if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0) != 0) {
			return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "seccomp rule for %s",
					refused_syscalls[i]);
		}
	}
	/* A network namespace does not contain these families; TIOCSTI types into terminals. */
	static const int families[] = { AF_PACKET, AF_ALG, AF_VSOCK, AF_BLUETOOTH };
	for (size_t i = 0; i < CUA_ARRAY_LEN(families); i++) {
		if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
				    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i], 0)) != 0) {
			return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "seccomp rule for socket");
		}
	}
	if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
			    SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, TIOCSTI)) != 0) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "seccomp rule for ioctl");
	}
	return CUA_OK;
}

static enum cua_status seccomp_program(int *ret_fd, struct cua_error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	if (!filter) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "seccomp filter");
	}
	CUA_AUTO_FD int fd = memfd_create("seccomp", MFD_CLOEXEC);
	enum cua_status status = seccomp_rules(filter, err);
	if (status == CUA_OK && (fd < 0 || seccomp_export_bpf(filter, fd) != 0)) {
		status = CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "seccomp program");
	}
	seccomp_release(filter);
	if (status == CUA_OK) {
		lseek(fd, 0, SEEK_SET);
		*ret_fd = cua_steal_fd(&fd);
	}
	return status;
}

static int text_fd(const char *name, const char *text)
{
	int fd = memfd_create(name, MFD_CLOEXEC);
	if (fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text)) {
		lseek(fd, 0, SEEK_SET);
	}
	return fd;
}

/* The command line of bwrap; strings it makes itself live in text. */
struct args {
	const char *argv[ARGS_MAX];
	size_t count;
	char text[8192];
	size_t text_len;
};

static const char *args_text(struct args *args, const char *fmt, ...) CUA_PRINTF(2, 3);
static const char *args_text(struct args *args, const char *fmt, ...)
{
	char *start = args->text + args->text_len;
	size_t left = sizeof(args->text) - args->text_len;
	va_list list;
	va_start(list, fmt);
	int used = vsnprintf(start, left, fmt, list);
	va_end(list);
	args->text_len += used >= 0 && (size_t)used < left ? (size_t)used + 1 : left;
	return used >= 0 && (size_t)used < left ? start : "";
}

static void args_add(struct args *args, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count && args->count + 1 < ARGS_MAX; i++) {
		args->argv[args->count++] = words[i];
	}
}

#define ADD(args, ...) \
	args_add((args), (const char *const[]){ __VA_ARGS__ }, \
			CUA_ARRAY_LEN(((const char *const[]){ __VA_ARGS__ })))

/* /bin and its like are symbolic links on a merged-usr system and directories elsewhere. */
static void add_root_dir(struct args *args, const char *path)
{
	char target[256];
	ssize_t len = readlink(path, target, sizeof(target) - 1);
	if (len > 0) {
		target[len] = '\0';
		ADD(args, "--symlink", args_text(args, "%s", target), path);
	} else {
		ADD(args, "--ro-bind-try", path, path);
	}
}

static void add_file_systems(struct args *args, const struct cua_sandbox_spec *spec)
{
	ADD(args, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run");
	ADD(args, "--ro-bind", "/usr", "/usr", "--ro-bind-try", "/opt", "/opt");
	add_root_dir(args, "/bin");
	add_root_dir(args, "/sbin");
	add_root_dir(args, "/lib");
	add_root_dir(args, "/lib32");
	add_root_dir(args, "/lib64");
	for (size_t i = 0; i < CUA_ARRAY_LEN(etc_entries); i++) {
		const char *path = args_text(args, "/etc/%s", etc_entries[i]);
		ADD(args, "--ro-bind-try", path, path);
	}
	ADD(args, "--dir", "/var/tmp", "--dir", "/var/cache", "--ro-bind-try",
			"/var/cache/fontconfig", "/var/cache/fontconfig", "--ro-bind-try",
			"/var/lib/dbus", "/var/lib/dbus", "--ro-bind-try", "/var/lib/libreoffice",
			"/var/lib/libreoffice", "--symlink", "../run", "/var/run");
	ADD(args, "--perms", "0444", "--ro-bind-data", args_text(args, "%d", FD_PASSWD),
			"/etc/passwd", "--perms", "0444", "--ro-bind-data",
			args_text(args, "%d", FD_GROUP), "/etc/group", "--perms", "0444",
			"--ro-bind-data", args_text(args, "%d", FD_HOSTS), "/etc/hosts", "--perms",
			"0555", "--ro-bind-data", args_text(args, "%d", FD_PROGRAM),
			CUA_SANDBOX_PROGRAM);
	ADD(args, "--bind", spec->session_dir, CUA_SANDBOX_SESSION_DIR, "--bind", spec->home_dir,
			CUA_SANDBOX_HOME, "--bind", spec->x11_dir, "/tmp/.X11-unix", "--perms",
			"0700", "--dir", "/run/user");
}

static void build_args(struct args *args, const struct cua_sandbox_spec *spec)
{
	/* The session itself is the first process of its namespace: the kernel ends all others with
	 * it. It reaps orphans. */
	ADD(args, "bwrap", "--as-pid-1", "--unshare-user", "--unshare-pid", "--unshare-net",
			"--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname",
			"desktop", "--new-session", "--cap-drop", "ALL", "--info-fd",
			args_text(args, "%d", FD_INFO), "--seccomp",
			args_text(args, "%d", FD_SECCOMP));
	add_file_systems(args, spec);
	ADD(args, "--chdir", CUA_SANDBOX_HOME, "--clearenv", "--setenv", "HOME", CUA_SANDBOX_HOME,
			"--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin:/usr/games", "--setenv",
			"USER", "agent", "--setenv", "LOGNAME", "agent", "--");
	for (size_t i = 0; spec->argv[i]; i++) {
		ADD(args, spec->argv[i]);
	}
	args->argv[args->count] = NULL;
}

/* bwrap writes {"child-pid": N, ...} once the namespaces exist; nothing, if they cannot. */
static enum cua_status read_init_pid(int info_fd, pid_t *ret_pid, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer info;
	cua_buffer_init(&info, 4096);
	const uint64_t deadline_us = cua_now_us() + START_TIMEOUT_MS * 1000ULL;
	for (;;) {
		struct pollfd readable = { .fd = info_fd, .events = POLLIN };
		char part[512];
		if (poll(&readable, 1, cua_ms_until(deadline_us)) <= 0) {
			return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "bwrap did not start in %d s",
					START_TIMEOUT_MS / 1000);
		}
		ssize_t got = read(info_fd, part, sizeof(part));
		if (got <= 0) {
			return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "bwrap failed");
		}
		enum cua_status status = cua_buffer_append(&info, part, (size_t)got, err);
		if (status != CUA_OK) {
			return status;
		}
		CUA_AUTO_JSON cJSON *json = cJSON_Parse(info.data);
		const cJSON *pid = cJSON_GetObjectItemCaseSensitive(json, "child-pid");
		if (cJSON_IsNumber(pid)) {
			*ret_pid = (pid_t)pid->valuedouble;
			return CUA_OK;
		}
	}
}

enum cua_status cua_sandbox_start(const struct cua_sandbox_spec *spec,
		struct cua_sandbox *ret_sandbox, struct cua_error *err)
{
	const unsigned int uid = spec->uid == (uid_t)-1 ? getuid() : spec->uid;
	const unsigned int gid = spec->uid == (uid_t)-1 ? getgid() : spec->uid;
	char passwd[256], group[128];
	snprintf(passwd, sizeof(passwd), "agent:x:%u:%u:agent:%s:/bin/bash\n", uid, gid,
			CUA_SANDBOX_HOME);
	snprintf(group, sizeof(group), "agent:x:%u:\n", gid);
	CUA_AUTO_FD int passwd_fd = text_fd("passwd", passwd);
	CUA_AUTO_FD int group_fd = text_fd("group", group);
	CUA_AUTO_FD int hosts_fd = text_fd("hosts", "127.0.0.1 localhost desktop\n::1 localhost\n");
	CUA_AUTO_FD int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CUA_AUTO_FD int seccomp_fd = -1;
	int info[2];
	enum cua_status status = seccomp_program(&seccomp_fd, err);
	if (status != CUA_OK) {
		return status;
	}
	if (passwd_fd < 0 || group_fd < 0 || hosts_fd < 0 || null_fd < 0 ||
			pipe2(info, O_CLOEXEC) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "descriptors for the sandbox");
	}
	lseek(spec->program_fd, 0, SEEK_SET);

	struct args args = { .count = 0 };
	build_args(&args, spec);
	const struct cua_fd_map fds[] = { { null_fd, 0 }, { spec->log_fd, 1 }, { spec->log_fd, 2 },
		{ spec->ready_fd, FD_READY }, { info[1], FD_INFO }, { seccomp_fd, FD_SECCOMP },
		{ passwd_fd, FD_PASSWD }, { group_fd, FD_GROUP }, { hosts_fd, FD_HOSTS },
		{ spec->program_fd, FD_PROGRAM } };
	/* The environment of bwrap itself can be read inside, as /proc/1/environ: --clearenv is for
	 * its child alone. No key may be in it. */
	char mark[1100];
	snprintf(mark, sizeof(mark), "CUA_DESKTOP_DIR=%s", spec->mark);
	const char *const envp[] = { "PATH=/usr/local/bin:/usr/bin:/bin", mark, NULL };
	const struct cua_spawn spawn = { .argv = args.argv,
		.envp = envp,
		.exec_fd = -1,
		.cwd = "/",
		.fds = fds,
		.fd_count = (int)CUA_ARRAY_LEN(fds),
		.uid = spec->uid,
		.new_session = true };
	pid_t bwrap_pid = 0, init_pid = 0;
	status = cua_spawn(&spawn, &bwrap_pid, err);
	close(info[1]);
	if (status == CUA_OK) {
		status = read_init_pid(info[0], &init_pid, err);
		if (status != CUA_OK) {
			(void)cua_process_end(cua_process_identify(bwrap_pid), SIGKILL, 2000);
			waitpid(bwrap_pid, NULL, 0);
		}
	} else if (status == CUA_ERR_NOT_FOUND) {
		status = CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "bubblewrap is not installed");
	}
	close(info[0]);
	if (status == CUA_OK) {
		ret_sandbox->bwrap = cua_process_identify(bwrap_pid);
		ret_sandbox->init = cua_process_identify(init_pid);
	}
	return status;
}

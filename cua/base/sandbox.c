#include "cua/base/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cua/base/buffer.h"
#include "cua/base/file.h"
#include "cua/base/util.h"

#define FCHMODAT2_NUMBER 452
#define START_TIMEOUT_MS 10000
#define ARGS_MAX ((size_t)1 << 20) /* bytes */

/* Descriptors as bwrap sees them. */
enum {
	FD_READY = 3,
	FD_INFO,
	FD_SECCOMP,
	FD_PASSWD,
	FD_GROUP,
	FD_HOSTS,
	FD_RESOLV,
	FD_PROGRAM,
	FD_ARGS,
	FD_FOLDERS, /* one for each folder, whether it comes as a descriptor or not */
	FD_END = FD_FOLDERS + CUA_SANDBOX_FOLDERS_MAX
};

/* What applications read below /etc. The whole of it would show them this machine's secrets. */
static const char *const etc_entries[] = { "alternatives", "fonts", "ld.so.cache", "ld.so.conf",
	"ld.so.conf.d", "localtime", "timezone", "ssl/certs", "ca-certificates", "mime.types",
	"mailcap", "chromium", "chromium.d", "firefox", "firefox-esr", "libreoffice", "xdg",
	"gtk-2.0", "gtk-3.0", "dconf", "dbus-1", "X11", "nsswitch.conf", "terminfo", "papersize",
	"debian_version", "os-release", "locale.alias", "default/locale", "vim", "python3",
	"python3.11", "java-17-openjdk", "openal", "pulse", "glvnd", "vulkan" };

/* What finds names on the network: of a sandbox that has it. */
static const char *const etc_network[] = { "resolv.conf", "hosts", "host.conf", "gai.conf",
	"services", "protocols" };

/* System calls that no application on a desktop needs and that have been ways out of a sandbox.
 * Namespaces and chroot stay allowed: Chromium's own sandbox is made of them. */
static const char *const refused_syscalls[] = { "keyctl", "add_key", "request_key", "bpf",
	"perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register",
	"kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module",
	"open_by_handle_at", "quotactl", "quotactl_fd", "fsopen", "fsconfig", "fsmount",
	"move_mount", "open_tree", "process_vm_readv", "process_vm_writev", "acct", "swapon",
	"swapoff", "reboot", "syslog", "vhangup", "nfsservctl", "lookup_dcookie" };

/* What is made in a folder of the machine belongs to its owner, and would run as that for whoever
 * starts it. A file that is made with the bit is empty, and loses it when it is written to. */
static enum cua_status refuse_set_id(scmp_filter_ctx filter, struct cua_error *err)
{
	static const struct {
		const char *name;
		unsigned int mode; /* which argument it is */
	} calls[] = { { "chmod", 1 }, { "fchmod", 1 }, { "fchmodat", 2 }, { "fchmodat2", 2 } };
	static const scmp_datum_t bits[] = { S_ISUID, S_ISGID };
	for (size_t i = 0; i < 2 * CUA_ARRAY_LEN(calls); i++) {
		const int known = seccomp_syscall_resolve_name(calls[i / 2].name);
		/* Newer than this libseccomp, and numbered alike everywhere. */
		const int number = known == __NR_SCMP_ERROR ? FCHMODAT2_NUMBER : known;
		const struct scmp_arg_cmp compare = { .arg = calls[i / 2].mode,
			.op = SCMP_CMP_MASKED_EQ,
			.datum_a = bits[i % 2],
			.datum_b = bits[i % 2] };
		if (seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), number, 1, &compare) !=
				0) {
			return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "seccomp rule for %s",
					calls[i / 2].name);
		}
	}
	return CUA_OK;
}

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
	return refuse_set_id(filter, err);
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

/* Bytes for bwrap to read to their end; -1 with errno. */
static int data_fd(const char *name, const void *data, size_t len)
{
	CUA_AUTO_FD int fd = memfd_create(name, MFD_CLOEXEC);
	if (fd < 0 || !cua_write_all(fd, data, len) || lseek(fd, 0, SEEK_SET) != 0) {
		return -1;
	}
	return cua_steal_fd(&fd);
}

/* What bwrap is told, each word with its NUL. It reads them from a descriptor: a value of the
 * environment would be for everybody to see in its arguments. A word that finds no room makes the
 * start fail. */
struct args {
	struct cua_buffer words;
	enum cua_status status;
	struct cua_error *err;
};

static void args_add(struct args *args, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count && args->status == CUA_OK; i++) {
		args->status = cua_buffer_append(
				&args->words, words[i], strlen(words[i]) + 1, args->err);
	}
}

#define ADD(args, ...) \
	args_add((args), (const char *const[]){ __VA_ARGS__ }, \
			CUA_ARRAY_LEN(((const char *const[]){ __VA_ARGS__ })))

static void add_number(struct args *args, const char *option, int number)
{
	char text[16];
	snprintf(text, sizeof(text), "%d", number);
	ADD(args, option, text);
}

/* /bin and its like are symbolic links on a merged-usr system and directories elsewhere. */
static void add_root_dir(struct args *args, const char *path)
{
	char target[256];
	ssize_t len = readlink(path, target, sizeof(target) - 1);
	if (len > 0) {
		target[len] = '\0';
		ADD(args, "--symlink", target, path);
	} else {
		ADD(args, "--ro-bind-try", path, path);
	}
}

static void add_etc(struct args *args, const char *const *entries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char path[64];
		snprintf(path, sizeof(path), "/etc/%s", entries[i]);
		ADD(args, "--ro-bind-try", path, path);
	}
}

/* In memory, and writable. */
static void add_scratch(struct args *args, const struct cua_sandbox_spec *spec, const char *path)
{
	char size[32];
	snprintf(size, sizeof(size), "%lld", (long long)spec->scratch_bytes);
	if (spec->scratch_bytes > 0) {
		ADD(args, "--size", size);
	}
	ADD(args, "--perms", strcmp(path, "/run") == 0 ? "0755" : "1777", "--tmpfs", path);
}

static void add_file_systems(struct args *args, const struct cua_sandbox_spec *spec)
{
	ADD(args, "--proc", "/proc", "--dev", "/dev");
	add_scratch(args, spec, "/dev/shm");
	add_scratch(args, spec, "/tmp");
	add_scratch(args, spec, "/run");
	add_scratch(args, spec, "/var/tmp");
	ADD(args, "--ro-bind", "/usr", "/usr", "--ro-bind-try", "/opt", "/opt");
	add_root_dir(args, "/bin");
	add_root_dir(args, "/sbin");
	add_root_dir(args, "/lib");
	add_root_dir(args, "/lib32");
	add_root_dir(args, "/lib64");
	add_etc(args, etc_entries, CUA_ARRAY_LEN(etc_entries));
	ADD(args, "--dir", "/var/cache", "--ro-bind-try", "/var/cache/fontconfig",
			"/var/cache/fontconfig", "--ro-bind-try", "/var/lib/dbus", "/var/lib/dbus",
			"--ro-bind-try", "/var/lib/libreoffice", "/var/lib/libreoffice",
			"--symlink", "../run", "/var/run");
	ADD(args, "--perms", "0444");
	add_number(args, "--ro-bind-data", FD_PASSWD);
	ADD(args, "/etc/passwd", "--perms", "0444");
	add_number(args, "--ro-bind-data", FD_GROUP);
	ADD(args, "/etc/group");
	if (spec->has_network) {
		add_etc(args, etc_network, CUA_ARRAY_LEN(etc_network));
	} else {
		ADD(args, "--perms", "0444");
		add_number(args, "--ro-bind-data", FD_HOSTS);
		ADD(args, "/etc/hosts");
		if (spec->resolv_conf) {
			ADD(args, "--perms", "0444");
			add_number(args, "--ro-bind-data", FD_RESOLV);
			ADD(args, "/etc/resolv.conf");
		}
	}
	if (spec->program_fd >= 0) {
		ADD(args, "--perms", "0555");
		add_number(args, "--ro-bind-data", FD_PROGRAM);
		ADD(args, CUA_SANDBOX_PROGRAM);
	}
	ADD(args, "--bind", spec->home_dir, CUA_SANDBOX_HOME);
	for (size_t i = 0; i < spec->folder_count; i++) {
		const struct cua_sandbox_folder *folder = &spec->folders[i];
		if (folder->outside) {
			ADD(args, folder->is_writable ? "--bind" : "--ro-bind", folder->outside,
					folder->inside);
		} else {
			add_number(args, folder->is_writable ? "--bind-fd" : "--ro-bind-fd",
					FD_FOLDERS + (int)i);
			ADD(args, folder->inside);
		}
	}
	ADD(args, "--perms", "0700", "--dir", "/run/user");
	/* What bubblewrap made itself would be writable, and without a bound. */
	ADD(args, "--remount-ro", "/dev", "--remount-ro", "/");
}

static void add_environment(struct args *args, const struct cua_sandbox_spec *spec)
{
	ADD(args, "--clearenv", "--setenv", "HOME", CUA_SANDBOX_HOME, "--setenv", "PATH",
			"/usr/local/bin:/usr/bin:/bin:/usr/games", "--setenv", "USER", "agent",
			"--setenv", "LOGNAME", "agent");
	for (size_t i = 0; spec->env && spec->env[i]; i++) {
		const char *value = strchr(spec->env[i], '=');
		CUA_AUTO_FREE char *name = value
				? strndup(spec->env[i], (size_t)(value - spec->env[i]))
				: NULL;
		if (!name || !name[0]) {
			args->status = CUA_FAIL(args->err, CUA_ERR_INVAL, 0,
					"the environment of a sandbox holds something else than "
					"NAME=value");
			return;
		}
		ADD(args, "--setenv", name, value + 1);
	}
}

static enum cua_status args_fd(
		const struct cua_sandbox_spec *spec, int *ret_fd, struct cua_error *err)
{
	struct args args = { .err = err };
	cua_buffer_init(&args.words, ARGS_MAX);
	ADD(&args, "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
			"--unshare-cgroup-try", "--hostname", "desktop", "--new-session",
			"--cap-drop", "ALL");
	add_number(&args, "--info-fd", FD_INFO);
	add_number(&args, "--seccomp", FD_SECCOMP);
	if (!spec->has_network) {
		ADD(&args, "--unshare-net");
	}
	if (spec->is_own_init) { /* the kernel ends all others with it */
		ADD(&args, "--as-pid-1");
	}
	if (spec->dies_with_caller) {
		ADD(&args, "--die-with-parent");
	}
	add_file_systems(&args, spec);
	ADD(&args, "--chdir", CUA_SANDBOX_HOME);
	add_environment(&args, spec);
	if (args.status == CUA_OK) {
		*ret_fd = data_fd("arguments", args.words.data, args.words.len);
		args.status = *ret_fd >= 0 ? CUA_OK : CUA_FAIL(err, CUA_ERR_IO, errno, "sandbox");
	}
	cua_buffer_finish(&args.words);
	return args.status;
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

/* What bwrap finds as its descriptors, opened for it; -1: not yet. */
struct files {
	int args, seccomp, passwd, group, hosts, resolv, null, info[2];
};

static void close_files(const struct files *files)
{
	int all[] = { files->args, files->seccomp, files->passwd, files->group, files->hosts,
		files->resolv, files->null, files->info[0], files->info[1] };
	for (size_t i = 0; i < CUA_ARRAY_LEN(all); i++) {
		cua_closep(&all[i]);
	}
}

static enum cua_status open_files(
		const struct cua_sandbox_spec *spec, struct files *files, struct cua_error *err)
{
	static const char hosts[] = "127.0.0.1 localhost desktop\n::1 localhost\n";
	const unsigned int uid = spec->uid == (uid_t)-1 ? getuid() : spec->uid;
	const unsigned int gid = spec->uid == (uid_t)-1 ? getgid() : spec->uid;
	char passwd[256], group[128];
	*files = (struct files){ -1, -1, -1, -1, -1, -1, -1, { -1, -1 } };
	if (spec->folder_count > CUA_SANDBOX_FOLDERS_MAX) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "a sandbox has at most %d folders",
				CUA_SANDBOX_FOLDERS_MAX);
	}
	snprintf(passwd, sizeof(passwd), "agent:x:%u:%u:agent:%s:/bin/bash\n", uid, gid,
			CUA_SANDBOX_HOME);
	snprintf(group, sizeof(group), "agent:x:%u:\n", gid);
	enum cua_status status = seccomp_program(&files->seccomp, err);
	if (status == CUA_OK) {
		status = args_fd(spec, &files->args, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	files->passwd = data_fd("passwd", passwd, strlen(passwd));
	files->group = data_fd("group", group, strlen(group));
	files->hosts = data_fd("hosts", hosts, strlen(hosts));
	files->resolv = spec->resolv_conf
			? data_fd("resolv.conf", spec->resolv_conf, strlen(spec->resolv_conf))
			: -1;
	files->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (files->passwd < 0 || files->group < 0 || files->hosts < 0 || files->null < 0 ||
			(spec->resolv_conf && files->resolv < 0) ||
			pipe2(files->info, O_CLOEXEC) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "descriptors for the sandbox");
	}
	return CUA_OK;
}

static int map_fds(const struct cua_sandbox_spec *spec, const struct files *files,
		struct cua_fd_map fds[FD_END])
{
	const int all[FD_FOLDERS] = { [0] = spec->in_fd >= 0 ? spec->in_fd : files->null,
		[1] = spec->out_fd >= 0 ? spec->out_fd : spec->log_fd,
		[2] = spec->log_fd,
		[FD_READY] = spec->ready_fd,
		[FD_INFO] = files->info[1],
		[FD_SECCOMP] = files->seccomp,
		[FD_PASSWD] = files->passwd,
		[FD_GROUP] = files->group,
		[FD_HOSTS] = spec->has_network ? -1 : files->hosts,
		[FD_RESOLV] = spec->has_network ? -1 : files->resolv,
		[FD_PROGRAM] = spec->program_fd,
		[FD_ARGS] = files->args };
	int count = 0;
	for (int to = 0; to < FD_FOLDERS; to++) {
		if (all[to] >= 0) {
			fds[count++] = (struct cua_fd_map){ all[to], to };
		}
	}
	for (int i = 0; i < (int)spec->folder_count; i++) {
		if (!spec->folders[i].outside) {
			fds[count++] = (struct cua_fd_map){ spec->folders[i].fd, FD_FOLDERS + i };
		}
	}
	return count;
}

/* bwrap itself: its environment can be read inside, as that of its first process, so no key may
 * be in it. */
static enum cua_status spawn_bwrap(const struct cua_sandbox_spec *spec, const struct files *files,
		pid_t *ret_pid, struct cua_error *err)
{
	char mark[1100], args_text[16];
	struct cua_fd_map fds[FD_END];
	const int fd_count = map_fds(spec, files, fds);
	size_t words = 0;
	while (spec->argv[words]) {
		words++;
	}
	CUA_AUTO_FREE const char **argv = calloc(words + 5, sizeof(*argv));
	if (!argv) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "arguments of the sandbox");
	}
	snprintf(args_text, sizeof(args_text), "%d", FD_ARGS);
	const char *const first[] = { "bwrap", "--args", args_text, "--" };
	memcpy(argv, first, sizeof(first));
	memcpy(argv + CUA_ARRAY_LEN(first), spec->argv, words * sizeof(*argv));
	snprintf(mark, sizeof(mark), "CUA_DESKTOP_DIR=%s", spec->mark ? spec->mark : "");
	const char *const envp[] = { "PATH=/usr/local/bin:/usr/bin:/bin", spec->mark ? mark : NULL,
		NULL };
	if (spec->program_fd >= 0) {
		lseek(spec->program_fd, 0, SEEK_SET);
	}
	const struct cua_spawn spawn = { .argv = argv,
		.envp = envp,
		.exec_fd = -1,
		.cwd = "/",
		.fds = fds,
		.fd_count = fd_count,
		.uid = spec->uid,
		.new_session = true,
		.attach = spec->attach,
		.group_fds = spec->group_fds,
		.group_fd_count = spec->group_fd_count,
		.rlimits = spec->rlimits,
		.rlimit_count = spec->rlimit_count };
	return cua_spawn(&spawn, ret_pid, err);
}

enum cua_status cua_sandbox_start(const struct cua_sandbox_spec *spec,
		struct cua_sandbox *ret_sandbox, struct cua_error *err)
{
	struct files files;
	pid_t bwrap_pid = 0, init_pid = 0;
	enum cua_status status = open_files(spec, &files, err);
	if (status == CUA_OK) {
		status = spawn_bwrap(spec, &files, &bwrap_pid, err);
		close(files.info[1]);
		files.info[1] = -1;
	}
	if (bwrap_pid > 0) {
		status = read_init_pid(files.info[0], &init_pid, err);
		if (status != CUA_OK) {
			(void)cua_process_end(cua_process_identify(bwrap_pid), SIGKILL, 2000);
			waitpid(bwrap_pid, NULL, 0);
		}
	} else if (status == CUA_ERR_NOT_FOUND) {
		status = CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "bubblewrap is not installed");
	}
	close_files(&files);
	if (status == CUA_OK) {
		ret_sandbox->bwrap = cua_process_identify(bwrap_pid);
		ret_sandbox->init = cua_process_identify(init_pid);
	}
	return status;
}

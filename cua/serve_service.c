#include "cua/serve_service.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/paths.h"
#include "cua/base/process.h"
#include "cua/base/util.h"
#include "cua/server/server.h"

#define UNIT "cua.service"
#define UNIT_MAX_LEN 65536

/* Not ProtectSystem= and its like: they give the service a mount namespace of its own, which ends
 * with it, and desktops that go on would lose their homes to the next server. Nor what Chromium
 * inside would inherit and not survive. Source: systemd.exec(5), systemd.kill(5). */
static const char hardening[] = "NoNewPrivileges=yes\n"
				"LockPersonality=yes\n"
				"RestrictRealtime=yes\n"
				"RestrictSUIDSGID=yes\n"
				"SystemCallArchitectures=native\n"
				"KeyringMode=private\n"
				"UMask=0077\n";

/* What no part of cua has a use for; its sandboxes give up the rest. */
static const char hardening_of_root[] =
		"CapabilityBoundingSet=~CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_BOOT CAP_SYS_TIME "
		"CAP_SYS_PACCT CAP_SYS_TTY_CONFIG CAP_SYSLOG CAP_WAKE_ALARM CAP_LINUX_IMMUTABLE "
		"CAP_MAC_ADMIN CAP_MAC_OVERRIDE CAP_AUDIT_CONTROL CAP_AUDIT_READ\n";

/* --- words of a unit. Source: systemd.syntax(7), systemd.service(5), "Command lines" --- */

static enum cua_status add_word(struct cua_buffer *text, const char *word, struct cua_error *err)
{
	const bool is_first = text->len > 0 && text->data[text->len - 1] == '=';
	enum cua_status status =
			cua_buffer_append(text, is_first ? "\"" : " \"", is_first ? 1 : 2, err);
	for (const char *at = word; status == CUA_OK && *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"a control character cannot stand in a unit");
		}
		const char twice[] = { *at == '"' ? '\\' : *at, *at, '\0' };
		status = strchr("\"\\%$", *at) ? cua_buffer_append(text, twice, 2, err)
					       : cua_buffer_append(text, at, 1, err);
	}
	return status == CUA_OK ? cua_buffer_append(text, "\"", 1, err) : status;
}

static enum cua_status add_option(
		struct cua_buffer *text, const char *name, const char *value, struct cua_error *err)
{
	char word[PATH_MAX + 64];
	if (!value) {
		return CUA_OK;
	}
	snprintf(word, sizeof(word), "--%s=%s", name, value);
	return add_word(text, word, err);
}

static enum cua_status add_number(
		struct cua_buffer *text, const char *name, int value, struct cua_error *err)
{
	char digits[16];
	snprintf(digits, sizeof(digits), "%d", value);
	return add_option(text, name, digits, err);
}

/* A service is started elsewhere than here. */
static enum cua_status add_file(
		struct cua_buffer *text, const char *name, const char *path, struct cua_error *err)
{
	char whole[PATH_MAX];
	if (!path) {
		return CUA_OK;
	}
	if (!realpath(path, whole)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, errno, "%s", path);
	}
	return add_option(text, name, whole, err);
}

static enum cua_status add_options(struct cua_buffer *text, const struct server_options *options,
		struct cua_error *err)
{
	enum cua_status status = add_option(text, "address", options->address, err);
	if (status == CUA_OK) {
		status = add_number(text, "port", options->port, err);
	}
	if (status == CUA_OK) {
		status = add_file(text, "tls-cert", options->certificate_path, err);
	}
	if (status == CUA_OK) {
		status = add_file(text, "tls-key", options->key_path, err);
	}
	for (size_t i = 0; status == CUA_OK && options->public_urls[i]; i++) {
		status = add_option(text, "public-url", options->public_urls[i], err);
	}
	if (status == CUA_OK && options->max_agents > 0) {
		status = add_number(text, "max-agents", options->max_agents, err);
	}
	if (status == CUA_OK) {
		status = add_number(text, "max-streams", options->max_streams, err);
	}
	if (status == CUA_OK) {
		status = add_number(text, "spares", options->spares, err);
	}
	if (status == CUA_OK && options->plain_get) {
		status = add_word(text, "--plain-get", err);
	}
	if (status == CUA_OK && options->logs_json) {
		status = add_option(text, "log-format", "json", err);
	}
	return status == CUA_OK ? add_option(text, "traces", options->traces_url, err) : status;
}

/* Where its state is, if that is not where it would be anyway. */
static enum cua_status add_environment(struct cua_buffer *text, struct cua_error *err)
{
	static const char *const names[] = { "CUA_STATE_DIR", "CUA_RUNTIME_DIR", "CUA_MODELS" };
	char word[PATH_MAX + 64];
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(names); i++) {
		const char *value = getenv(names[i]);
		if (!value || !value[0]) {
			continue;
		}
		snprintf(word, sizeof(word), "%s=%s", names[i], value);
		status = cua_buffer_printf(text, err, "Environment=");
		if (status == CUA_OK) {
			status = add_word(text, word, err);
		}
		if (status == CUA_OK) {
			status = cua_buffer_append(text, "\n", 1, err);
		}
	}
	return status;
}

enum cua_status serve_service_unit(const struct server_options *options, struct cua_buffer *text,
		struct cua_error *err)
{
	const bool is_root = geteuid() == 0;
	char program[CUA_PATH_MAX];
	enum cua_status status = cua_program_path("cua", program, sizeof(program), err);
	if (status == CUA_OK) {
		status = cua_buffer_printf(text, err,
				"# Written by: cua serve --install-service\n"
				"[Unit]\n"
				"Description=Agents at work on desktops (cua serve)\n"
				"Wants=network-online.target\n"
				"After=network-online.target\n"
				"\n"
				"[Service]\n"
				"Type=exec\n"
				"ExecStart=");
	}
	if (status == CUA_OK) {
		status = add_word(text, program, err);
	}
	if (status == CUA_OK) {
		status = add_word(text, "serve", err);
	}
	if (status == CUA_OK) {
		status = add_options(text, options, err);
	}
	if (status == CUA_OK) {
		status = cua_buffer_append(text, "\n", 1, err);
	}
	if (status == CUA_OK) {
		status = add_environment(text, err);
	}
	return status == CUA_OK ? cua_buffer_printf(text, err,
						  "Restart=on-failure\n"
						  "RestartSec=2\n"
						  "# Agents and desktops go on without the server, "
						  "and in groups that it makes.\n"
						  "KillMode=process\n"
						  "Delegate=yes\n"
						  "OOMPolicy=continue\n"
						  "TasksMax=infinity\n"
						  "%s%s"
						  "\n"
						  "[Install]\n"
						  "WantedBy=%s\n",
						  hardening, is_root ? hardening_of_root : "",
						  is_root ? "multi-user.target" : "default.target")
				: status;
}

/* --- where it goes --- */

static enum cua_status unit_dir(char *dir, size_t size, struct cua_error *err)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	if (geteuid() == 0) {
		snprintf(dir, size, "/etc/systemd/system");
	} else if (config && config[0] == '/') {
		snprintf(dir, size, "%s/systemd/user", config);
	} else if (home && home[0] == '/') {
		snprintf(dir, size, "%s/.config/systemd/user", home);
	} else {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "$HOME does not say where units are kept");
	}
	return CUA_OK;
}

/* By systemd itself, where it is; what it says goes to stderr. Without a session of the user it
 * looks at no user units, and takes it for one of the system. */
static enum cua_status verify(const char *path, struct cua_error *err)
{
	const bool is_user = geteuid() != 0 && getenv("XDG_RUNTIME_DIR");
	const pid_t pid = fork();
	int how = 0;
	if (pid == 0) {
		execlp("systemd-analyze", "systemd-analyze", "verify",
				is_user ? "--user" : "--system", path, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &how, 0) < 0 && errno == EINTR) {
	}
	if (pid < 0 || (WIFEXITED(how) && WEXITSTATUS(how) == 127)) {
		fputs("cua serve: systemd-analyze is not here to verify the unit\n", stderr);
		return CUA_OK;
	}
	return WIFEXITED(how) && WEXITSTATUS(how) == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_INVAL, 0, "systemd does not take the unit %s",
					  path);
}

static void say_next(const char *path)
{
	const char *user = geteuid() == 0 ? "" : " --user";
	printf("%s is written. Next:\n"
	       "  systemctl%s daemon-reload\n"
	       "  systemctl%s enable --now cua\n"
	       "  cua serve login            a login for a browser, used once\n"
	       "  journalctl%s -u cua -f     what it says\n",
			path, user, user, user);
	if (geteuid() != 0) {
		puts("It ends when you log out, unless: loginctl enable-linger");
	}
}

static enum cua_status write_unit(
		const char *path, const struct cua_buffer *text, struct cua_error *err)
{
	enum cua_status status = cua_file_write(path, text->data, text->len, 0644, err);
	if (status != CUA_OK) {
		return status;
	}
	status = verify(path, err);
	if (status != CUA_OK) {
		unlink(path);
	}
	return status;
}

enum cua_status serve_service_install(const struct server_options *options, struct cua_error *err)
{
	char dir[PATH_MAX], path[PATH_MAX + 16];
	CUA_AUTO_BUFFER struct cua_buffer text, old;
	cua_buffer_init(&text, UNIT_MAX_LEN);
	cua_buffer_init(&old, UNIT_MAX_LEN);
	enum cua_status status = serve_service_unit(options, &text, err);
	if (status == CUA_OK) {
		status = unit_dir(dir, sizeof(dir), err);
	}
	if (status == CUA_OK) {
		status = cua_make_dirs(dir, 0755, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	snprintf(path, sizeof(path), "%s/" UNIT, dir);
	if (access(path, F_OK) != 0) {
		status = write_unit(path, &text, err);
	} else if (cua_file_read(path, &old, NULL) != CUA_OK || old.len != text.len ||
			memcmp(old.data, text.data, text.len) != 0) {
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0,
				"%s is there and says something else; cua serve --install-service "
				"--print shows what would be written",
				path);
	}
	if (status == CUA_OK) {
		say_next(path);
	}
	return status;
}

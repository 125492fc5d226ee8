/* cua desktop start, list, stop, reset, exec, logs */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cua/base/buffer.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/contract/text.h"
#include "cua/desktop_options.h"
#include "cua/desktop_pool.h"
#include "cua/desktops.h"
#include "display/desktop_limits.h"
#include "display/session_client.h"

static const char help[] =
		"Usage: cua desktop start [--name=NAME] [--pool=N] [--json] [OPTION...]\n"
		"       cua desktop list [--json]\n"
		"       cua desktop stop NAME... | --all | --pool | --spares-of-runs\n"
		"       cua desktop reset [--json] NAME\n"
		"       cua desktop exec [-d NAME] [--] COMMAND [ARGUMENT]...\n"
		"       cua desktop logs [-d NAME]\n"
		"       cua desktop network [-d NAME] [--json]\n"
		"\n"
		"start  a virtual desktop with window manager, session bus and applications, in a\n"
		"       sandbox without network; or a new host, and proxy or gateway, for a "
		"desktop\n"
		"       that lost its own. Prints the name.\n"
		"       It keeps its options, which are below, until it is stopped.\n"
		"       --pool=N keeps N more of the same options ready in the background, until "
		"stop\n"
		"       --pool; a start takes one of those if its options fit, and is done in 20 "
		"ms.\n"
		"       Each is handed out once, with a fresh home. 0 ends the pool of these "
		"options.\n"
		"list   name, state, size, sandbox. running: all is well; detached: its host is "
		"gone,\n"
		"       start --name=NAME gives it another; dead: its X server or "
		"session is\n       gone, for the reason behind it, and stop cleans up; spare: "
		"waits "
		"in the pool.\n"
		"stop   ends every process of a desktop and removes its files, documents "
		"included.\n"
		"       --spares-of-runs: what cua run --spares keeps ready.\n"
		"reset  stops a desktop and starts it anew with the options it had: its home is "
		"fresh.\n"
		"exec   runs a program inside, with standard input, output and error, and returns "
		"its\n"
		"       exit status; DISPLAY is set. To get a file out:\n"
		"       cua desktop exec cat Documents/letter.odt > letter.odt\n"
		"logs   what the desktop's programs have written.\n"
		"network what it may reach (--network), and what was asked for, let through and "
		"refused:\n"
		"       time, id, what was decided, host, port, by which entry of the list or "
		"why,\n"
		"       bytes sent and received. Of an open network: each address and port, once "
		"an hour.\n"
		"\n"
		"Options of a desktop:\n";

static const char help_end[] =
		"\n"
		"Exit status: 0, 1 for a wrong request, 2 for wrong usage, 6 if the desktop or "
		"this\n"
		"machine failed.\n";

static void print_help(FILE *out)
{
	fputs(help, out);
	fputs(cua_desktop_options_help, out);
	fputs(help_end, out);
}

/* --- start --- */

static int print_desktop(const struct desktop_record *record, bool attached, bool as_json)
{
	char socket_path[CUA_PATH_MAX + 16];
	desktop_path(record, "api.sock", socket_path, sizeof(socket_path));
	if (!as_json) {
		printf("%s\n", record->name);
		return CUA_EXIT_OK;
	}
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "name", record->name);
	cJSON_AddNumberToObject(json, "width", record->settings.width_px);
	cJSON_AddNumberToObject(json, "height", record->settings.height_px);
	cJSON_AddStringToObject(json, "sandbox", record->settings.sandboxed ? "bwrap" : "none");
	cJSON_AddStringToObject(json, "socket", socket_path);
	cJSON_AddStringToObject(json, "home", record->home);
	desktop_network_describe(record, json);
	cJSON_AddBoolToObject(json, "attached", attached);
	cJSON_AddItemToObject(json, "limits", desktop_limits_describe(record));
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	printf("%s\n", text ? text : "{}");
	return CUA_EXIT_OK;
}

static int desktop_start(int argc, char **argv)
{
	static const struct option own[] = { { "name", required_argument, NULL, 'n' },
		{ "pool", required_argument, NULL, 'p' }, { "json", no_argument, NULL, 'j' },
		{ 0 } };
	struct option options[CUA_DESKTOP_OPTION_ROOM];
	struct cua_desktop_options wanted = { .settings = desktop_settings_default };
	struct desktop_record record;
	struct cua_error error = { 0 };
	bool as_json = false, attached = false;
	long spares = -1; /* leave the pool as it is */
	cua_desktop_options_add(own, options);
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option == 'n') {
			wanted.name = optarg;
		} else if (option == 'p') {
			char *end = NULL;
			spares = strtol(optarg, &end, 10);
			if (!*optarg || *end || spares < 0 || spares > CUA_DESKTOP_SPARES_MAX) {
				return cua_cmd_usage("desktop", "pool \"%s\" must be 0 to %d",
						optarg, CUA_DESKTOP_SPARES_MAX);
			}
		} else if (option == 'j') {
			as_json = true;
		} else if (option < CUA_DESKTOP_OPTION_FIRST) {
			return cua_cmd_usage("desktop", "wrong option for start");
		} else if (cua_desktop_option_take(option, optarg, &wanted, &error) != CUA_OK) {
			return cua_cmd_usage("desktop", "%s", error.msg);
		}
	}
	if (optind < argc) {
		return cua_cmd_usage("desktop", "start takes no argument \"%s\"", argv[optind]);
	}
	if (cua_desktop_options_check(&wanted, &error) != CUA_OK) {
		return cua_cmd_usage("desktop", "%s", error.msg);
	}
	if (!wanted.settings.sandboxed && spares >= 0) {
		return cua_cmd_usage("desktop", "only desktops in a sandbox can be spare");
	}
	if (cua_desktop_start(&wanted, &record, &attached, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	cua_desktop_options_warn("cua", &record);
	/* After the start, which is waited for. */
	if (spares >= 0 && cua_desktop_pool_set(&wanted.settings, (int)spares, &error) != CUA_OK) {
		cua_error_prefix(&error, "desktop %s runs, but there is no pool", record.name);
		return cua_cmd_fail(&error);
	}
	return print_desktop(&record, attached, as_json);
}

/* Of a start's own: in the background, so that nobody waits for it. */
static int desktop_refill(int argc, char **argv)
{
	struct cua_error error = { 0 };
	(void)argv;
	if (argc > 1) {
		return cua_cmd_usage("desktop", "refill takes no arguments");
	}
	const pid_t pid = fork();
	if (pid != 0) {
		return pid > 0 ? CUA_EXIT_OK : CUA_EXIT_DESKTOP;
	}
	return cua_desktop_pool_refill_once(&error) == CUA_OK ? CUA_EXIT_OK : cua_cmd_fail(&error);
}

/* --- list, stop --- */

static void print_reached(const cJSON *limits)
{
	const cJSON *name = NULL, *reached = cua_json_member(limits, "reached");
	cJSON_ArrayForEach (name, reached) {
		printf("%s %s", name == reached->child ? ", limits reached:" : ",",
				cJSON_GetStringValue(name));
	}
}

/* It may quote what a program in the sandbox wrote. */
static void print_why_dead(const cJSON *desktop)
{
	const char *why = cua_json_text(desktop, "why");
	if (why[0]) {
		fputs(", dead: ", stdout);
		cua_text_line(stdout, why, 0);
	}
}

/* Without proxy or gateway there is no route. */
static const char *network_end(const cJSON *desktop)
{
	return strcmp(cua_json_text(desktop, "proxy"), "ended") == 0
			? " (its proxy has ended: none)"
			: strcmp(cua_json_text(desktop, "gateway"), "ended") == 0
			? " (its gateway has ended: none)"
			: "";
}

static int desktop_list(int argc, char **argv)
{
	const bool as_json = argc == 2 && strcmp(argv[1], "--json") == 0;
	if (argc > 1 && !as_json) {
		return cua_cmd_usage("desktop", "list takes --json only");
	}
	struct cua_error error = { 0 };
	CUA_AUTO_JSON cJSON *list = cua_desktop_list(&error);
	if (!list) {
		return cua_cmd_fail(&error);
	}
	if (as_json) {
		CUA_AUTO_FREE char *text = cJSON_Print(list);
		printf("%s\n", text ? text : "[]");
		return CUA_EXIT_OK;
	}
	const cJSON *desktop = NULL;
	cJSON_ArrayForEach (desktop, list) {
		printf("%-24s %-10s %5dx%-5d %-5s network %s%s", cua_json_text(desktop, "name"),
				cua_json_text(desktop, "state"), cua_json_int(desktop, "width"),
				cua_json_int(desktop, "height"), cua_json_text(desktop, "sandbox"),
				cua_json_text(desktop, "network"), network_end(desktop));
		print_reached(cua_json_member(desktop, "limits"));
		print_why_dead(desktop);
		putchar('\n');
	}
	return CUA_EXIT_OK;
}

static int stop_one(const char *name, bool may_be_gone)
{
	struct cua_error error = { 0 };
	const enum cua_status status = cua_desktop_stop_by_name(name, &error);
	return status == CUA_OK || (status == CUA_ERR_NOT_FOUND && may_be_gone)
			? CUA_EXIT_OK
			: cua_cmd_fail(&error);
}

/* Waits until they are gone. */
static int stop_spares_of_runs(void)
{
	struct cua_error error = { 0 };
	enum cua_status status = cua_desktop_pool_keep_for_runs(NULL, 0, &error);
	if (status == CUA_OK) {
		status = cua_desktop_pool_refill(&error); /* after one that is under way */
	}
	return status == CUA_OK ? CUA_EXIT_OK : cua_cmd_fail(&error);
}

static int desktop_stop(int argc, char **argv)
{
	int result = CUA_EXIT_OK;
	if (argc < 2) {
		return cua_cmd_usage("desktop", "stop needs the name of a desktop, or --all");
	}
	struct cua_error error = { 0 };
	if (argc == 2 && strcmp(argv[1], "--spares-of-runs") == 0) {
		return stop_spares_of_runs();
	}
	if (strcmp(argv[1], "--pool") == 0 || strcmp(argv[1], "--all") == 0) {
		if (argc > 2) {
			return cua_cmd_usage("desktop", "stop %s takes no names", argv[1]);
		}
		/* First, so that nothing is refilled while the rest is stopped. */
		if (cua_desktop_pool_end(&error) != CUA_OK) {
			result = cua_cmd_fail(&error);
		}
	}
	if (strcmp(argv[1], "--pool") == 0) {
		return result;
	}
	if (strcmp(argv[1], "--all") != 0) {
		for (int i = 1; i < argc; i++) {
			const int one = stop_one(argv[i], false);
			result = one != CUA_EXIT_OK ? one : result;
		}
		return result;
	}
	CUA_AUTO_JSON cJSON *list = cua_desktop_list(&error);
	const cJSON *desktop = NULL;
	cJSON_ArrayForEach (desktop, list) {
		/* Its run may have ended it since. */
		const int one = stop_one(cua_json_text(desktop, "name"), true);
		result = one != CUA_EXIT_OK ? one : result;
	}
	return list ? result : cua_cmd_fail(&error);
}

/* --- reset --- */

/* What it was started with is in its record, which goes with it. */
static int desktop_reset(int argc, char **argv)
{
	const bool as_json = argc == 3 && strcmp(argv[1], "--json") == 0;
	struct desktop_record record, anew;
	struct cua_error error = { 0 };
	bool attached = false;
	if ((argc != 2 && !as_json) || argv[argc - 1][0] == '-') {
		return cua_cmd_usage("desktop", "reset takes the name of a desktop");
	}
	if (cua_desktop_find(argv[argc - 1], &record, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	const struct cua_desktop_options options = { .name = record.name,
		.settings = record.settings };
	if (cua_desktop_stop_by_name(record.name, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	if (cua_desktop_start(&options, &anew, &attached, &error) != CUA_OK) {
		cua_error_prefix(&error, "desktop %s is stopped, and does not start", record.name);
		return cua_cmd_fail(&error);
	}
	cua_desktop_options_warn("cua", &anew);
	return print_desktop(&anew, attached, as_json);
}

/* --- exec --- */

/* Copies between our descriptors and pipes of the program: our terminal stays out of the
 * sandbox, where it could be typed into. What cannot be written yet is kept and no more is read
 * meanwhile: a program that writes while it reads would otherwise wait for us, and we for it. */
struct relay {
	int from, to; /* from: -1 at its end; to: -1 once closed */
	bool closes;  /* close `to` at the end of `from`; it does not block */
	char part[16384];
	size_t len, sent;
};

static void relay_end(struct relay *relay)
{
	if (relay->closes && relay->to >= 0) {
		close(relay->to);
		relay->to = -1;
	}
	relay->from = -1;
	relay->len = relay->sent = 0;
}

static bool relay_has_part(const struct relay *relay)
{
	return relay->sent < relay->len;
}

static void relay_read(struct relay *relay)
{
	const ssize_t got = read(relay->from, relay->part, sizeof(relay->part));
	if (got > 0) {
		relay->len = (size_t)got;
		relay->sent = 0;
	} else if (got == 0 || errno != EINTR) {
		relay_end(relay);
	}
}

static void relay_write(struct relay *relay)
{
	/* So much goes into a pipe that has room without blocking. */
	const size_t left = relay->len - relay->sent;
	const ssize_t wrote = write(
			relay->to, relay->part + relay->sent, left < PIPE_BUF ? left : PIPE_BUF);
	if (wrote > 0) {
		relay->sent += (size_t)wrote;
	} else if (wrote < 0 && errno != EINTR && errno != EAGAIN) {
		relay_end(relay);
	}
}

static struct pollfd relay_wants(const struct relay *relay)
{
	return relay_has_part(relay) ? (struct pollfd){ relay->to, POLLOUT, 0 }
				     : (struct pollfd){ relay->from, POLLIN, 0 };
}

static int exit_status_of(const cJSON *answer)
{
	const cJSON *signal_number = cJSON_GetObjectItemCaseSensitive(answer, "signal");
	return cJSON_IsNumber(signal_number) ? 128 + signal_number->valueint
					     : cua_json_int(answer, "exit");
}

/* Until the program has ended and all of its output is here. */
static int exec_wait(int session_fd, int signal_fd, struct relay relays[3], struct cua_error *err)
{
	int exit_status = -1;
	while (exit_status < 0 || relays[1].from >= 0 || relays[2].from >= 0) {
		struct pollfd fds[5] = { { exit_status < 0 ? session_fd : -1, POLLIN, 0 },
			{ signal_fd, POLLIN, 0 }, relay_wants(&relays[0]), relay_wants(&relays[1]),
			relay_wants(&relays[2]) };
		if (poll(fds, 5, -1) < 0 && errno != EINTR) {
			return -1;
		}
		if (fds[1].revents) {
			return 130; /* closing the connection hangs the program up */
		}
		for (int i = 0; i < 3; i++) {
			if (!fds[i + 2].revents) {
				continue;
			}
			if (relay_has_part(&relays[i])) {
				relay_write(&relays[i]);
			} else {
				relay_read(&relays[i]);
			}
		}
		if (fds[0].revents) {
			CUA_AUTO_JSON cJSON *answer = NULL;
			if (session_answer(session_fd, -1, &answer, err) != CUA_OK) {
				return -1;
			}
			exit_status = exit_status_of(answer);
		}
	}
	return exit_status;
}

static int exec_run(
		const struct desktop_record *record, const cJSON *request, struct cua_error *err)
{
	int in[2], out[2], error_out[2], session_fd = -1;
	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 ||
			pipe2(error_out, O_CLOEXEC) != 0) {
		cua_error_set(err, CUA_ERR_IO, errno, "pipe");
		return -1;
	}
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	CUA_AUTO_FD int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	const int theirs[3] = { in[0], out[1], error_out[1] };
	enum cua_status status = session_request(record, request, theirs, &session_fd, err);
	close(in[0]);
	close(out[1]);
	close(error_out[1]);
	CUA_AUTO_JSON cJSON *started = NULL;
	if (status == CUA_OK) {
		status = session_answer(session_fd, 10000, &started, err);
	}
	int result = -1;
	if (status == CUA_OK) {
		struct relay relays[3] = { { .from = STDIN_FILENO, .to = in[1], .closes = true },
			{ .from = out[0], .to = STDOUT_FILENO },
			{ .from = error_out[0], .to = STDERR_FILENO } };
		fcntl(in[1], F_SETFL, O_NONBLOCK);
		result = exec_wait(session_fd, signal_fd, relays, err);
	}
	cua_closep(&session_fd);
	return result;
}

static int desktop_exec(int argc, char **argv)
{
	static const struct option options[] = { { "desktop", required_argument, NULL, 'd' },
		{ 0 } };
	const char *name = NULL;
	for (int option; (option = getopt_long(argc, argv, "+d:", options, NULL)) != -1;) {
		if (option != 'd') {
			return cua_cmd_usage("desktop", "wrong option for exec");
		}
		name = optarg;
	}
	if (optind >= argc) {
		return cua_cmd_usage("desktop", "exec needs a command");
	}
	struct desktop_record record;
	struct cua_error error = { 0 };
	if (cua_desktop_find(name, &record, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject();
	cJSON *words = cJSON_AddArrayToObject(request, "argv");
	for (int i = optind; i < argc; i++) {
		cJSON_AddItemToArray(words, cJSON_CreateString(argv[i]));
	}
	const int result = exec_run(&record, request, &error);
	return result < 0 ? cua_cmd_fail(&error) : result;
}

/* --- logs --- */

static int is_log(const struct dirent *entry)
{
	const size_t len = strlen(entry->d_name);
	return len > 4 && strcmp(entry->d_name + len - 4, ".log") == 0;
}

/* What applications wrote may steer a terminal; it stays as it is in a pipe. */
static void print_log(const char *name, char *text)
{
	for (char *at = text; isatty(STDOUT_FILENO) && *at; at++) {
		const bool is_c1 = (unsigned char)at[0] == 0xc2 && (unsigned char)at[1] < 0xa0;
		if (((unsigned char)*at < 0x20 && *at != '\n' && *at != '\t') || *at == 0x7f ||
				is_c1) {
			*at = '?';
		}
	}
	printf("==> %s\n%s\n", name, text);
}

/* The folder may be the sandbox's own: no link in it is followed, nor is it one itself. */
static void print_logs(const struct desktop_record *record, const char *leaf)
{
	static char tail[65536];
	char dir[CUA_PATH_MAX + 32];
	desktop_path(record, leaf, dir, sizeof(dir));
	CUA_AUTO_FD int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent **entries = NULL;
	const int count = dir_fd < 0 ? -1 : scandirat(dir_fd, ".", &entries, is_log, alphasort);
	for (int i = 0; i < count; i++) {
		CUA_AUTO_FD int fd = openat(dir_fd, entries[i]->d_name,
				O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		cua_file_tail_fd(fd, tail, sizeof(tail));
		if (tail[0]) {
			print_log(entries[i]->d_name, tail);
		}
		free(entries[i]);
	}
	free(entries);
}

static int desktop_logs(int argc, char **argv)
{
	static const struct option options[] = { { "desktop", required_argument, NULL, 'd' },
		{ 0 } };
	const char *name = NULL;
	for (int option; (option = getopt_long(argc, argv, "d:", options, NULL)) != -1;) {
		if (option != 'd') {
			return cua_cmd_usage("desktop", "wrong option for logs");
		}
		name = optarg;
	}
	name = name ? name : optind < argc ? argv[optind] : NULL;
	struct desktop_record record;
	struct cua_error error = { 0 };
	if (cua_desktop_find(name, &record, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	print_logs(&record, ".");
	print_logs(&record, "session/log");
	return CUA_EXIT_OK;
}

int cua_cmd_desktop(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = { { "start", desktop_start }, { "list", desktop_list },
		{ "stop", desktop_stop }, { "reset", desktop_reset }, { "exec", desktop_exec },
		{ "logs", desktop_logs }, { "network", cua_cmd_desktop_network },
		{ "refill", desktop_refill } };
	if (argc < 2) {
		print_help(stderr);
		return CUA_EXIT_USAGE;
	}
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if ((strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) &&
				(i < 2 || strcmp(argv[1], "exec") != 0 || i == 2)) {
			print_help(stdout);
			return CUA_EXIT_OK;
		}
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].name, argv[1]) == 0) {
			return commands[i].run(argc - 1, argv + 1);
		}
	}
	return cua_cmd_usage("desktop", "unknown command \"%s\"", argv[1]);
}

/* cua mcp: a desktop, its tools and runs for hosts of the Model Context Protocol. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <curl/curl.h>
#include <sodium.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/desktop_options.h"
#include "cua/mcp/serve_internal.h"
#include "cua/mcp_desktop.h"
#include "cua/mcp_stdio.h"

static const char usage[] =
		"Usage: cua mcp [OPTION]...\n"
		"       cua mcp --list [--offer=NAMES] [--read-only]\n"
		"\n"
		"A server of the Model Context Protocol on standard input and output, for hosts "
		"such\n"
		"as editors and chat programs: their model gets a desktop to see and act on, a "
		"shell,\n"
		"Python and files on it, and runs of cua's own. Their user gets the screen and "
		"runs\n"
		"to read (resources) and templates of runs as prompts. A host is told to start it\n"
		"so:\n"
		"\n"
		"  {\"mcpServers\": {\"cua\": {\"command\": \"cua\", \"args\": [\"mcp\"]}}}\n"
		"\n"
		"  -d, --desktop=NAME  a desktop that runs; without it the only one there is, "
		"else\n"
		"                  one is started when it is needed, and stopped at the end\n"
		"      --keep      do not stop the desktop that was started\n"
		"      --offer=NAMES   what the model is offered: groups or single tools with "
		"commas.\n"
		"                  Groups are computer, tools, runs, approvals and all; default\n"
		"                  computer,tools,runs. What a run asks a person the host is made "
		"to\n"
		"                  ask its user, if it can. With approvals the model's word "
		"counts\n"
		"                  instead: only if your host asks you before each call.\n"
		"      --read-only only what changes nothing\n"
		"      --list      print the tools that are offered so, and what hosts are told "
		"of\n"
		"                  them: reads, changes, destroys, reaches out; and end\n"
		"\n"
		"Of the desktop that is started:\n";

static const char usage_end[] =
		"\n"
		"What a host has to ask its user is the host's to know: each tool says whether it "
		"reads\n"
		"or changes something. A run is under the policy of cua run. Messages for people "
		"are\n"
		"on stderr.\n"
		"\n"
		"Exit status: 0 at the end of input; 2 wrong usage; 6 the machine failed; 128 and "
		"the\n"
		"number of a signal.\n";

struct command {
	const char *desktop, *offer;
	bool keep, read_only, list, help;
	struct cua_desktop_options new_desktop;
};

/* --- what is offered, for people --- */

static void print_tools(const struct mcp_serve *serve)
{
	for (size_t i = 0; i < serve->tool_count; i++) {
		const struct mcp_serve_tool *tool = &serve->tools[i];
		char effect[48];
		snprintf(effect, sizeof(effect), "%s%s%s",
				tool->effect & CUA_EFFECT_CHANGES ? "changes" : "reads",
				tool->effect & CUA_EFFECT_DESTROYS ? ", destroys" : "",
				tool->effect & CUA_EFFECT_REACHES_OUT ? ", reaches out" : "");
		printf("%-17s  %-30s  %s\n", tool->name, effect, tool->help);
	}
}

/* --- the server --- */

static int catch_signals(void)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Whatever else writes to standard output writes to stderr: it would be no message. */
static int take_output(void)
{
	const int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return fd >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 ? fd : -1;
}

static int signal_number(int signal_fd)
{
	struct signalfd_siginfo info;
	return read(signal_fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : SIGTERM;
}

static int serve_on(struct mcp_serve *serve, struct cua_error *error)
{
	CUA_AUTO_FD int out_fd = take_output();
	CUA_AUTO_FD int signal_fd = catch_signals();
	if (out_fd < 0 || signal_fd < 0) {
		cua_error_set(error, CUA_ERR_IO, errno, "standard output and signals");
		return cua_cmd_fail(error);
	}
	if (isatty(STDIN_FILENO)) {
		fputs("cua mcp: waiting for JSON-RPC, a message a line; cua mcp --help says how a "
		      "host is told of it\n",
				stderr);
	}
	switch (mcp_stdio_run(serve, STDIN_FILENO, out_fd, signal_fd, error)) {
	case CUA_OK:
	case CUA_ERR_CLOSED: /* who does not read does not want to know either */
		return CUA_EXIT_OK;
	case CUA_ERR_CANCELLED:
		return 128 + signal_number(signal_fd);
	default:
		return cua_cmd_fail(error);
	}
}

static int run(const struct command *command)
{
	struct cua_error error = { 0 };
	struct mcp_desktop *desktop = NULL;
	struct mcp_serve *serve = NULL;
	struct mcp_serve_options options = { .offer = command->offer,
		.read_only = command->read_only,
		.open_desktop = mcp_desktop_open };
	int exit_status = CUA_EXIT_OK;
	if (!command->list &&
			mcp_desktop_create(command->desktop, &command->new_desktop, command->keep,
					&desktop, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	options.user_data = desktop;
	if (mcp_serve_create(&options, &serve, &error) != CUA_OK) {
		exit_status = cua_cmd_usage("mcp", "%s", error.msg);
	} else if (command->list) {
		print_tools(serve);
	} else {
		exit_status = serve_on(serve, &error);
	}
	mcp_serve_destroy(serve);
	mcp_desktop_destroy(desktop);
	return exit_status;
}

/* --- the command line --- */

static int take_option(int option, struct command *command)
{
	struct cua_error error = { 0 };
	switch (option) {
	case 'd':
		command->desktop = optarg;
		return CUA_EXIT_OK;
	case 'o':
		command->offer = optarg;
		return CUA_EXIT_OK;
	case 'k':
		command->keep = true;
		return CUA_EXIT_OK;
	case 'r':
		command->read_only = true;
		return CUA_EXIT_OK;
	case 'l':
		command->list = true;
		return CUA_EXIT_OK;
	case 'h':
		command->help = true;
		return CUA_EXIT_OK;
	default:
		if (option < CUA_DESKTOP_OPTION_FIRST) {
			return cua_cmd_usage("mcp", "wrong option");
		}
		return cua_desktop_option_take(option, optarg, &command->new_desktop, &error) ==
						CUA_OK
				? CUA_EXIT_OK
				: cua_cmd_usage("mcp", "%s", error.msg);
	}
}

static int check(const struct command *command, int argc, char **argv)
{
	struct cua_error error = { 0 };
	if (optind < argc) {
		return cua_cmd_usage("mcp", "\"%s\" is no word that goes here", argv[optind]);
	}
	if (command->desktop && (command->new_desktop.given || command->keep)) {
		return cua_cmd_usage("mcp",
				"a desktop that runs keeps the options that it was "
				"started with, and stays");
	}
	return cua_desktop_options_check(&command->new_desktop, &error) == CUA_OK
			? CUA_EXIT_OK
			: cua_cmd_usage("mcp", "%s", error.msg);
}

int cua_cmd_mcp(int argc, char **argv)
{
	static const struct option own[] = { { "desktop", required_argument, NULL, 'd' },
		{ "keep", no_argument, NULL, 'k' }, { "offer", required_argument, NULL, 'o' },
		{ "read-only", no_argument, NULL, 'r' }, { "list", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' }, { 0 } };
	struct option options[CUA_DESKTOP_OPTION_ROOM];
	struct command command = { .new_desktop = { .settings = desktop_settings_default } };
	int result = CUA_EXIT_OK;
	cua_desktop_options_add(own, options);
	for (int option; result == CUA_EXIT_OK &&
			(option = getopt_long(argc, argv, "d:h", options, NULL)) != -1;) {
		result = take_option(option, &command);
	}
	if (result != CUA_EXIT_OK) {
		return result;
	}
	if (command.help) {
		fputs(usage, stdout);
		fputs(cua_desktop_options_help, stdout);
		fputs(usage_end, stdout);
		return CUA_EXIT_OK;
	}
	result = check(&command, argc, argv);
	if (result != CUA_EXIT_OK) {
		return result;
	}
	if (sodium_init() < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		fputs("cua mcp: libsodium and libcurl cannot be used\n", stderr);
		return CUA_EXIT_DESKTOP;
	}
	return run(&command);
}

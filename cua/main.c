#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/contract/action.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help; /* NULL: started by the program itself */
} commands[] = {
	{ "run", cua_cmd_run, "let a model do a task on a desktop" },
	{ "desktop", cua_cmd_desktop, "start, list and stop desktops; run programs on them" },
	{ "vnc", cua_cmd_vnc, "let people watch a desktop, or use it" },
	{ "resume", cua_cmd_resume, "give the input back to the agent" },
	{ "session", cua_cmd_session, NULL },
	{ "host", cua_cmd_host, NULL },
	{ "vnc-server", cua_cmd_vnc_server, NULL },
};

static void print_help(FILE *out)
{
	fprintf(out,
			"cua gives a model a computer: a virtual desktop in a sandbox, and an "
			"agent on it.\n"
			"\n"
			"Usage: cua COMMAND [OPTION]... [ARGUMENT]...\n"
			"\n"
			"Commands:\n");
	for (size_t i = 0; i < CUA_ARRAY_LEN(commands); i++) {
		if (commands[i].help) {
			fprintf(out, "  %-16s %s\n", commands[i].name, commands[i].help);
		}
	}
	fprintf(out,
			"\nActions on a desktop (-d NAME chooses one; needless while there is "
			"one):\n");
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		fprintf(out, "  %-16s %s\n", cua_action_table[i].name, cua_action_table[i].help);
	}
	fprintf(out,
			"\ncua COMMAND --help tells more. For a first look:\n"
			"  cua desktop start && cua open_app xterm && cua type 'echo hello' && cua "
			"key Return\n"
			"  cua screenshot -o screen.png && cua desktop stop\n");
}

int cua_cmd_fail(const struct cua_error *error)
{
	fprintf(stderr, "cua: %s\n", error->msg);
	return cua_status_class(error->status) == CUA_CLASS_CALLER ? CUA_EXIT_FAILED
								   : CUA_EXIT_DESKTOP;
}

int cua_cmd_usage(const char *command, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fprintf(stderr, "cua %s: ", command);
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\ncua %s --help tells how to use it.\n", command);
	va_end(args);
	return CUA_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return CUA_EXIT_USAGE;
	}
	const char *name = argv[1];
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		print_help(stdout);
		return CUA_EXIT_OK;
	}
	if (strcmp(name, "--version") == 0) {
		printf("cua %s\n", CUA_VERSION);
		return CUA_EXIT_OK;
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			return commands[i].run(argc - 1, argv + 1);
		}
	}
	if (cua_action_find(name)) {
		return cua_cmd_action(argc - 1, argv + 1);
	}
	fprintf(stderr, "cua: unknown command \"%s\"; cua --help lists the commands\n", name);
	return CUA_EXIT_USAGE;
}

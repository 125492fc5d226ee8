#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/contract/action.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv); /* NULL: the program cua-NAME has it */
	const char *help;                  /* NULL: started by the program itself */
} commands[] = {
	{ "run", NULL, "let a model do a task on a desktop" },
	{ "serve", NULL,
			"let people and programs start, watch and steer runs: HTTP and a web "
			"page" },
	{ "runs", NULL, "list, read, export, replay, verify and delete what was kept of runs" },
	{ "policy", NULL, "check what an agent may do, and say what would happen to a call" },
	{ "templates", NULL, "list and show what a kind of work needs, for cua run --template" },
	{ "secret", NULL, "keep passwords and keys, sealed, and say where an agent may type them" },
	{ "models", NULL, "list the models that can be used, and test them" },
	{ "mcp", NULL, "offer a desktop to the model of an editor or chat program, by MCP" },
	{ "mcp-servers", NULL, "list, add, test, approve and remove servers of tools" },
	{ "tools", NULL, "list the tools of models beside the computer, and call them" },
	{ "desktop", cua_cmd_desktop, "start, list and stop desktops; run programs on them" },
	{ "view", NULL, "see a desktop in a VNC viewer, here or through a server" },
	{ "vnc", cua_cmd_vnc, "let people watch a desktop, or use it" },
	{ "take", cua_cmd_take, "take a desktop from its agent, in private if you like" },
	{ "give", cua_cmd_give, "give it back, with a word for the model" },
	{ "resume", cua_cmd_resume, "give it back, whoever has it" },
	{ "bench", NULL, "measure it all on this machine, beside other programs" },
	{ "egress", NULL, NULL },
	{ "gateway", NULL, NULL },
	{ "session", NULL, NULL },
	{ "host", NULL, NULL },
	{ "reader", NULL, NULL },
	{ "tool-runner", NULL, NULL },
	{ "picture-check", NULL, NULL },
	{ "vnc-server", NULL, NULL },
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
			"  cua screenshot -o screen.png && cua desktop stop --all\n");
}

/* A program beside this one takes over the process, or it cannot. */
static int become(const char *command, char **argv)
{
	char program[32], path[CUA_PATH_MAX];
	struct cua_error error = { 0 };
	snprintf(program, sizeof(program), "cua-%s", command);
	argv[0] = program;
	if (cua_program_path(program, path, sizeof(path), &error) == CUA_OK) {
		execv(path, argv);
		cua_error_set(&error, CUA_ERR_IO, errno, "%s", path);
	}
	return cua_cmd_fail(&error);
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
		if (strcmp(commands[i].name, name) != 0) {
			continue;
		}
		return commands[i].run ? commands[i].run(argc - 1, argv + 1)
				       : become(name, argv + 1);
	}
	if (cua_action_find(name)) {
		return cua_cmd_action(argc - 1, argv + 1);
	}
	fprintf(stderr, "cua: unknown command \"%s\"; cua --help lists the commands\n", name);
	return CUA_EXIT_USAGE;
}

/* cua runs: what was kept of runs */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/runs/runs.h"

static const char help[] =
		"Usage: cua runs list [--json]\n"
		"       cua runs show RUN [--json]\n"
		"       cua runs attach RUN [--json]\n"
		"       cua runs status|pause|continue|cancel RUN [--json]\n"
		"       cua runs tell RUN \"TEXT\"\n"
		"       cua runs interrupt RUN [\"TEXT\"]\n"
		"       cua runs answer RUN QUESTION yes|no|\"TEXT\"\n"
		"       cua runs cost RUN\n"
		"       cua runs report RUN\n"
		"       cua runs export RUN [--format=folder|json|webp|mp4|webm] [--output=PATH]\n"
		"                           [--frame-ms=1000]\n"
		"       cua runs replay RUN [--desktop=NAME] [--json]\n"
		"       cua runs verify RUN... [--head=FILE]\n"
		"       cua runs delete RUN... | [--older-than=30d] [--keep=100] [--max-size=10G]\n"
		"\n"
		"RUN is a run as list shows it, the first characters of one, or last. Runs are "
		"kept in\n"
		"$CUA_RUNS_DIR, else in the folder runs of cua's state.\n"
		"\n"
		"list    all runs, the oldest first. broken_off: its process died; cua run "
		"--resume goes\n"
		"        on with it. USD is what the model's prices say, where they are known.\n"
		"show    what happened, a line per step; --json: the events.\n"
		"attach  the same of a run that goes on, as it happens, and its exit status at "
		"the\n"
		"        end. Ctrl-C leaves, and the run goes on.\n"
		"status  how a run that goes on stands, and what it asks, with the number of the "
		"question\n"
		"        that answer takes: of a run that was started with --attended, or on a "
		"terminal.\n"
		"        An answer is for that question alone; the first one counts.\n"
		"pause   it waits before its next call, until continue; the time does not count.\n"
		"tell    says something to the model, which hears it before its next answer.\n"
		"interrupt  breaks off what the model says or does just now, and says TEXT; "
		"without it,\n"
		"        the run waits for tell or continue.\n"
		"cancel  ends it as Ctrl-C does; cua run --resume goes on with it.\n"
		"cost    where its tokens and its money went.\n"
		"report  writes report.html again and prints where it is.\n"
		"export  the whole folder; one JSON file with the screenshots inside; the "
		"screenshots as\n"
		"        an animated WebP, or as a video if ffmpeg is installed. The format is "
		"that of\n"
		"        the end of PATH, if it has one.\n"
		"replay  runs the recorded actions on a new desktop, or on NAME, and compares its "
		"screen\n"
		"        with the recorded one after each call.\n"
		"verify  every event and screenshot is what was written, and what was signed is "
		"there.\n"
		"        --head: so is what head.json said when a copy of it was made.\n"
		"delete  runs by name; or those older than 30d, 12h, 5m; or all but the newest N; "
		"or those\n"
		"        that go over a size, 10G, 500M, the newest kept first. A run that goes on "
		"is never\n"
		"        deleted.\n"
		"\n"
		"Exit status: 0; 1 if a run is not what it was, if a replay differs, or for a "
		"wrong\n"
		"request; 2 for wrong usage; 6 if a desktop or this machine failed.\n";

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "list", runs_list },
	{ "show", runs_show },
	{ "attach", runs_attach },
	{ "status", runs_status },
	{ "tell", runs_tell },
	{ "interrupt", runs_interrupt },
	{ "pause", runs_pause },
	{ "continue", runs_continue },
	{ "cancel", runs_cancel },
	{ "answer", runs_answer },
	{ "cost", runs_cost },
	{ "report", runs_report },
	{ "export", runs_export },
	{ "replay", runs_replay },
	{ "verify", runs_verify },
	{ "delete", runs_delete },
};

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			return true;
		}
	}
	return false;
}

int cua_cmd_runs(int argc, char **argv)
{
	if (argc < 2) {
		return cua_cmd_usage("runs", "say what to do with which run");
	}
	if (asks_for_help(argc, argv)) {
		fputs(help, stdout);
		return CUA_EXIT_OK;
	}
	if (sodium_init() < 0) {
		fputs("cua runs: libsodium does not start\n", stderr);
		return CUA_EXIT_DESKTOP;
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].name, argv[1]) == 0) {
			return commands[i].run(argc - 1, argv + 1);
		}
	}
	return cua_cmd_usage("runs", "there is no \"%s\"", argv[1]);
}

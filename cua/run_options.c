#include "cua/run_options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/runs.h"
#include "cua/base/buffer.h"
#include "cua/base/util.h"
#include "cua/desktop_options.h"
#include "cua/desktop_pool.h"

#define TASK_MAX_LEN ((size_t)1 << 20)

static const char usage[] =
		"usage: cua run [OPTION...] \"TASK\"\n"
		"       cua run [OPTION...] - < TASK\n"
		"       cua run --resume RUN [OPTION...]\n"
		"\n"
		"Gives a model a desktop and a task, and prints what it does, a line per step.\n"
		"\n"
		"  --model M       a name that cua models lists, or PROVIDER/NAME; default\n"
		"                  $CUA_MODEL\n"
		"  --base-url URL  where the model is, default $CUA_BASE_URL, else the provider's\n"
		"  --api API       what is spoken there: responses, anthropic, gemini or chat;\n"
		"                  default: as the provider has it, else chat\n"
		"  --desktop NAME  a desktop that runs; without it one is started for the run\n"
		"  --keep          do not stop the desktop that was started\n"
		"  --spares N      keep N desktops ready for the next runs, each of a kind that "
		"runs\n"
		"                  wanted lately; 0: none any more. What cua desktop start --pool "
		"keeps\n"
		"                  is counted apart. Without it they stay as they are.\n"
		"  --detach        print the run's name, and let it go on without the terminal:\n"
		"                  cua runs attach NAME shows it again\n"
		"  --attended      questions wait for cua runs answer; else, without a terminal, "
		"nobody\n"
		"                  is asked, and the answer is no\n"
		"  --name NAME     of the run, like those that it would get itself; refused if "
		"there\n"
		"                  is one of that name, so that nobody starts the same twice\n"
		"  --resume RUN    go on with a run that was killed, interrupted, came to a limit "
		"or\n"
		"                  failed by model or desktop: as cua runs list calls it, or "
		"last;\n"
		"                  on its desktop if that lives. Nothing that was begun is\n"
		"                  repeated. Model and API stay what they were.\n"
		"  --policy FILE   what the agent may do, and what a person is asked; default "
		"$CUA_POLICY,\n"
		"                  else policy.yaml in ~/.config/cua, else the one that cua "
		"policy\n"
		"                  default prints. Not in the workspace, where the model could "
		"change it.\n"
		"                  Without a terminal nobody is asked, and the answer is no. A run "
		"that is\n"
		"                  resumed stays under its own without this.\n"
		"  --tools NAMES   beside the computer, names of cua tools with commas, or all;\n"
		"                  default none. They run in the desktop's sandbox, under the "
		"policy.\n"
		"  --mcp NAMES     servers of cua mcp-servers whose tools are offered, with "
		"commas,\n"
		"                  all or none; default all: what you added and approved. A call "
		"is\n"
		"                  asked about, unless your policy allows it.\n"
		"  --template T    instructions, tools, policy, model, limits and desktop for a "
		"kind of\n"
		"                  work, from a file or one that cua templates lists; options "
		"here go\n"
		"                  before it\n"
		"  --explain-cost  at the end, where the tokens and the money went\n"
		"  --json          print events as JSON lines, as events.jsonl holds them\n"
		"\n"
		"Of the desktop that is started; one that runs, and one of a run that is resumed,\n"
		"keep their own:\n";

static const char usage_end[] =
		"\n"
		"Limits, each with an exit status of its own; 0 means none:\n"
		"  --max-steps N   10  answers of the model, default 100\n"
		"  --max-time S    11  seconds, default 1800\n"
		"  --max-tokens N  12  in and out, all requests together, default none\n"
		"  --max-cost USD  13  by the model's prices, default none\n"
		"  --max-repeats N 14  the same actions on the same screen, default 6; the model "
		"is\n"
		"                      told before\n"
		"  --max-errors N  15  calls in a row that fail, default 10\n"
		"\n"
		"The key comes from $CUA_API_KEY, else from the provider's variable, "
		"$OPENAI_API_KEY\n"
		"for one; cua models names them and says how to add models. A record of the run "
		"with\n"
		"a report.html is kept in $CUA_RUNS_DIR, default the folder runs of cua's state.\n"
		"Ctrl-C ends the run with nothing held down; a second one ends it at once.\n"
		"\n"
		"Exit status: 0 done; 2 wrong usage; 3 the model gave up or refused; 5 the model "
		"or\n"
		"its API failed; 6 the desktop or this machine failed; 7 stopped by policy or by "
		"a\n"
		"person's no; 10 to 15 a limit, as above; 130 interrupted.\n";

void run_options_help(FILE *out)
{
	fputs(usage, out);
	fputs(cua_desktop_options_help, out);
	fputs(usage_end, out);
}

#define NUMBER_MAX 1e9

/* Where the limit that an option sets is; whole numbers but for money. */
static const struct number {
	int option;
	const char *name;
} numbers[] = { { 's', "--max-steps" }, { 't', "--max-time" }, { 'T', "--max-tokens" },
	{ 'C', "--max-cost" }, { 'R', "--max-repeats" }, { 'E', "--max-errors" } };

static bool parse_number(const char *text, const char *name, bool is_whole, double *ret_number)
{
	char *end = NULL;
	errno = 0;
	const double number = strtod(text, &end);
	if (errno != 0 || end == text || *end || !isfinite(number) || number < 0 ||
			number > NUMBER_MAX || (is_whole && number != floor(number))) {
		fprintf(stderr, "cua run: %s must be a %snumber from 0 to %.0f\n", name,
				is_whole ? "whole " : "", NUMBER_MAX);
		return false;
	}
	*ret_number = number;
	return true;
}

static bool parse_limit(int option, const char *text, struct agent_limits *limits)
{
	double number = 0;
	size_t i = 0;
	while (numbers[i].option != option) {
		i++;
	}
	if (!parse_number(text, numbers[i].name, option != 'C', &number)) {
		return false;
	}
	switch (option) {
	case 's':
		limits->steps = (int)number;
		break;
	case 't':
		limits->time_s = (int)number;
		break;
	case 'T':
		limits->tokens = number;
		break;
	case 'C':
		limits->usd = number;
		break;
	case 'R':
		limits->repeats = (int)number;
		break;
	default:
		limits->errors = (int)number;
	}
	return true;
}

static bool is_limit(int option)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(numbers); i++) {
		if (numbers[i].option == option) {
			return true;
		}
	}
	return false;
}

static bool parse_desktop_option(int option, struct run_options *options)
{
	struct cua_error why = { 0 };
	if (cua_desktop_option_take(option, optarg, &options->new_desktop, &why) != CUA_OK) {
		fprintf(stderr, "cua run: %s\n", why.msg);
		return false;
	}
	return true;
}

static bool parse_spares(struct run_options *options)
{
	double number = 0;
	if (!parse_number(optarg, "--spares", true, &number)) {
		return false;
	}
	if (number > CUA_DESKTOP_SPARES_MAX) {
		fprintf(stderr, "cua run: --spares must be a whole number from 0 to %d\n",
				CUA_DESKTOP_SPARES_MAX);
		return false;
	}
	options->spares = (int)number;
	return true;
}

static bool parse_option(int option, struct run_options *options)
{
	if (option >= CUA_DESKTOP_OPTION_FIRST) {
		return parse_desktop_option(option, options);
	}
	switch (option) {
	case 'm':
		options->wish.model = optarg;
		return true;
	case 'b':
		options->wish.base_url = optarg;
		return true;
	case 'a':
		options->wish.api = optarg;
		return true;
	case 'd':
		options->desktop = optarg;
		return true;
	case 'k':
		options->keep = true;
		return true;
	case 'S':
		return parse_spares(options);
	case 'D':
		options->detach = true;
		return true;
	case 'A':
		options->attended = true;
		return true;
	case 'r':
		options->resume = optarg;
		return true;
	case 'n':
		options->name = optarg;
		return true;
	case 'p':
		options->policy = optarg;
		return true;
	case 'o':
		options->tools = optarg;
		return true;
	case 'e':
		options->template_name = optarg;
		return true;
	case 'M':
		options->mcp = optarg;
		return true;
	case 'x':
		options->explain_cost = true;
		return true;
	case 'j':
		options->json = true;
		return true;
	case 'h':
		options->help = true;
		return true;
	default:
		return is_limit(option) && parse_limit(option, optarg, &options->limits);
	}
}

/* The conversation is bound to the model, and the task is in it. */
static bool check_resume(const struct run_options *options, int argc)
{
	const char *kept = optind < argc                           ? "task"
			: options->template_name                   ? "template"
			: options->wish.model || options->wish.api ? "model and API"
			: options->name                            ? "name"
			: options->tools || options->mcp           ? "tools and servers"
								   : NULL;
	if (kept) {
		fprintf(stderr, "cua run: a run that is resumed keeps its %s\n", kept);
	}
	return !kept;
}

/* What is there has its settings already. */
static bool check_desktop(const struct run_options *options)
{
	struct cua_error why = { 0 };
	if (options->spares >= 0 && (options->desktop || options->resume)) {
		fputs("cua run: --spares is of desktops that runs start\n", stderr);
		return false;
	}
	if (options->new_desktop.given && (options->desktop || options->resume)) {
		fprintf(stderr, "cua run: %s keeps the options that it was started with\n",
				options->desktop ? "a desktop that runs"
						 : "the desktop of a run that is resumed");
		return false;
	}
	if (cua_desktop_options_check(&options->new_desktop, &why) != CUA_OK) {
		fprintf(stderr, "cua run: %s\n", why.msg);
		return false;
	}
	return true;
}

/* Up to its end; the caller's, for the life of the process. NULL if it cannot be read. */
static char *read_task(void)
{
	struct cua_buffer text;
	char piece[4096];
	ssize_t len = 0;
	struct cua_error why = { 0 };
	cua_buffer_init(&text, TASK_MAX_LEN);
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && (len = read(STDIN_FILENO, piece, sizeof(piece))) > 0) {
		status = cua_buffer_append(&text, piece, (size_t)len, &why);
	}
	if (status == CUA_OK && len < 0) {
		status = CUA_FAIL(&why, CUA_ERR_IO, errno, "reading");
	}
	if (status == CUA_OK && text.data && memchr(text.data, 0, text.len)) {
		status = CUA_FAIL(&why, CUA_ERR_INVAL, 0, "there is a zero byte in it");
	}
	if (status == CUA_OK) {
		status = cua_buffer_append(&text, "", 1, &why);
	}
	if (status != CUA_OK) {
		fprintf(stderr, "cua run: the task from standard input: %s\n", why.msg);
		cua_buffer_finish(&text);
		return NULL;
	}
	return text.data;
}

static bool check_task(const struct run_options *options, int argc)
{
	const char *problem = optind >= argc ? "there is no task"
			: optind < argc - 1  ? "the task must be one argument: put it in quotes"
			: options->name && !agent_runs_is_name(options->name)
			? "--name is no name of a run: one is 20261122T111546.562Z-d12ae1b7"
			: !options->task[strspn(options->task, " \t\r\n")] ? "the task is empty"
									   : NULL;
	if (problem) {
		fprintf(stderr, "cua run: %s\n", problem);
	}
	return !problem;
}

bool run_options_parse(int argc, char **argv, struct run_options *ret_options)
{
	static const struct option own[] = {
		{ "model", required_argument, NULL, 'm' },
		{ "base-url", required_argument, NULL, 'b' },
		{ "api", required_argument, NULL, 'a' },
		{ "desktop", required_argument, NULL, 'd' },
		{ "keep", no_argument, NULL, 'k' },
		{ "spares", required_argument, NULL, 'S' },
		{ "detach", no_argument, NULL, 'D' },
		{ "attended", no_argument, NULL, 'A' },
		{ "name", required_argument, NULL, 'n' },
		{ "resume", required_argument, NULL, 'r' },
		{ "policy", required_argument, NULL, 'p' },
		{ "tools", required_argument, NULL, 'o' },
		{ "template", required_argument, NULL, 'e' },
		{ "mcp", required_argument, NULL, 'M' },
		{ "explain-cost", no_argument, NULL, 'x' },
		{ "max-steps", required_argument, NULL, 's' },
		{ "max-time", required_argument, NULL, 't' },
		{ "max-tokens", required_argument, NULL, 'T' },
		{ "max-cost", required_argument, NULL, 'C' },
		{ "max-repeats", required_argument, NULL, 'R' },
		{ "max-errors", required_argument, NULL, 'E' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct option options[CUA_DESKTOP_OPTION_ROOM];
	*ret_options = (struct run_options){ .limits = { -1, -1, -1, -1, -1, -1 },
		.spares = -1,
		.new_desktop = { .settings = desktop_settings_default } };
	cua_desktop_options_add(own, options);
	optind = 1;
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (!parse_option(option, ret_options)) {
			return false;
		}
	}
	if (ret_options->help) {
		return true;
	}
	if (!check_desktop(ret_options)) {
		return false;
	}
	if (ret_options->resume) {
		return check_resume(ret_options, argc);
	}
	ret_options->task = optind < argc ? argv[optind] : NULL;
	if (optind == argc - 1 && strcmp(argv[optind], "-") == 0) {
		ret_options->task = ret_options->read_task = read_task();
		if (!ret_options->task) {
			return false;
		}
	}
	return check_task(ret_options, argc);
}

void run_options_finish(struct run_options *options)
{
	free(options->read_task);
	options->read_task = NULL;
}

struct agent_limits run_options_limits(
		const struct run_options *options, const struct agent_limits *resumed)
{
	return agent_limits_or(&options->limits, resumed ? resumed : &cua_agent_default_limits);
}

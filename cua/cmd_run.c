#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <sodium.h>

#include "agent/agent.h"
#include "agent/model/catalogue.h"
#include "agent/model/keys.h"
#include "agent/model/retry.h"
#include "agent/run_print.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/contract/text.h"
#include "cua/run_desktop.h"

static const char usage[] =
		"usage: cua run [OPTION...] \"TASK\"\n"
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
		"  --max-steps N   answers of the model, default 100\n"
		"  --max-time S    seconds, default 1800\n"
		"  --resume RUN    go on with a run that was killed, interrupted, came to a limit "
		"or\n"
		"                  failed by model or desktop: as cua runs list calls it, or last; "
		"on\n"
		"                  its desktop if that lives. Nothing that was begun is repeated.\n"
		"                  It takes --desktop, --base-url, --max-steps, --max-time, "
		"--keep, --json\n"
		"  --json          print events as JSON lines, as events.jsonl holds them\n"
		"\n"
		"The key comes from $CUA_API_KEY, else from the provider's variable, "
		"$OPENAI_API_KEY\n"
		"for one; cua models names them and says how to add models. A record of the run "
		"with a\n"
		"report.html is kept in $CUA_RUNS_DIR, default the folder runs of cua's state.\n"
		"Ctrl-C ends the run with nothing held down; a second one ends it at once.\n"
		"\n"
		"Exit status: 0 done; 2 wrong usage; 3 the model gave up or refused; 4 a limit "
		"was\n"
		"reached; 5 the model or its API failed; 6 the desktop or this machine failed;\n"
		"7 stopped by policy or by a person's no; 130 interrupted.\n";

struct command {
	struct agent_model_wish wish;
	const char *desktop, *task, *resume;
	int max_steps, max_time_s; /* 0: not given */
	bool keep, json, help;
};

struct model {
	struct agent_model_choice choice;
	const char *key; /* of the keys; NULL if it needs none */
};

/* --- command line --- */

static bool parse_count(const char *text, const char *option, int *ret_count)
{
	char *end = NULL;
	errno = 0;
	long value = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end || value < 1 || value > 10000000) {
		fprintf(stderr, "cua run: %s must be a number from 1 to 10000000\n", option);
		return false;
	}
	*ret_count = (int)value;
	return true;
}

static const char *environment(const char *name)
{
	const char *value = getenv(name);
	return value && value[0] ? value : NULL;
}

/* The conversation is bound to the model, and the task is in it. */
static bool check_resume(const struct command *command, int argc)
{
	if (optind < argc || command->wish.model || command->wish.api) {
		fprintf(stderr, "cua run: a run that is resumed keeps its %s\n",
				optind < argc ? "task" : "model and API");
		return false;
	}
	return true;
}

static bool parse_options(int argc, char **argv, struct command *command)
{
	static const struct option long_options[] = {
		{ "model", required_argument, NULL, 'm' },
		{ "base-url", required_argument, NULL, 'b' },
		{ "api", required_argument, NULL, 'a' },
		{ "desktop", required_argument, NULL, 'd' },
		{ "keep", no_argument, NULL, 'k' },
		{ "resume", required_argument, NULL, 'r' },
		{ "max-steps", required_argument, NULL, 's' },
		{ "max-time", required_argument, NULL, 't' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	bool is_valid = true;
	int option = 0;
	optind = 1;
	while (is_valid && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 'm':
			command->wish.model = optarg;
			break;
		case 'b':
			command->wish.base_url = optarg;
			break;
		case 'a':
			command->wish.api = optarg;
			break;
		case 'd':
			command->desktop = optarg;
			break;
		case 'k':
			command->keep = true;
			break;
		case 'r':
			command->resume = optarg;
			break;
		case 's':
			is_valid = parse_count(optarg, "--max-steps", &command->max_steps);
			break;
		case 't':
			is_valid = parse_count(optarg, "--max-time", &command->max_time_s);
			break;
		case 'j':
			command->json = true;
			break;
		case 'h':
			command->help = true;
			return true;
		default:
			is_valid = false;
		}
	}
	if (is_valid && command->resume) {
		return check_resume(command, argc);
	}
	if (is_valid && optind != argc - 1) {
		fprintf(stderr, "cua run: %s\n",
				optind >= argc ? "there is no task"
					       : "the task must be one argument: put it in quotes");
		return false;
	}
	command->task = is_valid ? argv[optind] : NULL;
	return is_valid;
}

static bool check_task(const char *task)
{
	if (!task[strspn(task, " \t\r\n")]) {
		fputs("cua run: the task is empty\n", stderr);
		return false;
	}
	return true;
}

/* --- the model --- */

/* What the command line leaves out, the environment may say. */
static bool fill_wish(struct agent_model_wish *wish)
{
	if (!wish->model) {
		wish->model = environment("CUA_MODEL");
	}
	if (!wish->base_url) {
		wish->base_url = environment("CUA_BASE_URL");
	}
	if (!wish->model) {
		fputs("cua run: no model is configured. Set\n"
		      "  CUA_MODEL  the model's name, or give --model; cua models lists them\n"
		      "and its provider's key, OPENAI_API_KEY or ANTHROPIC_API_KEY for two\n"
		      "The demos need no model: demos/run.sh libreoffice\n",
				stderr);
	}
	return wish->model;
}

static bool choose_model(const struct agent_model_wish *wish,
		const struct agent_catalogue *catalogue, const struct agent_keys *keys,
		struct model *model)
{
	struct cua_error why = { 0 };
	if (agent_catalogue_choose(catalogue, wish, &model->choice, &why) != CUA_OK ||
			agent_model_check_api(model->choice.api, &why) != CUA_OK ||
			agent_keys_choose(keys, &model->choice, &model->key, &why) != CUA_OK ||
			agent_model_check_url(model->choice.base_url, model->key != NULL, &why) !=
					CUA_OK) {
		fprintf(stderr, "cua run: %s\n", why.msg);
		return false;
	}
	return true;
}

/* --- signals --- */

static int stop_fd = -1; /* for the handler, which is given nothing else */
static volatile sig_atomic_t stop_count;

static void on_stop_signal(int number)
{
	int saved_errno = errno;
	uint64_t one = 1;
	if (++stop_count > 1 || write(stop_fd, &one, sizeof(one)) < 0) {
		_exit(128 + number);
	}
	errno = saved_errno;
}

static bool catch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct sigaction action = { .sa_handler = on_stop_signal };
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; stop_fd >= 0 && i < CUA_ARRAY_LEN(numbers); i++) {
		sigaction(numbers[i], &action, NULL);
	}
	return stop_fd >= 0;
}

/* --- consent --- */

static void print_checks(const cJSON *checks)
{
	const cJSON *check = NULL;
	fputs("\nThe model's provider asks for consent before it goes on:\n", stderr);
	cJSON_ArrayForEach (check, checks) {
		const char *code = cJSON_GetStringValue(
				cJSON_GetObjectItemCaseSensitive(check, "code"));
		const char *message = cJSON_GetStringValue(
				cJSON_GetObjectItemCaseSensitive(check, "message"));
		fputs("  ", stderr);
		cua_text_line(stderr, message ? message : "(no message)", 0);
		if (code) {
			fputs(" [", stderr);
			cua_text_line(stderr, code, 80);
			fputc(']', stderr);
		}
		fputc('\n', stderr);
	}
	fputs("Go on? [y/N] ", stderr);
}

/* Only a line that is y or yes is a yes. */
static bool approve(const cJSON *checks, void *user_data)
{
	(void)user_data;
	if (!isatty(STDIN_FILENO)) {
		return false;
	}
	print_checks(checks);
	struct pollfd fds[] = { { .fd = stop_fd, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN } };
	while (poll(fds, CUA_ARRAY_LEN(fds), -1) < 0 && errno == EINTR) {
	}
	char line[16] = "";
	ssize_t len = fds[0].revents ? 0 : read(STDIN_FILENO, line, sizeof(line) - 1);
	line[len > 0 ? len : 0] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	return strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0;
}

/* --- the run --- */

static void on_event(const cJSON *event, void *user_data)
{
	agent_print_event(user_data, event);
}

static void on_words(const char *words, void *user_data)
{
	agent_print_words(user_data, words);
}

/* The limits that were given, those of the run that is resumed, the usual ones. */
static void choose_limits(const struct command *command, const struct cua_agent_resumable *resumed,
		struct cua_agent_options *options)
{
	options->max_steps = command->max_steps ? command->max_steps
			: resumed               ? resumed->max_steps
						: CUA_AGENT_DEFAULT_STEPS;
	options->max_time_s = command->max_time_s ? command->max_time_s
			: resumed                 ? resumed->max_time_s
						  : CUA_AGENT_DEFAULT_TIME_S;
}

static int run_on(const struct command *command, const struct cua_agent_resumable *resumed,
		const struct model *model, const struct run_desktop *desktop)
{
	struct agent_printer printer;
	agent_printer_init(&printer, stdout, command->json);
	struct cua_agent_options options = {
		.task = resumed ? resumed->task : command->task,
		.api = model->choice.api,
		.model = model->choice.model,
		.base_url = model->choice.base_url,
		.api_key = model->key,
		.key_header = model->choice.provider.key_header,
		.spec = &model->choice.spec,
		.desktop_socket = desktop->socket_path,
		.desktop_name = desktop->record.name,
		.desktop_created_s = desktop->record.created_s,
		.desktop_is_own = desktop->is_own,
		.desktop_is_new = desktop->is_new,
		.resume = resumed ? resumed->path : NULL,
		.cancel_fd = stop_fd,
		.model_retries = AGENT_RETRIES_MAX,
		.retry_unit = 1,
		.on_event = on_event,
		.on_words = on_words,
		.approve = approve,
		.user_data = &printer,
	};
	struct cua_agent_result result;
	choose_limits(command, resumed, &options);
	cua_agent_run(&options, &result);
	agent_print_result(&printer, &result, stderr);
	agent_printer_finish(&printer);
	run_desktop_close(desktop, command->keep, &result);
	int exit_status = cua_agent_outcome_exit(result.outcome);
	cua_agent_result_finish(&result);
	return exit_status;
}

static int run_with_desktop(const struct command *command,
		const struct cua_agent_resumable *resumed, const struct model *model)
{
	struct cua_error why = { 0 };
	struct run_desktop desktop;
	if (!catch_signals()) {
		fprintf(stderr, "cua run: %s\n", strerrordesc_np(errno));
		return CUA_EXIT_DESKTOP;
	}
	if (run_desktop_open(command->desktop, resumed, &desktop, &why) != CUA_OK) {
		fprintf(stderr, "cua run: %s\n", why.msg);
		return stop_count ? 130 : CUA_EXIT_DESKTOP;
	}
	signal(SIGPIPE, SIG_IGN); /* a reader that leaves must not leave a desktop behind */
	return run_on(command, resumed, model, &desktop);
}

/* The run's own model, and its address unless another is given. */
static int resume_command(const struct command *command, const struct agent_catalogue *catalogue,
		const struct agent_keys *keys)
{
	struct cua_agent_resumable run;
	struct cua_error why = { 0 };
	struct model model = { 0 };
	if (sodium_init() < 0 || cua_agent_resume_read(command->resume, &run, &why) != CUA_OK) {
		fprintf(stderr, "cua run: %s\n", why.msg);
		return CUA_EXIT_USAGE;
	}
	const char *other_url = command->wish.base_url;
	const struct agent_model_wish wish = {
		.model = run.model, .api = run.api, .base_url = other_url ? other_url : run.base_url
	};
	int exit_status = choose_model(&wish, catalogue, keys, &model)
			? run_with_desktop(command, &run, &model)
			: CUA_EXIT_USAGE;
	cua_agent_resumable_finish(&run);
	return exit_status;
}

static int run_command(struct command *command, const struct agent_catalogue *catalogue,
		const struct agent_keys *keys)
{
	struct model model = { 0 };
	if (command->resume) {
		return resume_command(command, catalogue, keys);
	}
	return check_task(command->task) && fill_wish(&command->wish) &&
					choose_model(&command->wish, catalogue, keys, &model)
			? run_with_desktop(command, NULL, &model)
			: CUA_EXIT_USAGE;
}

int cua_cmd_run(int argc, char **argv)
{
	struct agent_catalogue *catalogue = NULL;
	struct agent_keys *keys = NULL;
	struct cua_error why = { 0 };
	struct command command = { 0 };
	int exit_status = CUA_EXIT_USAGE;
	if (!parse_options(argc, argv, &command)) {
		fputs("Try: cua run --help\n", stderr);
	} else if (command.help) {
		fputs(usage, stdout);
		exit_status = 0;
	} else if (agent_catalogue_load(NULL, &catalogue, &why) != CUA_OK ||
			agent_keys_take(catalogue, &keys, &why) != CUA_OK) {
		fprintf(stderr, "cua run: %s\n", why.msg);
	} else {
		exit_status = run_command(&command, catalogue, keys);
	}
	agent_keys_destroy(keys);
	agent_catalogue_destroy(catalogue);
	return exit_status;
}

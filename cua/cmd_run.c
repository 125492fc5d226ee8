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
#include <sys/prctl.h>
#include <unistd.h>

#include <sodium.h>

#include "agent/agent.h"
#include "agent/model/retry.h"
#include "agent/run_print.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/contract/text.h"
#include "cua/run_desktop.h"

#define DEFAULT_BASE_URL "https://api.openai.com/v1"

static const char usage[] =
		"usage: cua run [OPTION...] \"TASK\"\n"
		"       cua run --resume RUN [OPTION...]\n"
		"\n"
		"Gives a model a desktop and a task, and prints what it does, a line per step.\n"
		"\n"
		"  --model M       the model's name; default $CUA_MODEL\n"
		"  --base-url URL  its API, spoken as OpenAI Responses; default $CUA_BASE_URL,\n"
		"                  $OPENAI_BASE_URL, " DEFAULT_BASE_URL "\n"
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
		"The key comes from $CUA_API_KEY or $OPENAI_API_KEY. A record of the run with a\n"
		"report.html is kept in $CUA_RUNS_DIR, default the folder runs of cua's state.\n"
		"Ctrl-C ends the run with nothing held down; a second one ends it at once.\n"
		"\n"
		"Exit status: 0 done; 2 wrong usage; 3 the model gave up or refused; 4 a limit "
		"was\n"
		"reached; 5 the model or its API failed; 6 the desktop or this machine failed;\n"
		"7 stopped by policy or by a person's no; 130 interrupted.\n";

struct command {
	const char *model, *base_url, *desktop, *task, *resume;
	int max_steps, max_time_s; /* 0: not given */
	bool keep, json, help;
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
	if (optind < argc || command->model) {
		fprintf(stderr, "cua run: a run that is resumed keeps its %s\n",
				command->model ? "model" : "task");
		return false;
	}
	return true;
}

static bool parse_options(int argc, char **argv, struct command *command)
{
	static const struct option long_options[] = {
		{ "model", required_argument, NULL, 'm' },
		{ "base-url", required_argument, NULL, 'b' },
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
			command->model = optarg;
			break;
		case 'b':
			command->base_url = optarg;
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

/* --- the key --- */

/* Takes a variable out of the environment and out of the memory that /proc shows. */
static char *take_variable(const char *name)
{
	char *value = getenv(name);
	if (!value) {
		return NULL;
	}
	char *copy = value[0] ? strdup(value) : NULL;
	sodium_memzero(value, strlen(value));
	unsetenv(name);
	return copy;
}

static void forget_key(char *key)
{
	if (key) {
		sodium_memzero(key, strlen(key));
		free(key);
	}
}

/* The key lives in this process alone: no child inherits it, and no other process of this user
 * can read it from memory or from a core. */
static char *take_key(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	char *ours = take_variable("CUA_API_KEY"), *theirs = take_variable("OPENAI_API_KEY");
	if (ours) {
		forget_key(theirs);
		return ours;
	}
	return theirs;
}

static bool check_key(const char *key)
{
	for (const char *at = key; at && *at; at++) {
		if (*at <= ' ' || *at > '~') {
			fputs("cua run: the API key holds a character that no key has\n", stderr);
			return false;
		}
	}
	return true;
}

/* --- the model --- */

static bool check_model(struct command *command, const char *key)
{
	if (!command->model) {
		command->model = environment("CUA_MODEL");
	}
	if (!command->base_url) {
		command->base_url = environment("CUA_BASE_URL");
	}
	if (!command->base_url) {
		command->base_url = environment("OPENAI_BASE_URL");
	}
	bool is_default = !command->base_url;
	if (is_default) {
		command->base_url = DEFAULT_BASE_URL;
	}
	if (!command->model || (is_default && !key)) {
		fprintf(stderr,
				"cua run: no model is configured. Set\n"
				"  CUA_MODEL       the model's name, or give --model%s\n"
				"  OPENAI_API_KEY  its key%s\n"
				"  CUA_BASE_URL    its API if it is not OpenAI's, or give "
				"--base-url\n"
				"The demos need no model: demos/run.sh libreoffice\n",
				command->model ? " (done)" : "", key ? " (done)" : "");
		return false;
	}
	struct cua_error why = { 0 };
	if (agent_model_check_url(command->base_url, key != NULL, &why) != CUA_OK) {
		fprintf(stderr, "cua run: %s\n", why.msg);
		return false;
	}
	return true;
}

/* The base URL without slashes at its end; the caller owns it. */
static char *trim_url(const char *base_url)
{
	size_t len = strlen(base_url);
	while (len > 0 && base_url[len - 1] == '/') {
		len--;
	}
	return strndup(base_url, len);
}

/* A proxy would see the key that plain http carries to a loopback address. */
static void bypass_proxies(const char *base_url)
{
	if (strncmp(base_url, "https", 5) != 0) {
		unsetenv("http_proxy");
		unsetenv("all_proxy");
		unsetenv("ALL_PROXY");
	}
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
		const char *base_url, const char *key, const struct run_desktop *desktop)
{
	struct agent_printer printer;
	agent_printer_init(&printer, stdout, command->json);
	struct cua_agent_options options = {
		.task = resumed ? resumed->task : command->task,
		.api = resumed ? resumed->api : "responses",
		.model = resumed ? resumed->model : command->model,
		.base_url = base_url,
		.api_key = key,
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
		const struct cua_agent_resumable *resumed, const char *base_url, const char *key)
{
	struct cua_error why = { 0 };
	struct run_desktop desktop;
	CUA_AUTO_FREE char *trimmed = trim_url(base_url);
	if (!trimmed || !catch_signals()) {
		fprintf(stderr, "cua run: %s\n", strerrordesc_np(errno));
		return CUA_EXIT_DESKTOP;
	}
	if (run_desktop_open(command->desktop, resumed, &desktop, &why) != CUA_OK) {
		fprintf(stderr, "cua run: %s\n", why.msg);
		return stop_count ? 130 : CUA_EXIT_DESKTOP;
	}
	signal(SIGPIPE, SIG_IGN); /* a reader that leaves must not leave a desktop behind */
	bypass_proxies(trimmed);
	return run_on(command, resumed, trimmed, key, &desktop);
}

static int resume_command(const struct command *command, const char *key)
{
	struct cua_agent_resumable run;
	struct cua_error why = { 0 };
	if (sodium_init() < 0 || cua_agent_resume_read(command->resume, &run, &why) != CUA_OK) {
		fprintf(stderr, "cua run: %s\n", why.msg);
		return CUA_EXIT_USAGE;
	}
	const char *base_url = command->base_url ? command->base_url : run.base_url;
	int exit_status = CUA_EXIT_USAGE;
	if (agent_model_check_url(base_url, key != NULL, &why) != CUA_OK) {
		fprintf(stderr, "cua run: %s\n", why.msg);
	} else {
		exit_status = run_with_desktop(command, &run, base_url, key);
	}
	cua_agent_resumable_finish(&run);
	return exit_status;
}

static int run_command(struct command *command, const char *key)
{
	if (!check_key(key)) {
		return CUA_EXIT_USAGE;
	}
	if (command->resume) {
		return resume_command(command, key);
	}
	return check_task(command->task) && check_model(command, key)
			? run_with_desktop(command, NULL, command->base_url, key)
			: CUA_EXIT_USAGE;
}

int cua_cmd_run(int argc, char **argv)
{
	char *key = take_key(); /* before anything else could fork or fail */
	struct command command = { 0 };
	int exit_status = CUA_EXIT_USAGE;
	if (!parse_options(argc, argv, &command)) {
		fputs("Try: cua run --help\n", stderr);
	} else if (command.help) {
		fputs(usage, stdout);
		exit_status = 0;
	} else {
		exit_status = run_command(&command, key);
	}
	forget_key(key);
	return exit_status;
}

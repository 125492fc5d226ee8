#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <sodium.h>

#include "agent/agent.h"
#include "agent/cost.h"
#include "agent/journal_read.h"
#include "agent/model/catalogue.h"
#include "agent/model/keys.h"
#include "agent/model/retry.h"
#include "agent/run_print.h"
#include "agent/secrets/store.h"
#include "cua/api/run_api.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/desktop_pool.h"
#include "cua/run_desktop.h"
#include "cua/run_detach.h"
#include "cua/run_options.h"
#include "cua/run_person.h"
#include "cua/run_template.h"
#include "cua/run_writable.h"

/* Larger blocks go back to the kernel when they are freed. glibc would raise the bound to what a
 * request took, and each request of a run is larger than the one before. */
#define KEPT_BLOCK_MAX (256 << 10)

struct model {
	struct agent_model_choice choice;
	const char *key; /* of the keys; NULL if it needs none */
};

static const char *environment(const char *name)
{
	const char *value = getenv(name);
	return value && value[0] ? value : NULL;
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

/* --- the run --- */

struct show {
	struct agent_printer printer;
	struct run_person person;
	const struct run_options *command;
	const struct run_desktop *desktop;
	int tell_fd;  /* of a run that is detached, until it has begun; else -1 */
	int *hold_fd; /* of the pool, until it has begun */
	bool has_seen_to_pool;
};

/* When the run has begun, or will not: whoever waits for it goes before who may come. */
static void see_to_pool(struct show *show)
{
	struct cua_error why = { 0 };
	if (show->has_seen_to_pool) {
		return;
	}
	show->has_seen_to_pool = true;
	desktop_pool_release(show->hold_fd);
	if (show->command->spares < 0) {
		desktop_pool_refill_later();
	} else if (cua_desktop_pool_keep_for_runs(&show->desktop->record.settings,
				   show->command->spares, &why) != CUA_OK) {
		fprintf(stderr, "cua run: no desktops are kept ready: %s\n", why.msg);
	}
}

static void on_event(const cJSON *event, void *user_data)
{
	struct show *show = user_data;
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(event, "run");
	run_api_note(show->person.api, event); /* before its name is told: who has it may call */
	if (show->tell_fd >= 0 && cJSON_IsString(name)) {
		run_detach_begun(&show->tell_fd, name->valuestring);
	}
	see_to_pool(show);
	agent_print_event(&show->printer, event);
}

static void on_words(const char *words, void *user_data)
{
	struct show *show = user_data;
	run_api_words(show->person.api, words);
	agent_print_words(&show->printer, words);
}

static enum cua_agent_consent approve(const struct cua_agent_question *question, void *user_data)
{
	struct show *show = user_data;
	return run_person_approve(&show->person, question);
}

static char *ask(const char *who, const char *question, uint64_t expires_us, void *user_data)
{
	struct show *show = user_data;
	return run_person_ask(&show->person, who, question, expires_us);
}

static char *hear(void *user_data)
{
	struct show *show = user_data;
	return run_api_hear(show->person.api);
}

static bool has_said(void *user_data)
{
	struct show *show = user_data;
	return run_api_has_said(show->person.api);
}

static bool is_paused(void *user_data)
{
	struct show *show = user_data;
	return run_api_is_paused(show->person.api);
}

static void wait_for_news(void *user_data)
{
	struct show *show = user_data;
	run_api_wait(show->person.api);
}

static void explain_cost(const char *run_dir)
{
	struct cua_error why = { 0 };
	CUA_AUTO_JSON cJSON *events = NULL;
	CUA_AUTO_FD int dir_fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0 || agent_journal_events(dir_fd, &events, &why) != CUA_OK) {
		fprintf(stderr, "cua run: the cost is not known: %s\n", why.msg);
		return;
	}
	putchar('\n');
	agent_cost_explain(stdout, events);
}

/* What a person added and approved is offered, as other programs with such a file do it. */
static const char *servers_of(const struct run_options *command)
{
	return command->mcp ? command->mcp : "all";
}

static int run_on(const struct run_options *command, const struct cua_agent_resumable *resumed,
		const struct model *model, const struct agent_policy *policy,
		const struct run_desktop *desktop, struct run_api *api, int tell_fd, int *hold_fd)
{
	const struct cua_agent_person person = { .hear = hear,
		.has_said = has_said,
		.is_paused = is_paused,
		.wait = wait_for_news,
		.interrupt_fd = run_api_interrupt_fd(api) };
	struct show show = { .command = command,
		.desktop = desktop,
		.tell_fd = tell_fd,
		.hold_fd = hold_fd,
		.person = { .api = api,
				.stop_fd = stop_fd,
				.has_terminal = isatty(STDIN_FILENO),
				.is_attended = command->attended } };
	CUA_AUTO_JSON cJSON *settings = cJSON_CreateObject();
	desktop_settings_to_json(&desktop->record.settings, settings);
	/* Who resumes it on a terminal wants it to go on; a server that does it by itself does not
	 * know. */
	if (command->attended && resumed && (resumed->is_paused || resumed->is_interrupted)) {
		run_api_pause(api, resumed->is_interrupted);
	}
	agent_printer_init(&show.printer, stdout, command->json);
	show.printer.asks_here = show.person.has_terminal;
	struct cua_agent_options options = {
		.task = resumed ? resumed->task : command->task,
		.name = command->name,
		.api = model->choice.api,
		.model = model->choice.model,
		.base_url = model->choice.base_url,
		.api_key = model->key,
		.key_header = model->choice.provider.key_header,
		.spec = &model->choice.spec,
		.secrets = command->secrets,
		.desktop_socket = desktop->socket_path,
		.desktop_name = desktop->record.name,
		.desktop_created_s = desktop->record.created_s,
		.desktop_is_own = desktop->is_own,
		.desktop_is_new = desktop->is_new,
		.desktop_settings = settings,
		.resume = resumed ? resumed->path : NULL,
		.limits = run_options_limits(command, resumed ? &resumed->limits : NULL),
		.cancel_fd = stop_fd,
		.model_retries = AGENT_RETRIES_MAX,
		.retry_unit = 1,
		.on_event = on_event,
		.on_words = on_words,
		.policy = policy,
		.tools = resumed ? resumed->tools : command->tools,
		.instructions = resumed             ? resumed->instructions
				: command->template ? command->template->instructions
						    : NULL,
		.template_name = resumed            ? resumed->template_name
				: command->template ? command->template->name
						    : NULL,
		.mcp = resumed ? resumed->mcp : servers_of(command),
		.ask = run_person_is_there(&show.person) ? ask : NULL,
		.approve = run_person_is_there(&show.person) ? approve : NULL,
		.person = &person,
		.user_data = &show,
	};
	struct cua_agent_result result;
	cua_agent_run(&options, &result);
	see_to_pool(&show);
	agent_print_result(&show.printer, &result, stderr);
	agent_printer_finish(&show.printer);
	if (command->explain_cost && result.run_dir) {
		explain_cost(result.run_dir);
	}
	run_desktop_close(desktop, command->keep, &result);
	int exit_status = cua_agent_exit_status(&result);
	cua_agent_result_finish(&result);
	return exit_status;
}

static int run_with_desktop(const struct run_options *command,
		const struct cua_agent_resumable *resumed, const struct model *model,
		const struct agent_policy *policy)
{
	struct cua_error why = { 0 };
	struct run_desktop desktop;
	int tell_fd = -1, exit_status = 0;
	CUA_AUTO_FD int hold_fd = desktop_pool_hold();
	if (command->detach && !run_detach(&tell_fd, &exit_status)) {
		return exit_status;
	}
	if (!catch_signals()) {
		fprintf(stderr, "cua run: %s\n", strerrordesc_np(errno));
		return CUA_EXIT_DESKTOP;
	}
	struct run_api *api = NULL;
	if (run_api_create(stop_fd, &api, &why) != CUA_OK) {
		fprintf(stderr, "cua run: %s\n", why.msg);
		return CUA_EXIT_DESKTOP;
	}
	if (run_desktop_open(command->desktop, &command->new_desktop, resumed, &desktop, &why) ==
			CUA_OK) {
		signal(SIGPIPE, SIG_IGN); /* a reader that leaves must not leave a desktop behind */
		exit_status = run_on(
				command, resumed, model, policy, &desktop, api, tell_fd, &hold_fd);
	} else {
		fprintf(stderr, "cua run: %s\n", why.msg);
		exit_status = stop_count ? 130 : CUA_EXIT_DESKTOP;
	}
	run_api_destroy(api);
	return exit_status;
}

static enum cua_status copy_policy(const char *name, const char *text,
		struct agent_policy **ret_policy, struct cua_error *err)
{
	return agent_policy_parse(name, text, strlen(text), ret_policy, err);
}

/* path: NULL for the default. */
static enum cua_status load_policy_file(const char *path, const struct run_writable *writable,
		struct agent_policy **ret_policy, struct cua_error *err)
{
	enum cua_status status = run_check_unwritable(writable, path, err);
	return status == CUA_OK ? agent_policy_load(path, ret_policy, err) : status;
}

/* The one that is named; else that under which the run began; else the template's; else the user's
 * own; else the default. */
static enum cua_status load_policy(const struct run_options *command,
		const struct cua_agent_resumable *resumed, const struct run_writable *writable,
		struct agent_policy **ret_policy, struct cua_error *err)
{
	char path[CUA_PATH_MAX];
	bool is_there = true;
	if (command->policy) {
		return load_policy_file(command->policy, writable, ret_policy, err);
	}
	if (resumed && resumed->policy_text) {
		return copy_policy(resumed->policy_name, resumed->policy_text, ret_policy, err);
	}
	const struct agent_policy *own = command->template ? command->template->policy : NULL;
	if (own) {
		return copy_policy(agent_policy_name(own), agent_policy_text(own), ret_policy, err);
	}
	enum cua_status status = agent_policy_path(path, sizeof(path), &is_there, err);
	return status == CUA_OK
			? load_policy_file(is_there ? path : NULL, writable, ret_policy, err)
			: status;
}

/* All that the run obeys is in its place, and there is no mistake in it. */
static enum cua_status prepare(const struct run_options *command,
		const struct cua_agent_resumable *resumed, struct agent_policy **ret_policy,
		struct cua_error *err)
{
	struct run_writable *writable = NULL;
	enum cua_status status = run_writable_find(command, resumed, &writable, err);
	if (status == CUA_OK) {
		status = run_check_own_unwritable(writable, err);
	}
	if (status == CUA_OK && command->template) {
		status = run_check_unwritable(writable, command->template->path, err);
	}
	if (status == CUA_OK && command->tools) {
		status = cua_agent_check_tools(command->tools, err);
	}
	if (status == CUA_OK) {
		status = load_policy(command, resumed, writable, ret_policy, err);
		if (status != CUA_OK) {
			cua_error_prefix(err, "the policy");
		}
	}
	run_writable_destroy(writable);
	return status;
}

/* Nothing is started under a policy with a mistake. */
static int run_under_policy(const struct run_options *command,
		const struct cua_agent_resumable *resumed, const struct model *model)
{
	struct agent_policy *policy = NULL;
	struct cua_error why = { 0 };
	if (!resumed && cua_agent_check_mcp(servers_of(command), &why) != CUA_OK) {
		fprintf(stderr, "cua run: %s\n%s", why.msg,
				command->mcp ? "" : "--mcp=none runs without these servers\n");
		return CUA_EXIT_USAGE;
	}
	if (prepare(command, resumed, &policy, &why) != CUA_OK) {
		fprintf(stderr, "cua run: %s\n", why.msg);
		return CUA_EXIT_USAGE;
	}
	const int exit_status = run_with_desktop(command, resumed, model, policy);
	agent_policy_destroy(policy);
	return exit_status;
}

/* The run's own model, and its address unless another is given. */
static int resume_command(const struct run_options *command,
		const struct agent_catalogue *catalogue, const struct agent_keys *keys)
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
			? run_under_policy(command, &run, &model)
			: CUA_EXIT_USAGE;
	cua_agent_resumable_finish(&run);
	return exit_status;
}

static int run_command(struct run_options *command, const struct agent_catalogue *catalogue,
		const struct agent_keys *keys)
{
	struct model model = { 0 };
	struct agent_template *template = NULL;
	struct cua_error why = { 0 };
	int exit_status = CUA_EXIT_USAGE;
	if (command->resume) {
		return resume_command(command, catalogue, keys);
	}
	if (run_template_take(command, &template, &why) != CUA_OK) {
		fprintf(stderr, "cua run: %s\n", why.msg);
	} else if (fill_wish(&command->wish) &&
			choose_model(&command->wish, catalogue, keys, &model)) {
		exit_status = run_under_policy(command, NULL, &model);
	}
	agent_template_destroy(template);
	return exit_status;
}

int cua_cmd_run(int argc, char **argv)
{
	struct agent_catalogue *catalogue = NULL;
	struct agent_keys *keys = NULL;
	struct agent_secrets *secrets = NULL;
	struct cua_error why = { 0 };
	struct run_options command;
	int exit_status = CUA_EXIT_USAGE;
	mallopt(M_MMAP_THRESHOLD, KEPT_BLOCK_MAX);
	if (!run_options_parse(argc, argv, &command)) {
		fputs("Try: cua run --help\n", stderr);
	} else if (command.help) {
		run_options_help(stdout);
		exit_status = 0;
	} else if (agent_catalogue_load(NULL, &catalogue, &why) != CUA_OK ||
			agent_secrets_open(&secrets, &why) != CUA_OK ||
			agent_keys_take(catalogue, secrets, &keys, &why) != CUA_OK) {
		fprintf(stderr, "cua run: %s\n", why.msg);
	} else {
		command.secrets = secrets;
		exit_status = run_command(&command, catalogue, keys);
	}
	agent_keys_destroy(keys);
	agent_secrets_close(secrets);
	agent_catalogue_destroy(catalogue);
	run_options_finish(&command);
	return exit_status;
}

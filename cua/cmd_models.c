#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "agent/model/catalogue.h"
#include "agent/model/keys.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/contract/text.h"

#define EXIT_MODEL 5 /* as of cua run */
#define TEST_TIMEOUT_US 60000000
#define TEST_IDLE_S 30

static const char usage[] =
		"usage: cua models [--json]\n"
		"       cua models test [--base-url URL] [--api API] [MODEL...]\n"
		"\n"
		"Lists the models that cua knows, with their prices in US dollars per million\n"
		"tokens, and says which keys are set. test sends one small request each: to the\n"
		"models named, as cua run --model takes them, or to the cheapest of each provider\n"
		"whose key is set.\n"
		"\n"
		"A file of yours adds models and providers and changes them: $CUA_MODELS, else\n"
		"models.json in $XDG_CONFIG_HOME/cua or ~/.config/cua:\n"
		"\n"
		"  {\"providers\": {\"office\": {\"api\": \"chat\", \"keys\": [\"OFFICE_KEY\"],\n"
		"                            \"base_url\": \"https://llm.example/v1\"}},\n"
		"   \"models\": {\"our-model\": {\"provider\": \"office\", \"prices\": {\"input\": "
		"1}}}}\n"
		"\n"
		"Exit status: 0; 2 wrong usage or file; 5 a model did not pass its test.\n";

struct command {
	struct agent_model_wish wish;
	bool json, help, test;
	char **names; /* NULL-terminated */
};

struct models {
	struct agent_catalogue *catalogue;
	struct agent_keys *keys;
	struct agent_secrets *secrets;
};

/* --- the list --- */

static const char *key_variable(const struct models *models, const struct agent_provider *provider)
{
	const char *variable = NULL;
	return agent_keys_of_provider(models->keys, provider, &variable) ? variable : NULL;
}

static void print_price(double price)
{
	if (isnan(price)) {
		printf(" %8s", "?");
	} else {
		printf(" %8.3f", price);
	}
}

static void print_model(const struct models *models, const struct agent_model_choice *choice)
{
	const struct agent_prices *prices = &choice->spec.prices;
	const char *variable = key_variable(models, &choice->provider);
	cua_text_line(stdout, choice->model, 0);
	int pad = 40 - (int)strlen(choice->model);
	printf("%*s %-10s %-10s %-8s", pad > 0 ? pad : 0, "", choice->provider.name, choice->api,
			variable                            ? "set"
					: choice->needs_key ? "not set"
							    : "needless");
	print_price(prices->input);
	print_price(prices->cached);
	print_price(prices->output);
	puts(prices->confirmed || isnan(prices->input) ? "" : " *");
}

static void print_providers(const struct models *models)
{
	const struct agent_provider *provider = NULL;
	puts("\nOther models of a provider are PROVIDER/NAME:");
	for (size_t i = 0; (provider = agent_catalogue_provider(models->catalogue, i)); i++) {
		const char *variable = key_variable(models, provider);
		printf("  %-11s %-10s %s", provider->name, provider->api, provider->base_url);
		if (variable) {
			printf("  key: %s", variable);
		} else if (provider->needs_key) {
			printf("  set %s", provider->keys[0]);
		}
		if (provider->note[0]) {
			fputs("  (", stdout);
			cua_text_line(stdout, provider->note, 0);
			putchar(')');
		}
		putchar('\n');
	}
}

static void print_list(const struct models *models)
{
	char path[CUA_PATH_MAX] = "";
	const char *name = NULL;
	printf("%-40s %-10s %-10s %-8s %8s %8s %8s\n", "MODEL", "PROVIDER", "API", "KEY", "IN",
			"CACHED", "OUT");
	for (size_t i = 0; (name = agent_catalogue_model(models->catalogue, i)); i++) {
		const struct agent_model_wish wish = { .model = name };
		struct agent_model_choice choice;
		if (agent_catalogue_choose(models->catalogue, &wish, &choice, NULL) == CUA_OK) {
			print_model(models, &choice);
		}
	}
	puts("US dollars per million tokens; ? is not known, * not confirmed by the vendor.");
	print_providers(models);
	if (agent_catalogue_path(path, sizeof(path), NULL) == CUA_OK) {
		printf("\nYours go into %s (cua models --help).\n", path);
	}
}

/* --- the same as JSON --- */

static void add_number(cJSON *to, const char *name, double value, bool is_known)
{
	if (is_known) {
		cJSON_AddNumberToObject(to, name, value);
	} else {
		cJSON_AddNullToObject(to, name);
	}
}

static void add_key(cJSON *to, const struct models *models, const struct agent_provider *provider)
{
	const char *variable = key_variable(models, provider);
	cJSON *keys = cJSON_AddArrayToObject(to, "keys");
	for (size_t k = 0; k < AGENT_PROVIDER_KEYS_MAX && provider->keys[k][0]; k++) {
		cJSON_AddItemToArray(keys, cJSON_CreateString(provider->keys[k]));
	}
	cJSON_AddBoolToObject(to, "key_set", variable != NULL);
	cJSON_AddBoolToObject(to, "needs_key", provider->needs_key);
}

static cJSON *model_json(const struct models *models, const struct agent_model_choice *choice)
{
	const struct agent_model_spec *spec = &choice->spec;
	const struct agent_prices *prices = &spec->prices;
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "name", choice->model);
	cJSON_AddStringToObject(json, "provider", choice->provider.name);
	cJSON_AddStringToObject(json, "api", choice->api);
	cJSON_AddStringToObject(json, "base_url", choice->base_url);
	add_key(json, models, &choice->provider);
	add_number(json, "context", spec->context, spec->context > 0);
	add_number(json, "max_output", spec->max_output, spec->max_output > 0);
	cJSON *money = cJSON_AddObjectToObject(json, "prices");
	add_number(money, "input", prices->input, !isnan(prices->input));
	add_number(money, "cached", prices->cached, !isnan(prices->cached));
	add_number(money, "cache_write", prices->cache_write, !isnan(prices->cache_write));
	add_number(money, "output", prices->output, !isnan(prices->output));
	cJSON_AddBoolToObject(money, "confirmed", prices->confirmed);
	if (spec->note[0]) {
		cJSON_AddStringToObject(json, "note", spec->note);
	}
	return json;
}

static void print_json(const struct models *models)
{
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	const struct agent_provider *provider = NULL;
	const char *name = NULL;
	cJSON *list = cJSON_AddArrayToObject(json, "models");
	for (size_t i = 0; (name = agent_catalogue_model(models->catalogue, i)); i++) {
		const struct agent_model_wish wish = { .model = name };
		struct agent_model_choice choice;
		if (agent_catalogue_choose(models->catalogue, &wish, &choice, NULL) == CUA_OK) {
			cJSON_AddItemToArray(list, model_json(models, &choice));
		}
	}
	list = cJSON_AddArrayToObject(json, "providers");
	for (size_t i = 0; (provider = agent_catalogue_provider(models->catalogue, i)); i++) {
		cJSON *entry = cJSON_CreateObject();
		cJSON_AddStringToObject(entry, "name", provider->name);
		cJSON_AddStringToObject(entry, "api", provider->api);
		cJSON_AddStringToObject(entry, "base_url", provider->base_url);
		add_key(entry, models, provider);
		cJSON_AddItemToArray(list, entry);
	}
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	puts(text ? text : "{}");
}

/* --- tests --- */

static enum cua_status ask(const struct agent_model_choice *choice, const char *key,
		struct agent_turn *ret_turn, struct cua_error *err)
{
	struct agent_model *model = NULL;
	const struct agent_model_config config = {
		.api = choice->api,
		.model = choice->model,
		.base_url = choice->base_url,
		.api_key = key,
		.key_header = choice->provider.key_header,
		.spec = &choice->spec,
		.is_probe = true,
		.session = "cua-models-test",
		.screen = { 1280, 800 },
		.cancel_fd = -1,
		.idle_timeout_s = TEST_IDLE_S,
	};
	enum cua_status status = agent_model_check_url(choice->base_url, key != NULL, err);
	if (status == CUA_OK) {
		status = agent_model_create(&config, &model, err);
	}
	if (status == CUA_OK) {
		status = agent_model_add_user(model, "Answer with the one word ok.", NULL, err);
	}
	if (status == CUA_OK) {
		status = agent_model_ask(model, cua_now_us() + TEST_TIMEOUT_US, ret_turn, err);
	}
	agent_model_destroy(model);
	return status;
}

/* Whatever the model says to it, also that it is cut short: address, key and name are right. */
static bool test_one(const struct agent_model_choice *choice, const char *key)
{
	struct agent_turn turn;
	struct cua_error why = { 0 };
	printf("%s at %s (%s): ", choice->model, choice->base_url, choice->api);
	fflush(stdout);
	if (ask(choice, key, &turn, &why) != CUA_OK) {
		cua_text_line(stdout, why.msg, 0);
		putchar('\n');
		return false;
	}
	double cost = agent_usage_cost(&choice->spec.prices, &turn.usage);
	printf("ok, %.1f s, tokens %.0f in, %.0f out", turn.ms / 1000.0, turn.usage.input_tokens,
			turn.usage.output_tokens);
	if (!isnan(cost)) {
		printf(", $%.6f", cost);
	}
	putchar('\n');
	agent_turn_finish(&turn);
	return true;
}

static bool test_named(const struct models *models, const struct agent_model_wish *wish)
{
	struct agent_model_choice choice;
	struct cua_error why = { 0 };
	const char *key = NULL;
	if (agent_catalogue_choose(models->catalogue, wish, &choice, &why) != CUA_OK ||
			agent_keys_choose(models->keys, &choice, &key, &why) != CUA_OK) {
		printf("%s\n", why.msg);
		return false;
	}
	return test_one(&choice, key);
}

static bool find_cheapest(const struct models *models, const struct agent_provider *provider,
		struct agent_model_choice *ret_choice)
{
	const char *name = NULL;
	double least = (double)INFINITY;
	for (size_t i = 0; (name = agent_catalogue_model(models->catalogue, i)); i++) {
		const struct agent_model_wish wish = { .model = name };
		struct agent_model_choice choice;
		if (agent_catalogue_choose(models->catalogue, &wish, &choice, NULL) == CUA_OK &&
				strcmp(choice.provider.name, provider->name) == 0 &&
				choice.spec.prices.input < least) {
			least = choice.spec.prices.input;
			*ret_choice = choice;
		}
	}
	return isfinite(least);
}

/* CUA_API_KEY is nobody's in particular, so it goes to none of them. */
static bool test_providers(const struct models *models)
{
	const struct agent_provider *provider = NULL;
	bool is_good = true;
	int tested = 0;
	for (size_t i = 0; (provider = agent_catalogue_provider(models->catalogue, i)); i++) {
		const char *variable = NULL;
		const char *key = agent_keys_of_provider(models->keys, provider, &variable);
		struct agent_model_choice choice;
		if (key && find_cheapest(models, provider, &choice)) {
			is_good = test_one(&choice, key) && is_good;
			tested++;
		}
	}
	if (tested == 0) {
		puts("No key of a provider with listed models is set: cua models names the "
		     "variables. Or name a model.");
	}
	return is_good && tested > 0;
}

static bool run_tests(const struct models *models, const struct command *command)
{
	bool is_good = true;
	if (!command->names[0]) {
		return test_providers(models);
	}
	for (char **name = command->names; *name; name++) {
		struct agent_model_wish wish = command->wish;
		wish.model = *name;
		is_good = test_named(models, &wish) && is_good;
	}
	return is_good;
}

/* --- the command --- */

static bool parse_options(int argc, char **argv, struct command *command)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "base-url", required_argument, NULL, 'b' },
		{ "api", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 'j':
			command->json = true;
			break;
		case 'b':
			command->wish.base_url = optarg;
			break;
		case 'a':
			command->wish.api = optarg;
			break;
		case 'h':
			command->help = true;
			return true;
		default:
			return false;
		}
	}
	command->test = optind < argc && strcmp(argv[optind], "test") == 0;
	command->names = argv + optind + (command->test ? 1 : 0);
	bool is_bare = !command->wish.base_url && !command->wish.api;
	if (command->test ? command->json || (!command->names[0] && !is_bare)
			  : command->names[0] || !is_bare) {
		fputs("cua models: these do not go together\n", stderr);
		return false;
	}
	return true;
}

static int run_command(const struct command *command)
{
	struct models models = { 0 };
	struct cua_error why = { 0 };
	int exit_status = CUA_EXIT_USAGE;
	if (sodium_init() < 0 || agent_catalogue_load(NULL, &models.catalogue, &why) != CUA_OK ||
			agent_secrets_open(&models.secrets, &why) != CUA_OK ||
			agent_keys_take(models.catalogue, models.secrets, &models.keys, &why) !=
					CUA_OK) {
		fprintf(stderr, "cua models: %s\n", why.msg);
	} else if (command->test) {
		exit_status = run_tests(&models, command) ? CUA_EXIT_OK : EXIT_MODEL;
	} else {
		(command->json ? print_json : print_list)(&models);
		exit_status = CUA_EXIT_OK;
	}
	agent_keys_destroy(models.keys);
	agent_secrets_close(models.secrets);
	agent_catalogue_destroy(models.catalogue);
	return exit_status;
}

int cua_cmd_models(int argc, char **argv)
{
	struct command command = { 0 };
	signal(SIGPIPE, SIG_IGN);
	if (!parse_options(argc, argv, &command)) {
		fputs("Try: cua models --help\n", stderr);
		return CUA_EXIT_USAGE;
	}
	if (command.help) {
		fputs(usage, stdout);
		return CUA_EXIT_OK;
	}
	return run_command(&command);
}

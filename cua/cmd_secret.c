#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bsd/readpassphrase.h>
#include <sodium.h>

#include "agent/event.h"
#include "agent/journal_read.h"
#include "agent/runs.h"
#include "agent/secrets/store.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/contract/text.h"

static const char usage[] =
		"usage: cua secret set NAME --window=PATTERN... --origin=URL...\n"
		"       cua secret set --api-key NAME\n"
		"       cua secret list [--json]\n"
		"       cua secret show-uses NAME [--json]\n"
		"       cua secret sign NAME\n"
		"       cua secret remove NAME\n"
		"\n"
		"Keeps passwords and keys, sealed with a key of this user's. The value is read "
		"from "
		"the\n"
		"terminal without showing it, or from standard input; nothing ever prints it. "
		"sign\n"
		"prints the HMAC-SHA256 of standard input by an --api-key, in base64.\n"
		"\n"
		"A model writes {{secret:NAME}} in a text that it types, and never sees the value. "
		"It is\n"
		"typed only where you say, and if the policy lets it, which asks a person by "
		"default:\n"
		"\n"
		"  --window=PATTERN   a window whose class, or whose title unless it is a "
		"browser's, fits\n"
		"                     the pattern ('Pinentry*'); may be given again\n"
		"  --origin=URL       a field of a page of exactly this origin "
		"(https://login.example.org),\n"
		"                     in a browser; may be given again\n"
		"  --api-key          a key of a model, under the name of its variable "
		"(OPENAI_API_KEY):\n"
		"                     cua run takes it where the environment has none; it is "
		"never typed\n"
		"  --json             for programs\n"
		"\n"
		"  pass show bank | cua secret set BANK --origin=https://bank.example\n"
		"  cua secret set --api-key ANTHROPIC_API_KEY\n"
		"\n"
		"Exit status: 0; 1 there is none of that name, or it failed; 2 wrong usage or "
		"value.\n";

struct options {
	bool json, help, is_api_key;
	cJSON *windows, *origins; /* owned */
	const char *name;         /* NULL: none was given */
};

static int fail(const struct cua_error *why)
{
	fputs("cua secret: ", stderr);
	cua_text_line(stderr, why->msg, 0);
	fputc('\n', stderr);
	return why->status == CUA_ERR_INVAL || why->status == CUA_ERR_TOO_LARGE ? CUA_EXIT_USAGE
										: CUA_EXIT_FAILED;
}

static void print_json(const cJSON *json)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	puts(text ? text : "{}");
}

/* --- set --- */

/* One line break at its end is that of the program that wrote it. */
static bool read_stdin(char *value, size_t size, struct cua_error *err)
{
	size_t len = 0;
	ssize_t got = 0;
	while (len < size - 1 && (got = read(STDIN_FILENO, value + len, size - 1 - len)) > 0) {
		len += (size_t)got;
	}
	if (got < 0) {
		cua_error_set(err, CUA_ERR_IO, errno, "standard input");
		return false;
	}
	len -= len > 0 && value[len - 1] == '\n';
	len -= len > 0 && value[len - 1] == '\r';
	value[len] = '\0';
	if (strlen(value) != len) {
		cua_error_set(err, CUA_ERR_INVAL, 0, "the value holds a NUL character");
		return false;
	}
	return true;
}

static bool read_terminal(const char *name, char *value, size_t size, struct cua_error *err)
{
	char prompt[AGENT_SECRET_PLACE_BYTES_MAX];
	char *again = sodium_malloc(size);
	snprintf(prompt, sizeof(prompt), "Value of %.64s: ", name);
	bool is_read = again && readpassphrase(prompt, value, size, RPP_REQUIRE_TTY) &&
			readpassphrase("Once more: ", again, size, RPP_REQUIRE_TTY);
	if (!is_read) {
		cua_error_set(err, CUA_ERR_CANCELLED, 0, "no value was given");
	} else if (strcmp(value, again) != 0) {
		cua_error_set(err, CUA_ERR_INVAL, 0, "the two are not the same");
		is_read = false;
	}
	sodium_free(again);
	return is_read;
}

static enum cua_status keep(const struct options *options, const char *value, struct cua_error *err)
{
	struct agent_secrets *secrets = NULL;
	enum cua_status status = agent_secrets_edit(&secrets, err);
	if (status == CUA_OK) {
		status = agent_secrets_set(secrets, options->name, value, options->is_api_key,
				options->windows, options->origins, err);
	}
	if (status == CUA_OK) {
		status = agent_secrets_save(secrets, err);
	}
	agent_secrets_close(secrets);
	return status;
}

static int set(const struct options *options)
{
	struct cua_error why = { 0 };
	const size_t size = AGENT_SECRET_VALUE_MAX + 3; /* too long is seen to be so */
	char *value = sodium_malloc(size);
	if (!value) {
		cua_error_set(&why, CUA_ERR_NOMEM, ENOMEM, "secret");
		return fail(&why);
	}
	const bool is_read = isatty(STDIN_FILENO) ? read_terminal(options->name, value, size, &why)
						  : read_stdin(value, size, &why);
	const bool is_kept = is_read && keep(options, value, &why) == CUA_OK;
	sodium_free(value);
	return is_kept ? CUA_EXIT_OK : fail(&why);
}

/* --- list --- */

static cJSON *describe(const struct agent_secret *secret)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "name", secret->name);
	cJSON_AddStringToObject(json, "kind", secret->is_api_key ? "api_key" : "typed");
	cJSON_AddItemToObject(json, "windows", cJSON_Duplicate(secret->windows, true));
	cJSON_AddItemToObject(json, "origins", cJSON_Duplicate(secret->origins, true));
	cJSON_AddNumberToObject(json, "set", (double)secret->set_s);
	return json;
}

static void print_places(const char *what, const cJSON *places)
{
	const cJSON *place = NULL;
	cJSON_ArrayForEach (place, places) {
		printf("  %s ", what);
		cua_text_line(stdout, place->valuestring, 0);
	}
}

static void print_secret(const struct agent_secret *secret)
{
	char day[16];
	struct tm local;
	const time_t set_s = (time_t)secret->set_s;
	strftime(day, sizeof(day), "%F", localtime_r(&set_s, &local));
	printf("%-32s  %s", secret->name, day);
	if (secret->is_api_key) {
		fputs("  key of a model", stdout);
	}
	print_places("window", secret->windows);
	print_places("origin", secret->origins);
	putchar('\n');
}

static int list(const struct options *options)
{
	struct agent_secrets *secrets = NULL;
	struct cua_error why = { 0 };
	CUA_AUTO_JSON cJSON *all = cJSON_CreateArray();
	const struct agent_secret *secret = NULL;
	if (agent_secrets_open(&secrets, &why) != CUA_OK) {
		return fail(&why);
	}
	for (size_t i = 0; (secret = agent_secrets_get(secrets, i)); i++) {
		if (options->json) {
			cJSON_AddItemToArray(all, describe(secret));
		} else {
			print_secret(secret);
		}
	}
	if (options->json) {
		print_json(all);
	}
	agent_secrets_close(secrets);
	return CUA_EXIT_OK;
}

/* --- show-uses --- */

/* The uses of one secret in the runs that are kept. */
struct uses {
	const char *name, *run;
	cJSON *list; /* owned */
};

static bool names(const cJSON *event, const char *name)
{
	const cJSON *named = NULL;
	cJSON_ArrayForEach (named, cua_json_member(event, "secrets")) {
		if (cJSON_IsString(named) && strcmp(named->valuestring, name) == 0) {
			return true;
		}
	}
	return false;
}

/* An intent begins a use; the result of its call says what came of it. */
static enum cua_status take_event(cJSON **event, void *user_data, struct cua_error *err)
{
	struct uses *uses = user_data;
	cJSON *last = cJSON_GetArrayItem(uses->list, cJSON_GetArraySize(uses->list) - 1);
	const char *call = cua_json_text(*event, "call_id");
	(void)err;
	if (agent_event_is(*event, "intent") && names(*event, uses->name)) {
		cJSON *use = cJSON_CreateObject();
		cJSON_AddStringToObject(use, "run", uses->run);
		cJSON_AddStringToObject(use, "time", cua_json_text(*event, "time"));
		cJSON_AddStringToObject(use, "call_id", call);
		cJSON_AddStringToObject(use, "status", "uncertain");
		cJSON_AddItemToArray(uses->list, use);
	} else if (agent_event_is(*event, "result") && call[0] &&
			strcmp(cua_json_text(last, "run"), uses->run) == 0 &&
			strcmp(cua_json_text(last, "call_id"), call) == 0) {
		const cJSON *window = cua_json_member(*event, "focused");
		cJSON_ReplaceItemInObjectCaseSensitive(last, "status",
				cJSON_CreateString(cua_json_text(*event, "status")));
		cJSON_AddStringToObject(last, "window", cua_json_text(window, "class"));
		cJSON_AddStringToObject(last, "message", cua_json_text(*event, "message"));
	}
	return CUA_OK;
}

static enum cua_status collect(struct uses *uses, struct cua_error *err)
{
	struct agent_run_summary *runs = NULL;
	size_t count = 0;
	enum cua_status status = agent_runs_list(&runs, &count, err);
	for (size_t i = 0; status == CUA_OK && i < count; i++) {
		struct cua_error ignored; /* a run that cannot be read says nothing */
		CUA_AUTO_FD int dir_fd = open(runs[i].path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		uses->run = runs[i].id;
		if (dir_fd >= 0) {
			(void)!agent_journal_each(dir_fd, take_event, uses, &ignored);
		}
	}
	if (status == CUA_OK) {
		agent_runs_free(runs, count);
	}
	return status;
}

static void print_use(const cJSON *use)
{
	printf("%s  %s  %-9s  ", cua_json_text(use, "time"), cua_json_text(use, "run"),
			cua_json_text(use, "status"));
	cua_text_line(stdout, cua_json_text(use, "window"), 40);
	if (cua_json_text(use, "message")[0]) {
		fputs("  ", stdout);
		cua_text_line(stdout, cua_json_text(use, "message"), 0);
	}
	putchar('\n');
}

static int show_uses(const struct options *options)
{
	struct cua_error why = { 0 };
	struct uses uses = { .name = options->name };
	CUA_AUTO_JSON cJSON *all = cJSON_CreateArray();
	const cJSON *use = NULL;
	uses.list = all;
	if (collect(&uses, &why) != CUA_OK) {
		return fail(&why);
	}
	if (options->json) {
		print_json(all);
		return CUA_EXIT_OK;
	}
	cJSON_ArrayForEach (use, all) {
		print_use(use);
	}
	return CUA_EXIT_OK;
}

/* --- remove --- */

static int remove_one(const struct options *options)
{
	struct agent_secrets *secrets = NULL;
	struct cua_error why = { 0 };
	enum cua_status status = agent_secrets_edit(&secrets, &why);
	if (status == CUA_OK) {
		status = agent_secrets_remove(secrets, options->name, &why);
	}
	if (status == CUA_OK) {
		status = agent_secrets_save(secrets, &why);
	}
	agent_secrets_close(secrets);
	return status == CUA_OK ? CUA_EXIT_OK : fail(&why);
}

/* --- sign --- */

/* The message is no secret; the key stays where it is. Source: RFC 2104. */
static bool sign_stdin(const struct agent_secret *secret)
{
	unsigned char bytes[16384], mac[crypto_auth_hmacsha256_BYTES];
	char text[sodium_base64_ENCODED_LEN(
			crypto_auth_hmacsha256_BYTES, sodium_base64_VARIANT_ORIGINAL)];
	crypto_auth_hmacsha256_state state;
	ssize_t got = 0;
	crypto_auth_hmacsha256_init(
			&state, (const unsigned char *)secret->value, strlen(secret->value));
	while ((got = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0) {
		crypto_auth_hmacsha256_update(&state, bytes, (unsigned long long)got);
	}
	crypto_auth_hmacsha256_final(&state, mac);
	sodium_memzero(&state, sizeof(state));
	sodium_bin2base64(text, sizeof(text), mac, sizeof(mac), sodium_base64_VARIANT_ORIGINAL);
	return got == 0 && puts(text) >= 0;
}

static int sign(const struct options *options)
{
	struct agent_secrets *secrets = NULL;
	struct cua_error why = { 0 };
	enum cua_status status = agent_secrets_open(&secrets, &why);
	const struct agent_secret *secret =
			status == CUA_OK ? agent_secrets_find(secrets, options->name) : NULL;
	if (status == CUA_OK && (!secret || !secret->is_api_key)) {
		status = CUA_FAIL(&why, CUA_ERR_NOT_FOUND, 0, "there is no --api-key %.64s",
				options->name);
	}
	if (status == CUA_OK && !sign_stdin(secret)) {
		status = CUA_FAIL(&why, CUA_ERR_IO, errno, "standard input");
	}
	agent_secrets_close(secrets);
	return status == CUA_OK ? CUA_EXIT_OK : fail(&why);
}

/* --- the command --- */

static bool parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = { { "window", required_argument, NULL, 'w' },
		{ "origin", required_argument, NULL, 'o' }, { "api-key", no_argument, NULL, 'k' },
		{ "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { 0 } };
	options->windows = cJSON_CreateArray();
	options->origins = cJSON_CreateArray();
	for (int option; (option = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
		if (option == 'w') {
			cJSON_AddItemToArray(options->windows, cJSON_CreateString(optarg));
		} else if (option == 'o') {
			cJSON_AddItemToArray(options->origins, cJSON_CreateString(optarg));
		} else if (option == 'k') {
			options->is_api_key = true;
		} else if (option == 'j') {
			options->json = true;
		} else if (option == 'h') {
			options->help = true;
		} else {
			return false;
		}
	}
	options->name = optind < argc ? argv[optind] : NULL;
	return options->help || argc - optind <= 1;
}

static const struct {
	const char *name;
	bool wants_name;
	int (*run)(const struct options *options);
} verbs[] = { { "set", true, set }, { "list", false, list }, { "show-uses", true, show_uses },
	{ "sign", true, sign }, { "remove", true, remove_one } };

static int run_verb(int argc, char **argv, struct options *options)
{
	const char *name = argc > 1 ? argv[1] : "";
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		fputs(usage, stdout);
		return CUA_EXIT_OK;
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(verbs); i++) {
		if (strcmp(verbs[i].name, name) != 0) {
			continue;
		}
		if (!parse(argc - 1, argv + 1, options)) {
			/* A value as an argument would stand in the list of processes. */
			return cua_cmd_usage("secret",
					"%s takes %s and options; a value is never an argument",
					name, verbs[i].wants_name ? "one name" : "no name");
		}
		if (options->help) {
			fputs(usage, stdout);
			return CUA_EXIT_OK;
		}
		if (verbs[i].wants_name != (options->name != NULL)) {
			return cua_cmd_usage("secret", "%s takes %s", name,
					verbs[i].wants_name ? "a name" : "no name");
		}
		return verbs[i].run(options);
	}
	return cua_cmd_usage("secret", "say set, list, show-uses, sign or remove");
}

int cua_cmd_secret(int argc, char **argv)
{
	struct options options = { 0 };
	struct cua_error why = { 0 };
	agent_secrets_shut_memory();
	if (sodium_init() < 0) {
		cua_error_set(&why, CUA_ERR_UNAVAILABLE, 0, "libsodium does not start");
		return fail(&why);
	}
	const int status = run_verb(argc, argv, &options);
	cJSON_Delete(options.windows);
	cJSON_Delete(options.origins);
	return status;
}

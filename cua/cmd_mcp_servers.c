#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "agent/mcp/mcp_pins.h"
#include "agent/mcp/mcp_server.h"
#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/contract/text.h"

#define LIST_MAX 64

static const char usage[] =
		"usage: cua mcp-servers list [--json]\n"
		"       cua mcp-servers add NAME [OPTION]... -- COMMAND [ARGUMENT]...\n"
		"       cua mcp-servers add NAME [--header 'Name: value']... [--sse] [--replace] "
		"URL\n"
		"       cua mcp-servers test [--json] [NAME]...\n"
		"       cua mcp-servers approve [--yes] [--json] NAME\n"
		"       cua mcp-servers remove NAME\n"
		"\n"
		"Servers of the Model Context Protocol, whose tools cua run offers to a model "
		"once they\n"
		"are approved. They stand in $CUA_MCP_SERVERS, else mcpServers.json in\n"
		"$XDG_CONFIG_HOME/cua or ~/.config/cua, in\n"
		"the form that other programs take, too. ${NAME} and ${NAME:-default} in it are "
		"replaced\n"
		"by variables of the environment.\n"
		"\n"
		"A command runs in a sandbox of its own: without a network, without your "
		"environment,\n"
		"with a home of its own, and with no folder but /usr and /opt. It gets what is "
		"named:\n"
		"\n"
		"  --env NAME=VALUE   a variable; 'TOKEN=${TOKEN}' passes one on (in single "
		"quotes)\n"
		"  --read FOLDER      a folder that it may read, at the same path\n"
		"  --write FOLDER     a folder that it may change, at the same path\n"
		"  --network          the network of this machine\n"
		"  --sse              of a URL: it speaks HTTP as it was in 2024-11-05\n"
		"  --replace          in the place of one of the same name\n"
		"\n"
		"test starts the servers, and says what they speak, how long that takes and which "
		"tools\n"
		"they have. No model gets a tool before approve has shown its description to you "
		"and you\n"
		"said yes; one whose description changes waits for approve again.\n"
		"\n"
		"  cua mcp-servers add files --write ~/papers -- npx -y \\\n"
		"      @modelcontextprotocol/server-filesystem ~/papers\n"
		"\n"
		"Exit status: 0; 1 a server failed, or nobody said yes; 2 wrong usage or file.\n";

struct options {
	bool json, help, yes, replace, network, sse;
	const char *env[LIST_MAX], *read[LIST_MAX], *write[LIST_MAX], *headers[LIST_MAX];
	size_t env_count, read_count, write_count, header_count;
	char **names; /* NULL-terminated; behind the name of the sub-command */
	size_t name_count;
};

static int fail(const struct cua_error *why)
{
	fputs("cua mcp-servers: ", stderr);
	cua_text_line(stderr, why->msg, 0);
	fputc('\n', stderr);
	return why->status == CUA_ERR_INVAL || why->status == CUA_ERR_NOT_FOUND ||
					why->status == CUA_ERR_EXISTS
			? CUA_EXIT_USAGE
			: CUA_EXIT_FAILED;
}

static int wrong(const char *what)
{
	return cua_cmd_usage("mcp-servers", "%s", what);
}

static void print_json(const cJSON *json)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	puts(text ? text : "{}");
}

/* --- list --- */

static const char *transport_name(const struct agent_mcp_entry *entry)
{
	return entry->transport == AGENT_MCP_STDIO          ? "stdio"
			: entry->transport == AGENT_MCP_SSE ? "sse"
							    : "http";
}

/* As it is written: nothing expanded is shown. */
static void print_entry(const struct agent_mcp_entry *entry)
{
	const cJSON *argument = NULL;
	printf("%-20s %-6s ", entry->name, transport_name(entry));
	cua_text_line(stdout, cua_json_text(entry->written, "command"), 0);
	cua_text_line(stdout, cua_json_text(entry->written, "url"), 0);
	cJSON_ArrayForEach (argument, cua_json_member(entry->written, "args")) {
		const char *text = cJSON_GetStringValue(argument);
		putchar(' ');
		cua_text_line(stdout, text ? text : "", 0);
	}
	for (size_t i = 0; entry->read && entry->read[i]; i++) {
		fputs(i == 0 ? "  reads " : " ", stdout);
		cua_text_line(stdout, entry->read[i], 0);
	}
	for (size_t i = 0; entry->write && entry->write[i]; i++) {
		fputs(i == 0 ? "  writes " : " ", stdout);
		cua_text_line(stdout, entry->write[i], 0);
	}
	puts(entry->has_network ? "  network" : "");
}

static int list(const struct options *options)
{
	struct agent_mcp_config config;
	struct cua_error why = { 0 };
	char path[CUA_PATH_MAX] = "";
	if (options->name_count > 0) {
		return wrong("list takes no name");
	}
	if (agent_mcp_config_load(NULL, NULL, &config, &why) != CUA_OK) {
		return fail(&why);
	}
	CUA_AUTO_JSON cJSON *json = cJSON_CreateArray();
	for (size_t i = 0; i < config.count; i++) {
		const struct agent_mcp_entry *entry = &config.entries[i];
		cJSON *item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "name", entry->name);
		cJSON_AddStringToObject(item, "transport", transport_name(entry));
		cJSON_AddItemToObject(item, "entry", cJSON_Duplicate(entry->written, true));
		cJSON_AddItemToArray(json, item);
		if (!options->json) {
			print_entry(entry);
		}
	}
	if (options->json) {
		print_json(json);
	} else if (config.count == 0 && agent_mcp_config_path(path, sizeof(path), NULL) == CUA_OK) {
		printf("No servers. They go into %s (cua mcp-servers add --help).\n", path);
	}
	agent_mcp_config_finish(&config);
	return CUA_EXIT_OK;
}

/* --- add, remove --- */

/* "NAME=value" or "Name: value" as members of an object; false if one is neither. */
static bool add_pairs(cJSON *entry, const char *name, const char *const *pairs, size_t count,
		char separator)
{
	cJSON *object = count > 0 ? cJSON_AddObjectToObject(entry, name) : NULL;
	for (size_t i = 0; i < count; i++) {
		const char *value = strchr(pairs[i], separator);
		CUA_AUTO_FREE char *key =
				value ? strndup(pairs[i], (size_t)(value - pairs[i])) : NULL;
		if (!key || !key[0]) {
			return false;
		}
		value++;
		cJSON_AddStringToObject(
				object, key, value + (separator == ':' ? strspn(value, " ") : 0));
	}
	return true;
}

/* A folder as a person names it on the command line; false if there is none. */
static bool add_folders(cJSON *entry, const char *name, const char *const *folders, size_t count)
{
	cJSON *list_of_them = count > 0 ? cJSON_AddArrayToObject(entry, name) : NULL;
	for (size_t i = 0; i < count; i++) {
		CUA_AUTO_FREE char *whole = realpath(folders[i], NULL);
		if (!whole) {
			perror(folders[i]);
			return false;
		}
		cJSON_AddItemToArray(list_of_them, cJSON_CreateString(whole));
	}
	return true;
}

static bool is_url(const char *word)
{
	return strncasecmp(word, "http://", 7) == 0 || strncasecmp(word, "https://", 8) == 0;
}

static cJSON *entry_of(const struct options *options)
{
	cJSON *entry = cJSON_CreateObject();
	const char *first = options->names[1];
	bool is_good = true;
	if (is_url(first)) {
		cJSON_AddStringToObject(entry, "type", options->sse ? "sse" : "http");
		cJSON_AddStringToObject(entry, "url", first);
		is_good = options->name_count == 2 && !options->network &&
				options->env_count + options->read_count + options->write_count ==
						0;
	} else {
		cJSON_AddStringToObject(entry, "command", first);
		cJSON_AddItemToObject(entry, "args",
				cJSON_CreateStringArray((const char *const *)options->names + 2,
						(int)options->name_count - 2));
		is_good = options->header_count == 0 && !options->sse;
	}
	if (options->network) {
		cJSON_AddStringToObject(entry, "network", "open");
	}
	if (!is_good || !add_pairs(entry, "env", options->env, options->env_count, '=') ||
			!add_pairs(entry, "headers", options->headers, options->header_count,
					':')) {
		wrong("these do not go together");
		cJSON_Delete(entry);
		return NULL;
	}
	if (!add_folders(entry, "read", options->read, options->read_count) ||
			!add_folders(entry, "write", options->write, options->write_count)) {
		cJSON_Delete(entry);
		return NULL;
	}
	return entry;
}

static int add(const struct options *options)
{
	struct cua_error why = { 0 };
	if (options->name_count < 2) {
		return wrong("add takes a name, and a command or a URL");
	}
	cJSON *entry = entry_of(options);
	if (!entry) {
		return CUA_EXIT_USAGE;
	}
	enum cua_status status = agent_mcp_check_entry(options->names[0], entry, &why);
	if (status != CUA_OK) {
		cJSON_Delete(entry);
	} else {
		status = agent_mcp_config_change(
				NULL, options->names[0], entry, options->replace, &why);
	}
	if (status != CUA_OK) {
		return fail(&why);
	}
	printf("Added. Next: cua mcp-servers test %s, then cua mcp-servers approve %s\n",
			options->names[0], options->names[0]);
	return CUA_EXIT_OK;
}

static int remove_one(const struct options *options)
{
	struct cua_error why = { 0 };
	if (options->name_count != 1) {
		return wrong("remove takes one name");
	}
	const char *name = options->names[0];
	if (agent_mcp_config_change(NULL, name, NULL, false, &why) != CUA_OK ||
			agent_mcp_pins_forget(name, &why) != CUA_OK) {
		return fail(&why);
	}
	return CUA_EXIT_OK;
}

/* --- test --- */

struct visit {
	struct agent_mcp_server *server;
	struct agent_mcp_tools *tools;
	cJSON *changes; /* owned */
};

static enum cua_status visit_one(
		const struct agent_mcp_entry *entry, struct visit *visit, struct cua_error *err)
{
	const struct agent_mcp_server_options options = { .cancel_fd = -1 };
	enum cua_status status = agent_mcp_server_create(entry, &options, &visit->server, err);
	if (status == CUA_OK) {
		status = agent_mcp_server_tools(visit->server, &visit->tools, err);
	}
	if (status == CUA_OK) {
		status = agent_mcp_pins_compare(entry, visit->tools, &visit->changes, err);
	}
	return status;
}

static void end_visit(struct visit *visit)
{
	agent_mcp_server_destroy(visit->server);
	cJSON_Delete(visit->changes);
}

static cJSON *visit_json(const struct agent_mcp_entry *entry, const struct visit *visit,
		const struct cua_error *why)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "name", entry->name);
	cJSON_AddBoolToObject(json, "ok", why->msg[0] == '\0');
	if (why->msg[0]) {
		cJSON_AddStringToObject(json, "error", why->msg);
		return json;
	}
	const struct agent_mcp_facts facts = agent_mcp_server_facts(visit->server);
	cJSON_AddStringToObject(json, "protocol", facts.protocol);
	cJSON_AddStringToObject(json, "server", facts.name);
	cJSON_AddStringToObject(json, "version", facts.version);
	cJSON_AddStringToObject(json, "instructions", facts.instructions);
	cJSON_AddNumberToObject(json, "connect_ms", facts.connect_ms);
	cJSON_AddNumberToObject(json, "list_ms", facts.list_ms);
	cJSON_AddNumberToObject(json, "dropped", (double)visit->tools->dropped);
	cJSON *tools = cJSON_AddArrayToObject(json, "tools");
	for (size_t i = 0; i < visit->tools->count; i++) {
		const struct agent_mcp_tool *tool = &visit->tools->list[i];
		cJSON *item = cJSON_CreateObject();
		cJSON_AddItemToObject(item, "definition", cJSON_Duplicate(tool->definition, true));
		cJSON_AddStringToObject(item, "hash", tool->hash);
		cJSON_AddBoolToObject(item, "approved", tool->is_approved);
		cJSON_AddItemToArray(tools, item);
	}
	cJSON_AddItemToObject(json, "changes", cJSON_Duplicate(visit->changes, true));
	return json;
}

static void print_visit(const struct agent_mcp_entry *entry, const struct visit *visit,
		const struct cua_error *why)
{
	printf("%s: ", entry->name);
	if (why->msg[0]) {
		cua_text_line(stdout, why->msg, 0);
		putchar('\n');
		return;
	}
	const struct agent_mcp_facts facts = agent_mcp_server_facts(visit->server);
	printf("%s %s, protocol %s, ready in %.0f ms, tools in %.1f ms\n", facts.name,
			facts.version, facts.protocol, facts.connect_ms, facts.list_ms);
	for (size_t i = 0; i < visit->tools->count; i++) {
		const struct agent_mcp_tool *tool = &visit->tools->list[i];
		printf("  %c %-28s ", tool->is_approved ? ' ' : '?', tool->name);
		cua_text_line(stdout, cua_json_text(tool->definition, "description"), 70);
		putchar('\n');
	}
	if (visit->tools->dropped > 0) {
		printf("  %zu tools cannot be used (%s)\n", visit->tools->dropped,
				visit->tools->problem);
	}
	if (agent_mcp_pins_need_approval(visit->changes)) {
		printf("  ? waits for approval: cua mcp-servers approve %s\n", entry->name);
	}
}

static bool test_one(const struct agent_mcp_entry *entry, bool as_json)
{
	struct visit visit = { 0 };
	struct cua_error why = { 0 };
	const bool is_good = visit_one(entry, &visit, &why) == CUA_OK;
	if (as_json) {
		CUA_AUTO_JSON cJSON *json = visit_json(entry, &visit, &why);
		print_json(json);
	} else {
		print_visit(entry, &visit, &why);
	}
	fflush(stdout);
	end_visit(&visit);
	return is_good;
}

static int test(const struct options *options)
{
	struct agent_mcp_config config;
	struct cua_error why = { 0 };
	bool is_good = true;
	if (options->name_count == 0) {
		if (agent_mcp_config_load(NULL, NULL, &config, &why) != CUA_OK) {
			return fail(&why);
		}
		for (size_t i = 0; i < config.count; i++) {
			is_good = test_one(&config.entries[i], options->json) && is_good;
		}
		agent_mcp_config_finish(&config);
	}
	for (size_t n = 0; n < options->name_count; n++) {
		if (agent_mcp_config_load(NULL, options->names[n], &config, &why) != CUA_OK) {
			return fail(&why);
		}
		is_good = test_one(&config.entries[0], options->json) && is_good;
		agent_mcp_config_finish(&config);
	}
	return is_good ? CUA_EXIT_OK : CUA_EXIT_FAILED;
}

/* --- approve --- */

static bool says_yes(const char *question)
{
	char line[16] = "";
	if (!isatty(STDIN_FILENO)) {
		fputs("cua mcp-servers: nobody is there to say yes (--yes says it)\n", stderr);
		return false;
	}
	fprintf(stderr, "%s [y/N] ", question);
	return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static int approve_one(const struct agent_mcp_entry *entry, struct visit *visit,
		const struct options *options, struct cua_error *err)
{
	if (options->json) {
		print_json(visit->changes);
	} else {
		CUA_AUTO_FREE char *changes = agent_mcp_pins_print(visit->changes);
		fputs(changes && changes[0] ? changes : "Nothing has changed.\n", stdout);
		fflush(stdout);
	}
	if (cJSON_GetArraySize(visit->changes) == 0) {
		return CUA_EXIT_OK;
	}
	if (!options->yes && agent_mcp_pins_need_approval(visit->changes) &&
			!says_yes("May a model have these tools, as they are described?")) {
		return CUA_EXIT_FAILED;
	}
	return agent_mcp_pins_approve(entry, visit->tools, err) == CUA_OK ? CUA_EXIT_OK : fail(err);
}

static int approve(const struct options *options)
{
	struct agent_mcp_config config;
	struct visit visit = { 0 };
	struct cua_error why = { 0 };
	if (options->name_count != 1) {
		return wrong("approve takes one name");
	}
	if (agent_mcp_config_load(NULL, options->names[0], &config, &why) != CUA_OK) {
		return fail(&why);
	}
	const int exit_status = visit_one(&config.entries[0], &visit, &why) == CUA_OK
			? approve_one(&config.entries[0], &visit, options, &why)
			: fail(&why);
	end_visit(&visit);
	agent_mcp_config_finish(&config);
	return exit_status;
}

/* --- the command --- */

static bool keep(const char **kept, size_t *count)
{
	if (*count == LIST_MAX) {
		fprintf(stderr, "cua mcp-servers: over %d of one option\n", LIST_MAX);
		return false;
	}
	kept[(*count)++] = optarg;
	return true;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "yes", no_argument, NULL, 'y' },
		{ "replace", no_argument, NULL, 'r' },
		{ "network", no_argument, NULL, 'n' },
		{ "sse", no_argument, NULL, 's' },
		{ "env", required_argument, NULL, 'e' },
		{ "read", required_argument, NULL, 'R' },
		{ "write", required_argument, NULL, 'W' },
		{ "header", required_argument, NULL, 'H' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	bool is_good = true;
	int option = 0;
	while (is_good && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		options->json = options->json || option == 'j';
		options->yes = options->yes || option == 'y';
		options->replace = options->replace || option == 'r';
		options->network = options->network || option == 'n';
		options->sse = options->sse || option == 's';
		options->help = options->help || option == 'h';
		is_good = option == 'e'         ? keep(options->env, &options->env_count)
				: option == 'R' ? keep(options->read, &options->read_count)
				: option == 'W' ? keep(options->write, &options->write_count)
				: option == 'H' ? keep(options->headers, &options->header_count)
						: option != '?';
	}
	options->names = argv + optind;
	options->name_count = (size_t)(argc - optind);
	return is_good;
}

int cua_cmd_mcp_servers(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct options *options);
		bool adds; /* takes what describes a server */
	} words[] = { { "list", list, false }, { "add", add, true }, { "test", test, false },
		{ "approve", approve, false }, { "remove", remove_one, false } };
	struct options options = { 0 };
	signal(SIGPIPE, SIG_IGN);
	if (!parse_options(argc, argv, &options)) {
		return wrong("what is this?");
	}
	if (options.help) {
		fputs(usage, stdout);
		return CUA_EXIT_OK;
	}
	const char *word = options.name_count > 0 ? options.names[0] : "";
	const bool describes = options.network || options.replace || options.sse ||
			options.env_count + options.read_count + options.write_count +
							options.header_count >
					0;
	for (size_t i = 0; i < CUA_ARRAY_LEN(words); i++) {
		if (strcmp(word, words[i].name) == 0 && (words[i].adds || !describes) &&
				sodium_init() >= 0) {
			options.names++;
			options.name_count--;
			return words[i].run(&options);
		}
	}
	return wrong(describes ? "these do not go together"
			       : "say list, add, test, approve or remove");
}

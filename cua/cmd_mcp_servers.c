#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/mcp/mcp_egress.h"
#include "agent/mcp/mcp_pins.h"
#include "agent/mcp/mcp_server.h"
#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/contract/text.h"
#include "cua/egress_decisions.h"
#include "cua/mcp_servers.h"

static const char usage[] =
		"usage: cua mcp-servers list [--json]\n"
		"       cua mcp-servers add NAME [OPTION]... -- COMMAND [ARGUMENT]...\n"
		"       cua mcp-servers add NAME [--header 'Name: value']... [--sse] [--replace] "
		"URL\n"
		"       cua mcp-servers test [--json] [NAME]...\n"
		"       cua mcp-servers approve [--yes] [--seen=HASH] [--json] NAME\n"
		"       cua mcp-servers network [--json] NAME\n"
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
		"  --network allow:NAME,...   a network of these host names alone, as of cua "
		"desktop start;\n"
		"                     allow:@FILE reads the names now; none, the default; open: "
		"all of this\n"
		"                     machine's, its loopback included\n"
		"  --sse              of a URL: it speaks HTTP as it was in 2024-11-05\n"
		"  --replace          in the place of one of the same name\n"
		"\n"
		"The names are reached through a proxy of its own (http_proxy and so on), which "
		"writes down\n"
		"what it decides: network shows that. Another network is another way to start a "
		"server,\n"
		"and waits for approve.\n"
		"\n"
		"test starts the servers, and says what they speak, how long that takes and which "
		"tools\n"
		"they have. No model gets a tool before approve has shown its description to you "
		"and you\n"
		"said yes; one whose description changes waits for approve again. --seen is what "
		"test\n"
		"--json called changes_hash: if it has changed since, nothing is approved.\n"
		"\n"
		"  cua mcp-servers add files --write ~/papers -- mcp-server-filesystem ~/papers\n"
		"\n"
		"Exit status: 0; 1 a server failed, or nobody said yes; 2 wrong usage or file.\n";

int mcp_servers_fail(const struct cua_error *why)
{
	fputs("cua mcp-servers: ", stderr);
	cua_text_line(stderr, why->msg, 0);
	fputc('\n', stderr);
	return why->status == CUA_ERR_INVAL || why->status == CUA_ERR_NOT_FOUND ||
					why->status == CUA_ERR_EXISTS
			? CUA_EXIT_USAGE
			: CUA_EXIT_FAILED;
}

static void print_json(const cJSON *json)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	puts(text ? text : "{}");
}

/* --- list --- */

static int list(const struct mcp_servers_options *options)
{
	struct agent_mcp_config config;
	struct cua_error why = { 0 };
	char path[CUA_PATH_MAX] = "";
	if (options->name_count > 0) {
		return cua_cmd_usage("mcp-servers", "list takes no name");
	}
	if (agent_mcp_config_load(NULL, NULL, &config, &why) != CUA_OK) {
		return mcp_servers_fail(&why);
	}
	CUA_AUTO_JSON cJSON *json = cJSON_CreateArray();
	for (size_t i = 0; i < config.count; i++) {
		const struct agent_mcp_entry *entry = &config.entries[i];
		cJSON *item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "name", entry->name);
		cJSON_AddStringToObject(item, "transport", mcp_servers_transport(entry));
		cJSON_AddItemToObject(item, "entry", cJSON_Duplicate(entry->written, true));
		cJSON_AddItemToArray(json, item);
		if (!options->json) {
			mcp_servers_print_entry(entry);
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

static int add(const struct mcp_servers_options *options)
{
	struct cua_error why = { 0 };
	if (options->name_count < 2) {
		return cua_cmd_usage("mcp-servers", "add takes a name, and a command or a URL");
	}
	cJSON *entry = mcp_servers_make_entry(options);
	if (!entry) {
		return CUA_EXIT_USAGE;
	}
	const bool is_command = cua_json_string(entry, "command") != NULL;
	CUA_AUTO_JSON cJSON *its_network = cJSON_Duplicate(cua_json_member(entry, "network"), true);
	enum cua_status status = agent_mcp_check_entry(options->names[0], entry, &why);
	if (status != CUA_OK) {
		cJSON_Delete(entry);
	} else {
		status = agent_mcp_config_change(
				NULL, options->names[0], entry, options->replace, &why);
	}
	if (status != CUA_OK) {
		return mcp_servers_fail(&why);
	}
	if (is_command) {
		mcp_servers_print_network(its_network);
		putchar('\n');
	}
	printf("Added. Next: cua mcp-servers test %s, then cua mcp-servers approve %s\n",
			options->names[0], options->names[0]);
	return CUA_EXIT_OK;
}

static int remove_one(const struct mcp_servers_options *options)
{
	struct cua_error why = { 0 };
	if (options->name_count != 1) {
		return cua_cmd_usage("mcp-servers", "remove takes one name");
	}
	const char *name = options->names[0];
	if (agent_mcp_config_change(NULL, name, NULL, false, &why) != CUA_OK ||
			agent_mcp_pins_forget(name, &why) != CUA_OK) {
		return mcp_servers_fail(&why);
	}
	return CUA_EXIT_OK;
}

/* --- test --- */

#define CHANGES_HASH_SIZE 65

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

/* Tells what was seen from what came later. */
static void hash_changes(const cJSON *changes, char hash[CHANGES_HASH_SIZE])
{
	unsigned char bytes[(CHANGES_HASH_SIZE - 1) / 2];
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(changes);
	crypto_generichash(bytes, sizeof(bytes), (const unsigned char *)(text ? text : ""),
			text ? strlen(text) : 0, NULL, 0);
	sodium_bin2hex(hash, CHANGES_HASH_SIZE, bytes, sizeof(bytes));
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
	char hash[CHANGES_HASH_SIZE];
	hash_changes(visit->changes, hash);
	cJSON_AddStringToObject(json, "changes_hash", hash);
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

static int test(const struct mcp_servers_options *options)
{
	struct agent_mcp_config config;
	struct cua_error why = { 0 };
	bool is_good = true;
	if (options->name_count == 0) {
		if (agent_mcp_config_load(NULL, NULL, &config, &why) != CUA_OK) {
			return mcp_servers_fail(&why);
		}
		for (size_t i = 0; i < config.count; i++) {
			is_good = test_one(&config.entries[i], options->json) && is_good;
		}
		agent_mcp_config_finish(&config);
	}
	for (size_t n = 0; n < options->name_count; n++) {
		if (agent_mcp_config_load(NULL, options->names[n], &config, &why) != CUA_OK) {
			return mcp_servers_fail(&why);
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
		const struct mcp_servers_options *options, struct cua_error *err)
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
	char hash[CHANGES_HASH_SIZE];
	hash_changes(visit->changes, hash);
	if (options->seen && strcmp(options->seen, hash) != 0) {
		fputs("cua mcp-servers: this is not what was seen: look again, test shows it\n",
				stderr);
		return CUA_EXIT_FAILED;
	}
	if (!options->yes && agent_mcp_pins_need_approval(visit->changes) &&
			!says_yes("May a model have these tools, as they are described?")) {
		return CUA_EXIT_FAILED;
	}
	return agent_mcp_pins_approve(entry, visit->tools, err) == CUA_OK ? CUA_EXIT_OK
									  : mcp_servers_fail(err);
}

static int approve(const struct mcp_servers_options *options)
{
	struct agent_mcp_config config;
	struct visit visit = { 0 };
	struct cua_error why = { 0 };
	if (options->name_count != 1) {
		return cua_cmd_usage("mcp-servers", "approve takes one name");
	}
	if (agent_mcp_config_load(NULL, options->names[0], &config, &why) != CUA_OK) {
		return mcp_servers_fail(&why);
	}
	const int exit_status = visit_one(&config.entries[0], &visit, &why) == CUA_OK
			? approve_one(&config.entries[0], &visit, options, &why)
			: mcp_servers_fail(&why);
	end_visit(&visit);
	agent_mcp_config_finish(&config);
	return exit_status;
}

/* --- network --- */

static int network(const struct mcp_servers_options *options)
{
	struct agent_mcp_config config;
	struct cua_error why = { 0 };
	char path[CUA_PATH_MAX];
	if (options->name_count != 1) {
		return cua_cmd_usage("mcp-servers", "network takes one name");
	}
	if (agent_mcp_config_load(NULL, options->names[0], &config, &why) != CUA_OK) {
		return mcp_servers_fail(&why);
	}
	const struct agent_mcp_entry *entry = &config.entries[0];
	if (!options->json) {
		mcp_servers_print_network(cua_json_member(entry->written, "network"));
		putchar('\n');
	}
	enum cua_status status = agent_mcp_egress_log(entry->name, path, sizeof(path), &why);
	agent_mcp_config_finish(&config);
	if (status != CUA_OK) {
		return mcp_servers_fail(&why);
	}
	cua_print_egress_decisions(path, options->json);
	return CUA_EXIT_OK;
}

/* --- the command --- */

static bool keep(const char **kept, size_t *count)
{
	if (*count == MCP_SERVERS_LIST_MAX) {
		fprintf(stderr, "cua mcp-servers: over %d of one option\n", MCP_SERVERS_LIST_MAX);
		return false;
	}
	kept[(*count)++] = optarg;
	return true;
}

static bool parse_options(int argc, char **argv, struct mcp_servers_options *options)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "yes", no_argument, NULL, 'y' },
		{ "seen", required_argument, NULL, 'S' },
		{ "replace", no_argument, NULL, 'r' },
		{ "network", required_argument, NULL, 'n' },
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
		options->network = option == 'n' ? optarg : options->network;
		options->seen = option == 'S' ? optarg : options->seen;
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
		int (*run)(const struct mcp_servers_options *options);
		bool adds; /* takes what describes a server */
	} words[] = { { "list", list, false }, { "add", add, true }, { "test", test, false },
		{ "approve", approve, false }, { "network", network, false },
		{ "remove", remove_one, false } };
	struct mcp_servers_options options = { 0 };
	signal(SIGPIPE, SIG_IGN);
	if (!parse_options(argc, argv, &options)) {
		return cua_cmd_usage("mcp-servers", "what is this?");
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
	return cua_cmd_usage("mcp-servers",
			describes ? "these do not go together"
				  : "say list, add, test, approve, network or remove");
}

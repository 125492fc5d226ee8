#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/model/catalogue.h"
#include "agent/model/keys.h"
#define CUA_LOG_MODULE "serve"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/desktop_pool.h"
#include "cua/serve_service.h"
#include "cua/server/server.h"
#include "cua/server/session.h"
#include "cua/server/tokens.h"

static const char usage[] =
		"usage: cua serve [OPTION...]\n"
		"       cua serve login\n"
		"       cua serve --install-service [--print] [OPTION...]\n"
		"       cua serve token NAME --scopes=SCOPE,...\n"
		"\n"
		"Serves runs and desktops to people and programs: HTTP, WebSocket and a web page. "
		"It\n"
		"prints a URL, to a terminal with a login for one browser, once; login prints "
		"another,\n"
		"and token makes one for a program, for a server that runs or not:\n"
		"\n"
		"  --scopes=SCOPE,...   watch, act, approve, admin\n"
		"\n"
		"  --address=ADDRESS    to listen on, default 127.0.0.1; beyond this machine with\n"
		"                       TLS alone\n"
		"  --port=N             default 8180; 0: any that is free\n"
		"  --tls-cert=FILE      with --tls-key=FILE: PEM; HTTPS instead of HTTP\n"
		"  --public-url=URL     a name that it goes by as well, behind a proxy for one:\n"
		"                       https://agents.example.org; may be given again\n"
		"  --max-agents=N       that run at once; others wait. Default: one for each 512 "
		"MB\n"
		"                       of memory\n"
		"  --max-streams=N      events and WebSockets that one token may have open, "
		"default 2000\n"
		"  --spares=N           desktops that are kept ready, of the kinds that runs "
		"wanted\n"
		"                       lately, default 2; a run that gets one begins at once. 0: "
		"none.\n"
		"                       They give way when memory is short, and end with the "
		"server\n"
		"  --print-login        the URL has its login also where no terminal is, and what "
		"is\n"
		"                       printed may be kept\n"
		"  --traces=URL         each run that ends is told there as a trace, by OTLP over "
		"HTTP\n"
		"                       (JSON); default $OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, else\n"
		"                       $OTEL_EXPORTER_OTLP_ENDPOINT/v1/traces, else nowhere;\n"
		"                       $OTEL_EXPORTER_OTLP_HEADERS goes along. Metrics: GET "
		"/metrics\n"
		"  --log-format=FORMAT  text or json, on stderr; $CUA_LOG is the level\n"
		"  --install-service    writes a unit of systemd that starts a server with these\n"
		"                       options: of the system for root, else of the user; with\n"
		"                       --print it is only shown\n"
		"  --plain-get          the plain routes, such as /run-terminal, by GET as well\n"
		"\n"
		"All that it keeps is in cua's folder of state ($CUA_STATE_DIR): server.db, runs/ "
		"and\n"
		"projects/. Agents and desktops go on when it ends, and are found again. Keys of "
		"models\n"
		"are taken from cua secret alone (cua secret set --api-key NAME), not from the\n"
		"environment of the server.\n"
		"\n"
		"Exit status: 0 ended by a signal; 1 failed; 2 wrong usage; 6 this machine "
		"failed.\n";

/* Before libuv has its threads: each request that waits for something has one. */
#define THREADS "64"
/* Half of all connections that there may be: nobody keeps the others out. */
#define MAX_STREAMS 2000

static bool is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

static void on_ready(const char *url)
{
	printf("%s\n", url);
	fflush(stdout);
}

/* No child is to have them, and nothing here needs them. */
static enum cua_status drop_keys(struct cua_error *err)
{
	struct agent_catalogue *catalogue = NULL;
	struct agent_keys *keys = NULL;
	enum cua_status status = agent_catalogue_load(NULL, &catalogue, err);
	if (status == CUA_OK) {
		status = agent_keys_take(catalogue, NULL, &keys, err);
	}
	agent_keys_destroy(keys);
	agent_catalogue_destroy(catalogue);
	return status;
}

static bool parse_number(const char *text, int max, int *ret_number)
{
	char *end = NULL;
	const long number = strtol(text, &end, 10);
	*ret_number = (int)number;
	return text[0] && !*end && number >= 0 && number <= max;
}

struct command {
	struct server_options options;
	const char *scopes;
	int url_count;
	bool installs, prints;
};

static bool parse_option(int option, struct command *command)
{
	struct server_options *options = &command->options;
	switch (option) {
	case 'a':
		options->address = optarg;
		return true;
	case 'p':
		return parse_number(optarg, 65535, &options->port);
	case 'c':
		options->certificate_path = optarg;
		return true;
	case 'k':
		options->key_path = optarg;
		return true;
	case 'u':
		options->public_urls[command->url_count] = optarg;
		return ++command->url_count < GATE_NAMES_MAX - 4;
	case 'm':
		return parse_number(optarg, 10000, &options->max_agents);
	case 'w':
		return parse_number(optarg, 100000, &options->max_streams) &&
				options->max_streams > 0;
	case 'd':
		return parse_number(optarg, CUA_DESKTOP_SPARES_MAX, &options->spares);
	case 't':
		options->traces_url = optarg;
		return true;
	case 'f':
		options->logs_json = strcmp(optarg, "json") == 0;
		return options->logs_json || strcmp(optarg, "text") == 0;
	case 'I':
		command->installs = true;
		return true;
	case 'P':
		command->prints = true;
		return true;
	case 'L':
		options->tells_login = true;
		return true;
	case 'g':
		options->plain_get = true;
		return true;
	case 's':
		command->scopes = optarg;
		return true;
	default:
		return false;
	}
}

/* What cannot work is said before anything is done. */
static int check(const struct server_options *options)
{
	if (!options->certificate_path != !options->key_path) {
		return cua_cmd_usage("serve", "--tls-cert and --tls-key go together");
	}
	if (!is_loopback(options->address) && !options->certificate_path) {
		return cua_cmd_usage("serve",
				"beyond this machine tokens would travel in clear: give --tls-cert "
				"and "
				"--tls-key, or listen on 127.0.0.1 behind a proxy that speaks TLS");
	}
	return CUA_EXIT_OK;
}

static int install(const struct command *command)
{
	struct cua_error error = { 0 };
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, 65536);
	if (!command->prints) {
		return serve_service_install(&command->options, &error) == CUA_OK
				? CUA_EXIT_OK
				: cua_cmd_fail(&error);
	}
	if (serve_service_unit(&command->options, &text, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	fputs(text.data, stdout);
	return CUA_EXIT_OK;
}

static int serve(const struct server_options *options)
{
	struct cua_error error = { 0 };
	if (options->logs_json) {
		setenv("CUA_LOG_FORMAT", "json", 1); /* of the processes that it starts, too */
	}
	if (!options->tells_login) {
		cua_log_info("a login for a browser: cua serve login");
	}
	setenv("UV_THREADPOOL_SIZE", THREADS, 1);
	if (drop_keys(&error) != CUA_OK || server_run(options, on_ready, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	return CUA_EXIT_OK;
}

/* Without the server: it reads the store anew for each request. */
static int make_login(void)
{
	struct store *store = NULL;
	struct cua_error error = { 0 };
	char login[TOKEN_SIZE];
	enum cua_status status = server_open_store(&store, &error);
	if (status == CUA_OK) {
		status = session_make_login(store, login, &error);
	}
	store_close(store);
	if (status != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	printf("#login=%s\n", login);
	return CUA_EXIT_OK;
}

static int make_token(const char *name, const char *scopes)
{
	struct store *store = NULL;
	struct cua_error error = { 0 };
	char id[TOKEN_ID_SIZE], token[TOKEN_SIZE];
	struct token_wish wish = { .kind = TOKEN_API, .name = name };
	if (!scopes || scopes_parse(scopes, &wish.scopes, &error) != CUA_OK) {
		return cua_cmd_usage("serve", "%s",
				scopes ? error.msg : "--scopes=watch,act,approve or some of these");
	}
	enum cua_status status = server_open_store(&store, &error);
	if (status == CUA_OK) {
		status = token_create(store, &wish, id, token, NULL, &error);
	}
	store_close(store);
	if (status != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	printf("%s\n", token);
	return CUA_EXIT_OK;
}

int cua_cmd_serve(int argc, char **argv)
{
	static const struct option options[] = { { "address", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ "tls-cert", required_argument, NULL, 'c' },
		{ "tls-key", required_argument, NULL, 'k' },
		{ "public-url", required_argument, NULL, 'u' },
		{ "max-agents", required_argument, NULL, 'm' },
		{ "max-streams", required_argument, NULL, 'w' },
		{ "spares", required_argument, NULL, 'd' },
		{ "traces", required_argument, NULL, 't' },
		{ "log-format", required_argument, NULL, 'f' },
		{ "install-service", no_argument, NULL, 'I' }, { "print", no_argument, NULL, 'P' },
		{ "print-login", no_argument, NULL, 'L' }, { "plain-get", no_argument, NULL, 'g' },
		{ "scopes", required_argument, NULL, 's' }, { "help", no_argument, NULL, 'h' },
		{ 0 } };
	struct command command = { .options = { .address = "127.0.0.1",
						   .port = 8180,
						   .max_streams = MAX_STREAMS,
						   .spares = 2,
						   .tells_login = isatty(STDOUT_FILENO) } };
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option == 'h') {
			fputs(usage, stdout);
			return CUA_EXIT_OK;
		}
		if (!parse_option(option, &command)) {
			return cua_cmd_usage("serve",
					"\"%s\": no such option, or a value out of its bounds",
					argv[optind - 1]);
		}
	}
	if (sodium_init() < 0) {
		fputs("cua serve: libsodium does not start\n", stderr);
		return CUA_EXIT_FAILED;
	}
	if (command.prints && !command.installs) {
		return cua_cmd_usage("serve", "--print is for --install-service");
	}
	if (optind == argc && !command.scopes) {
		const int wrong = check(&command.options);
		return wrong != CUA_EXIT_OK        ? wrong
				: command.installs ? install(&command)
						   : serve(&command.options);
	}
	if (optind == argc - 1 && strcmp(argv[optind], "login") == 0) {
		return make_login();
	}
	if (optind == argc - 2 && strcmp(argv[optind], "token") == 0) {
		return make_token(argv[optind + 1], command.scopes);
	}
	return cua_cmd_usage("serve", "it is: cua serve, cua serve login, or cua serve token NAME");
}

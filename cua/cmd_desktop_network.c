/* cua desktop network: what a desktop may reach, and what its proxy has decided. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/desktop_egress.h"
#include "cua/desktops.h"

static void print_network(const cJSON *network)
{
	const cJSON *name = NULL;
	printf("network %s", cua_json_text(network, "network"));
	cJSON_ArrayForEach (name, cua_json_member(network, "names")) {
		printf(" %s", cJSON_GetStringValue(name));
	}
	puts(strcmp(cua_json_text(network, "proxy"), "ended") == 0
					? "\nIts proxy has ended, so there is none. Another host, "
					  "with "
					  "cua desktop start --name=NAME, comes with another proxy."
					: "");
}

/* As the proxy wrote it: names that were read, and words of its own. */
static void print_decision(const cJSON *line)
{
	const char *detail = cua_json_text(line, "detail");
	printf("%s %5.0f %-7s %s:%d, %s%s%s%s, %.0f sent, %.0f received\n",
			cua_json_text(line, "time"), cua_json_number(line, "id"),
			cua_json_text(line, "event"), cua_json_text(line, "host"),
			cua_json_int(line, "port"), cua_json_text(line, "rule"),
			detail[0] ? " (" : "", detail, detail[0] ? ")" : "",
			cua_json_number(line, "sent"), cua_json_number(line, "received"));
}

/* The last line may be half written. */
static void print_decisions(const struct desktop_record *record, bool as_json)
{
	char path[CUA_PATH_MAX + 32];
	CUA_AUTO_FREE char *line = NULL;
	size_t size = 0;
	desktop_path(record, DESKTOP_EGRESS_LOG, path, sizeof(path));
	FILE *log = fopen(path, "re");
	while (log && getline(&line, &size, log) > 0) {
		CUA_AUTO_JSON cJSON *json = cJSON_Parse(line);
		if (json && as_json) {
			fputs(line, stdout);
		} else if (json) {
			print_decision(json);
		}
	}
	if (log) {
		fclose(log);
	}
}

int cua_cmd_desktop_network(int argc, char **argv)
{
	static const struct option options[] = { { "desktop", required_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'j' }, { 0 } };
	const char *name = NULL;
	bool as_json = false;
	for (int option; (option = getopt_long(argc, argv, "d:", options, NULL)) != -1;) {
		if (option == 'd') {
			name = optarg;
		} else if (option == 'j') {
			as_json = true;
		} else {
			return cua_cmd_usage("desktop", "wrong option for network");
		}
	}
	name = name ? name : optind < argc ? argv[optind] : NULL;
	struct desktop_record record;
	struct cua_error error = { 0 };
	if (cua_desktop_find(name, &record, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	CUA_AUTO_JSON cJSON *network = cJSON_CreateObject();
	desktop_network_describe(&record, network);
	if (!as_json) {
		print_network(network);
	}
	print_decisions(&record, as_json);
	return CUA_EXIT_OK;
}

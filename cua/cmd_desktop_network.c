/* cua desktop network: what a desktop may reach, and what its proxy has decided. */

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/desktop_egress.h"
#include "cua/desktops.h"
#include "cua/egress_decisions.h"

static void print_network(const char *name, const cJSON *network)
{
	const cJSON *allowed = NULL;
	printf("network %s", cua_json_text(network, "network"));
	cJSON_ArrayForEach (allowed, cua_json_member(network, "names")) {
		printf(" %s", cJSON_GetStringValue(allowed));
	}
	const bool is_gateway = cua_json_text(network, "gateway")[0] != '\0';
	const char *means = is_gateway ? "gateway" : "proxy";
	puts(is_gateway ? ": every public address of the internet; not this machine, its local "
			  "network or a cloud's metadata"
			: "");
	if (strcmp(cua_json_text(network, means), "ended") == 0) {
		printf("Its %s has ended, so there is none. Another one comes with: cua desktop "
		       "start --name=%s\n",
				means, name);
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
	char log_path[CUA_PATH_MAX + 32];
	struct cua_error error = { 0 };
	if (cua_desktop_find(name, &record, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	CUA_AUTO_JSON cJSON *network = cJSON_CreateObject();
	desktop_network_describe(&record, network);
	if (!as_json) {
		print_network(record.name, network);
	}
	desktop_path(&record, DESKTOP_EGRESS_LOG, log_path, sizeof(log_path));
	cua_print_egress_decisions(log_path, as_json);
	return CUA_EXIT_OK;
}

#include "cua/egress_decisions.h"

#include <stdio.h>
#include <stdlib.h>

#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/egress/decisions.h"

/* As proxy or gateway wrote it: names that were read, and words of its own. */
static void print_decision(const cJSON *line)
{
	if (cua_json_member(line, "count")) {
		printf("%s       %.0f refusals are left out: %s\n", cua_json_text(line, "time"),
				cua_json_number(line, "count"), cua_json_text(line, "rule"));
		return;
	}
	const char *detail = cua_json_text(line, "detail");
	printf("%s %5.0f %-7s %s:%d, %s%s%s%s", cua_json_text(line, "time"),
			cua_json_number(line, "id"), cua_json_text(line, "event"),
			cua_json_text(line, "host"), cua_json_int(line, "port"),
			cua_json_text(line, "rule"), detail[0] ? " (" : "", detail,
			detail[0] ? ")" : "");
	if (cua_json_member(line, "sent")) { /* of the proxy's */
		printf(", %.0f sent, %.0f received", cua_json_number(line, "sent"),
				cua_json_number(line, "received"));
	}
	putchar('\n');
}

/* The last line may be half written. */
static void print_file(const char *path, bool as_json)
{
	CUA_AUTO_FREE char *line = NULL;
	size_t size = 0;
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

void cua_print_egress_decisions(const char *log_path, bool as_json)
{
	char old[CUA_PATH_MAX + 64];
	snprintf(old, sizeof(old), "%s" EGRESS_LOG_OLD, log_path);
	print_file(old, as_json);
	print_file(log_path, as_json);
}

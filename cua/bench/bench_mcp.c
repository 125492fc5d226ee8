#include "cua/bench/bench_mcp.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

static const char *result_of(const char *method)
{
	static const struct {
		const char *method, *result;
	} known[] = { { "initialize",
				      "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":"
				      "{\"tools\":{}},\"serverInfo\":{\"name\":\"bench\","
				      "\"version\":\"1\"}}" },
		{ "tools/list",
				"{\"tools\":[{\"name\":\"answer\",\"description\":\"Answers.\","
				"\"inputSchema\":{\"type\":\"object\"}}]}" },
		{ "tools/call", "{\"content\":[{\"type\":\"text\",\"text\":\"here\"}]}" },
		{ "ping", "{}" } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(known); i++) {
		if (strcmp(known[i].method, method) == 0) {
			return known[i].result;
		}
	}
	return NULL;
}

static void answer(const char *line)
{
	CUA_AUTO_JSON cJSON *request = cJSON_Parse(line);
	const cJSON *id = cua_json_member(request, "id");
	CUA_AUTO_FREE char *number = id ? cJSON_PrintUnformatted(id) : NULL;
	const char *result = result_of(cua_json_text(request, "method"));
	if (!number) {
		return; /* nobody waits */
	}
	printf("{\"jsonrpc\":\"2.0\",\"id\":%s,%s%s}\n", number,
			result ? "\"result\":" : "\"error\":",
			result ? result : "{\"code\":-32601,\"message\":\"no such method\"}");
	fflush(stdout);
}

int bench_mcp_main(void)
{
	CUA_AUTO_FREE char *line = NULL;
	size_t size = 0;
	while (getline(&line, &size, stdin) > 0) {
		answer(line);
	}
	return 0;
}

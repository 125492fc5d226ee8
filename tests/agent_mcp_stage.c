#include "tests/agent_mcp_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/mcp/mcp_client.h"
#include "cua/base/util.h"

static bool say_yes(const char *server, const cJSON *changes, void *user_data)
{
	(void)server;
	(void)changes;
	(void)user_data;
	return true;
}

void agent_mcp_approve_all(void)
{
	struct agent_mcp *mcp = NULL;
	struct cua_error why = { 0 };
	const struct agent_mcp_options options = { .server = { .cancel_fd = -1, .init_ms = 30000 },
		.on_approve = say_yes };
	if (agent_mcp_open(&options, &mcp, &why) != CUA_OK) {
		fail_msg("%s", why.msg);
	}
	agent_mcp_close(mcp);
}

static struct agent_policy *policy_of(const char *rules)
{
	char text[1024];
	struct agent_policy *policy = NULL;
	struct cua_error why = { 0 };
	snprintf(text, sizeof(text), "include: default\nrules:\n%s", rules);
	if (agent_policy_parse("test", text, strlen(text), &policy, &why) != CUA_OK) {
		fail_msg("%s", why.msg);
	}
	return policy;
}

void agent_mcp_play(struct agent_stage *stage, const char *rules)
{
	struct agent_policy *policy = policy_of(rules);
	stage->options.policy = policy;
	agent_stage_play(stage);
	stage->options.policy = NULL;
	agent_policy_destroy(policy);
}

char *agent_mcp_body(const struct agent_stage *stage, int request)
{
	return cJSON_PrintUnformatted(cJSON_GetArrayItem(stage->asked, request));
}

void agent_mcp_assert_request(const struct agent_stage *stage, int request, const char *part)
{
	CUA_AUTO_FREE char *body = agent_mcp_body(stage, request);
	if (!body || !strstr(body, part)) {
		const size_t len = body ? strlen(body) : 0;
		fail_msg("%s: %s is not in request %d: ...%s", stage->options.api, part, request,
				body ? body + (len > 600 ? len - 600 : 0) : "none");
	}
}

void agent_mcp_assert_file(const struct agent_stage *stage, const char *name, const char *part)
{
	CUA_AUTO_FREE char *text = agent_stage_read(stage, name);
	if (!strstr(text, part)) {
		fail_msg("%s is not in %s: %s", part, name, text);
	}
}

void agent_mcp_assert_events(const struct agent_stage *stage, const char *part)
{
	agent_mcp_assert_file(stage, "events.jsonl", part);
}

/* Policy files: a mistake has its line, and what is well formed decides every call, always alike.
 */
#include <string.h>

#include "agent/policy/policy.h"
#include "cua/base/util.h"
#include "tests/fuzz/fuzz.h"

static void check_call(const struct agent_policy *policy, const struct agent_policy_call *call)
{
	struct agent_decision one, other;
	agent_policy_judge(policy, NULL, call, &one);
	agent_policy_judge(policy, NULL, call, &other);
	FUZZ_CHECK(one.verdict == other.verdict && one.line == other.line);
	FUZZ_CHECK(one.verdict < AGENT_VERDICT_COUNT && one.risk < AGENT_RISK_COUNT);
	FUZZ_CHECK(one.rule && one.reason && one.file && one.line >= 1);
	(void)agent_policy_taints(policy, call, &other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct agent_policy *policy = NULL;
	struct cua_error err = { 0 };
	if (agent_policy_parse("f", (const char *)data, size, &policy, &err) != CUA_OK) {
		FUZZ_CHECK(strncmp(err.msg, "f:", 2) == 0 && atoi(err.msg + 2) >= 1);
		return 0;
	}
	CUA_AUTO_JSON cJSON *click = cJSON_Parse("{\"action\":\"click\",\"x\":1}");
	CUA_AUTO_JSON cJSON *line = cJSON_Parse("{\"command\":\"ls a/b; rm -rf *\",\"n\":5}");
	CUA_AUTO_JSON cJSON *page =
			cJSON_Parse("{\"action\":\"open_url\",\"url\":\"https://a.b.c/\"}");
	const struct agent_policy_call calls[] = {
		{ .tool = "computer", .arguments = click },
		{ .tool = "computer", .arguments = page, .network = "open", .window_class = "" },
		{ .tool = "bash", .arguments = line, .workspace = "/w", .is_tainted = true },
		{ .tool = "mcp", .arguments = line, .server = "s", .server_tool = "t" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(calls); i++) {
		check_call(policy, &calls[i]);
	}
	agent_policy_destroy(policy);
	return 0;
}

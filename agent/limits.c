#include "agent/limits.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include <sodium.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/action.h"

static const struct {
	const char *name;
	int exit_status;
} rows[AGENT_LIMIT_COUNT] = {
	[AGENT_LIMIT_NONE] = { "", 0 },
	[AGENT_LIMIT_STEPS] = { "steps", 10 },
	[AGENT_LIMIT_TIME] = { "time", 11 },
	[AGENT_LIMIT_TOKENS] = { "tokens", 12 },
	[AGENT_LIMIT_MONEY] = { "money", 13 },
	[AGENT_LIMIT_REPEATS] = { "repeats", 14 },
	[AGENT_LIMIT_ERRORS] = { "errors", 15 },
};

const char *agent_limit_name(enum agent_limit limit)
{
	return rows[limit].name;
}

int agent_limit_exit(enum agent_limit limit)
{
	return rows[limit].exit_status;
}

enum agent_limit agent_limits_check(const struct agent_limits *limits,
		const struct agent_spent *spent, struct cua_error *err)
{
	if (limits->steps > 0 && spent->steps >= limits->steps) {
		cua_error_set(err, CUA_ERR_POLICY, 0,
				"the limit of %d steps is reached; --max-steps raises it",
				limits->steps);
		return AGENT_LIMIT_STEPS;
	}
	if (limits->time_s > 0 && spent->time_s >= limits->time_s) {
		cua_error_set(err, CUA_ERR_POLICY, 0,
				"the limit of %d seconds is reached; --max-time raises it",
				limits->time_s);
		return AGENT_LIMIT_TIME;
	}
	if (limits->tokens > 0 && spent->tokens >= limits->tokens) {
		cua_error_set(err, CUA_ERR_POLICY, 0,
				"the limit of %.0f tokens is reached, with %.0f; --max-tokens "
				"raises it",
				limits->tokens, spent->tokens);
		return AGENT_LIMIT_TOKENS;
	}
	if (limits->usd > 0 && isnan(spent->usd)) {
		cua_error_set(err, CUA_ERR_POLICY, 0,
				"the model's prices are not known, so its cost cannot be limited; "
				"write them into models.json, or leave out --max-cost");
		return AGENT_LIMIT_MONEY;
	}
	if (limits->usd > 0 && spent->usd >= limits->usd) {
		cua_error_set(err, CUA_ERR_POLICY, 0,
				"the limit of $%.2f is reached, with $%.4f; --max-cost raises it",
				limits->usd, spent->usd);
		return AGENT_LIMIT_MONEY;
	}
	return AGENT_LIMIT_NONE;
}

struct agent_limits agent_limits_or(
		const struct agent_limits *given, const struct agent_limits *otherwise)
{
	return (struct agent_limits){
		.steps = given->steps < 0 ? otherwise->steps : given->steps,
		.time_s = given->time_s < 0 ? otherwise->time_s : given->time_s,
		.tokens = given->tokens < 0 ? otherwise->tokens : given->tokens,
		.usd = given->usd < 0 ? otherwise->usd : given->usd,
		.repeats = given->repeats < 0 ? otherwise->repeats : given->repeats,
		.errors = given->errors < 0 ? otherwise->errors : given->errors,
	};
}

/* --- circles --- */

static bool touches(const cJSON *actions)
{
	const cJSON *action = NULL;
	cJSON_ArrayForEach (action, actions) {
		const char *name = cua_json_string(action, "action");
		const struct cua_action_spec *spec = name ? cua_action_find(name) : NULL;
		if (spec && spec->is_input) {
			return true;
		}
	}
	return false;
}

int agent_circle_note(struct agent_circle *circle, const cJSON *actions, const char *screen)
{
	CUA_AUTO_FREE char *text = touches(actions) ? cJSON_PrintUnformatted(actions) : NULL;
	if (!text) {
		return 0;
	}
	uint8_t *pair = circle->pairs[circle->count++ % AGENT_PAIRS_KEPT];
	crypto_generichash_state state;
	crypto_generichash_init(&state, NULL, 0, sizeof(circle->pairs[0]));
	crypto_generichash_update(&state, (const unsigned char *)screen, strlen(screen) + 1);
	crypto_generichash_update(&state, (const unsigned char *)text, strlen(text));
	crypto_generichash_final(&state, pair, sizeof(circle->pairs[0]));
	const uint64_t kept = circle->count < AGENT_PAIRS_KEPT ? circle->count : AGENT_PAIRS_KEPT;
	int same = 0;
	for (uint64_t i = 0; i < kept; i++) {
		same += memcmp(circle->pairs[i], pair, sizeof(circle->pairs[0])) == 0;
	}
	return same;
}

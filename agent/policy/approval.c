#include "agent/policy/approval.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cua/base/util.h"

#define HOUR_US (3600ULL * 1000000U)
#define SECOND_US 1000000ULL

/* Each text with its end, so that no two lists of texts look alike. */
static void add_text(crypto_generichash_state *state, const char *text)
{
	text = text ? text : "";
	crypto_generichash_update(state, (const unsigned char *)text, strlen(text) + 1);
}

/* Of the call as it will be run. False when memory runs out. */
static bool hash_call(uint8_t hash[32], const struct agent_asked *call)
{
	CUA_AUTO_FREE char *arguments = cJSON_PrintUnformatted(call->arguments);
	crypto_generichash_state state;
	if (!arguments) {
		return false;
	}
	crypto_generichash_init(&state, NULL, 0, 32);
	add_text(&state, call->tool);
	add_text(&state, call->server);
	add_text(&state, call->server_tool);
	add_text(&state, arguments);
	crypto_generichash_final(&state, hash, 32);
	return true;
}

static uint64_t lesser(uint64_t one, uint64_t other)
{
	return one < other ? one : other;
}

static bool was_refused(const struct agent_approvals *approvals, const uint8_t hash[32])
{
	const uint64_t kept = lesser(approvals->refused_count, AGENT_REFUSALS_KEPT);
	for (uint64_t i = 0; i < kept; i++) {
		if (memcmp(approvals->refused[i], hash, 32) == 0) {
			return true;
		}
	}
	return false;
}

/* Questions that count against the limit now. */
static uint64_t count_asked(const struct agent_approvals *approvals, uint64_t now_us)
{
	const uint64_t kept = lesser(approvals->asked, AGENT_QUESTIONS_KEPT);
	uint64_t count = 0;
	if (!approvals->limit.per_hour) {
		return approvals->asked;
	}
	for (uint64_t i = 0; i < kept; i++) {
		count += now_us - approvals->asked_us[i] < HOUR_US;
	}
	return count;
}

bool agent_approvals_may_ask(const struct agent_approvals *approvals,
		const struct agent_asked *call, uint64_t now_us, const char **ret_why)
{
	uint8_t hash[32];
	const uint64_t most = (uint64_t)approvals->limit.times;
	if (!hash_call(hash, call)) {
		*ret_why = "memory ran out";
		return false;
	}
	if (was_refused(approvals, hash)) {
		*ret_why = "a person has refused exactly this before, and is not asked again";
		return false;
	}
	if (most > 0 && count_asked(approvals, now_us) >= most) {
		*ret_why = "a person was asked so often that no more questions are put";
		return false;
	}
	return true;
}

void agent_approvals_asked(struct agent_approvals *approvals, uint64_t now_us)
{
	approvals->asked_us[approvals->asked++ % AGENT_QUESTIONS_KEPT] = now_us;
}

static void keep_refusal(struct agent_approvals *approvals, const uint8_t hash[32])
{
	memcpy(approvals->refused[approvals->refused_count++ % AGENT_REFUSALS_KEPT], hash, 32);
}

bool agent_approvals_last_refusal(
		const struct agent_approvals *approvals, char refusal[AGENT_REFUSAL_SIZE])
{
	if (approvals->refused_count == 0) {
		return false;
	}
	const uint64_t last = (approvals->refused_count - 1) % AGENT_REFUSALS_KEPT;
	return sodium_bin2hex(refusal, AGENT_REFUSAL_SIZE, approvals->refused[last], 32) != NULL;
}

void agent_approvals_refuse(struct agent_approvals *approvals, const char *refusal)
{
	uint8_t hash[32];
	size_t len = 0;
	if (sodium_hex2bin(hash, sizeof(hash), refusal, strlen(refusal), NULL, &len, NULL) == 0 &&
			len == sizeof(hash)) {
		keep_refusal(approvals, hash);
	}
}

void agent_approvals_answer(struct agent_approvals *approvals, const struct agent_asked *call,
		const char *screen, bool is_yes, uint64_t asked_us)
{
	uint8_t hash[32];
	approvals->is_given = false;
	if (!hash_call(hash, call)) {
		return;
	}
	if (!is_yes) {
		keep_refusal(approvals, hash);
		return;
	}
	memcpy(approvals->given, hash, sizeof(hash));
	snprintf(approvals->screen, sizeof(approvals->screen), "%s", screen ? screen : "");
	approvals->expires_us = asked_us + AGENT_APPROVAL_S * SECOND_US;
	approvals->is_given = true;
}

enum agent_approval agent_approvals_take(struct agent_approvals *approvals,
		const struct agent_asked *call, const char *screen, uint64_t now_us)
{
	uint8_t hash[32];
	const bool is_given = approvals->is_given;
	approvals->is_given = false;
	if (!is_given || !hash_call(hash, call) ||
			memcmp(hash, approvals->given, sizeof(hash)) != 0) {
		return AGENT_APPROVAL_NONE;
	}
	if (now_us >= approvals->expires_us) {
		return AGENT_APPROVAL_EXPIRED;
	}
	return strcmp(approvals->screen, screen ? screen : "") == 0 ? AGENT_APPROVAL_HOLDS
								    : AGENT_APPROVAL_SCREEN;
}

#include "agent/policy/condition.h"

#include <fnmatch.h>
#include <string.h>

#include "agent/policy/names.h"

#define PATTERN_MAX 256

/* A text, or each of a list of them; NULL behind the last. */
const cJSON *policy_first_text(const cJSON *value)
{
	return cJSON_IsArray(value) ? value->child : value;
}

const cJSON *policy_next_text(const cJSON *value, const cJSON *text)
{
	return cJSON_IsArray(value) ? text->next : NULL;
}

enum policy_match policy_either(enum policy_match one, enum policy_match other)
{
	return one > other ? one : other;
}

bool policy_matches(const cJSON *patterns, const char *text, int flags)
{
	for (const cJSON *at = policy_first_text(patterns); at;
			at = policy_next_text(patterns, at)) {
		if (fnmatch(at->valuestring, text, flags) == 0) {
			return true;
		}
	}
	return false;
}

/* text NULL: not known. */
enum policy_match policy_match_known(const cJSON *patterns, const char *text, int flags)
{
	return !text                                            ? POLICY_MAYBE
			: policy_matches(patterns, text, flags) ? POLICY_YES
								: POLICY_NO;
}

enum cua_status policy_check_texts(const struct cua_yaml *yaml, const cJSON *value,
		policy_check_fn *check, struct cua_error *err)
{
	if (!policy_first_text(value)) {
		return cua_yaml_fail(yaml, value, err, "the list is empty");
	}
	for (const cJSON *at = policy_first_text(value); at; at = policy_next_text(value, at)) {
		if (!cJSON_IsString(at)) {
			return cua_yaml_fail(yaml, at, err,
					"needs a text or a list of texts; put what looks like a "
					"number, true or null in quotes");
		}
		enum cua_status status = check(yaml, at, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	return CUA_OK;
}

static enum cua_status check_pattern(
		const struct cua_yaml *yaml, const cJSON *text, struct cua_error *err)
{
	const size_t len = strlen(text->valuestring);
	if (len == 0 || len > PATTERN_MAX) {
		return cua_yaml_fail(yaml, text, err, "a pattern has 1 to %d bytes", PATTERN_MAX);
	}
	return policy_check_glob(yaml, text, err);
}

enum cua_status policy_check_patterns(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	return policy_check_texts(yaml, value, check_pattern, err);
}

enum cua_status policy_check_choice(const struct cua_yaml *yaml, const cJSON *text,
		const char *const *names, struct cua_error *err)
{
	char allowed[128];
	cua_yaml_list_names(names, allowed, sizeof(allowed));
	return cua_yaml_name_index(names, text->valuestring) >= 0
			? CUA_OK
			: cua_yaml_fail(yaml, text, err, "'%.40s' is not %s", text->valuestring,
					  allowed);
}

enum cua_status policy_check_flag(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	return cJSON_IsBool(value) ? CUA_OK
				   : cua_yaml_fail(yaml, value, err, "needs true or false");
}

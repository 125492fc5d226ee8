/* Conditions about what is around a call: window, origin, network, class, taint. */

#include <fnmatch.h>
#include <string.h>

#include "agent/policy/condition.h"
#include "agent/policy/origin.h"
#include "cua/base/json.h"

static const char *const networks[] = { "none", "allow", "open", NULL };

enum policy_match policy_match_window(const cJSON *value, struct policy_view *view)
{
	const cJSON *class = cua_json_member(value, "class");
	const cJSON *title = cua_json_member(value, "title");
	if (!policy_is_computer(view)) {
		return POLICY_NO;
	}
	const enum policy_match by_class =
			class ? policy_match_known(class, view->call->window_class, FNM_CASEFOLD)
			      : POLICY_YES;
	const enum policy_match by_title = title
			? policy_match_known(title, view->call->window_title, FNM_CASEFOLD)
			: POLICY_YES;
	return by_class < by_title ? by_class : by_title;
}

enum cua_status policy_check_window(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	static const char *const members[] = { "class", "title", NULL };
	const cJSON *member = NULL;
	enum cua_status status = cJSON_IsObject(value) && value->child
			? CUA_OK
			: cua_yaml_fail(yaml, value, err,
					  "needs {class: pattern, title: pattern}, or one of them");
	cJSON_ArrayForEach (member, value) {
		if (status == CUA_OK && cua_yaml_name_index(members, member->string) < 0) {
			status = cua_yaml_fail(yaml, member, err, "'%.40s' is not class or title",
					member->string);
		}
		status = status == CUA_OK ? policy_check_patterns(yaml, member, err) : status;
	}
	return status;
}

/* A URL that is given goes before the one that the browser is at. */
enum policy_match policy_match_origin(const cJSON *value, struct policy_view *view)
{
	struct agent_origin origin;
	const char *given = cua_json_string(view->call->arguments, "url");
	const char *url = given ? given : policy_is_computer(view) ? view->call->url : NULL;
	if (!given && !policy_is_computer(view)) {
		return POLICY_NO;
	}
	view->lacks_url = view->lacks_url || !url;
	if (!url || !agent_origin_read(url, &origin)) {
		return POLICY_MAYBE;
	}
	enum policy_match match = POLICY_NO;
	for (const cJSON *at = policy_first_text(value); at; at = policy_next_text(value, at)) {
		match = policy_either(match,
				agent_origin_matches(&origin, at->valuestring) ? POLICY_YES
									       : POLICY_NO);
	}
	return match;
}

static enum cua_status check_origin(
		const struct cua_yaml *yaml, const cJSON *text, struct cua_error *err)
{
	struct cua_error why = { 0 };
	return agent_origin_check(text->valuestring, &why) == CUA_OK
			? CUA_OK
			: cua_yaml_fail(yaml, text, err, "%s", why.msg);
}

enum cua_status policy_check_origins(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	return policy_check_texts(yaml, value, check_origin, err);
}

enum policy_match policy_match_network(const cJSON *value, struct policy_view *view)
{
	return policy_match_known(value, view->call->network, 0);
}

static enum cua_status check_network(
		const struct cua_yaml *yaml, const cJSON *text, struct cua_error *err)
{
	return policy_check_choice(yaml, text, networks, err);
}

enum cua_status policy_check_networks(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	return policy_check_texts(yaml, value, check_network, err);
}

enum policy_match policy_match_risk(const cJSON *value, struct policy_view *view)
{
	return view->has_risk ? policy_match_known(value, agent_risk_names[view->risk], 0)
			      : POLICY_NO;
}

static enum cua_status check_risk(
		const struct cua_yaml *yaml, const cJSON *text, struct cua_error *err)
{
	return policy_check_choice(yaml, text, agent_risk_names, err);
}

enum cua_status policy_check_risks(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	return policy_check_texts(yaml, value, check_risk, err);
}

enum policy_match policy_match_tainted(const cJSON *value, struct policy_view *view)
{
	return view->call->is_tainted == cJSON_IsTrue(value) ? POLICY_YES : POLICY_NO;
}

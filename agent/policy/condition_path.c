/* Conditions about the files that a call names or writes. */

#include <fnmatch.h>
#include <string.h>

#include "agent/policy/condition.h"
#include "agent/policy/glob.h"
#include "agent/policy/path.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

static const char *const places[] = { "inside", "outside", NULL };

typedef enum policy_match (*path_match_fn)(
		const cJSON *value, const char *path, const struct policy_view *view);

/* One path of several that is meant: it may be meant. */
static enum policy_match match_paths(
		const cJSON *value, struct policy_view *view, path_match_fn match)
{
	const cJSON *arguments = view->call->arguments;
	/* A tool's path is a name as it is written, and so is a pattern in quotes. */
	struct policy_view as_written = *view;
	as_written.command = NULL;
	const cJSON *lists[] = { cua_json_member(view->command, "paths"),
		cua_json_member(view->command, "names"), cua_json_member(arguments, "path"),
		cua_json_member(arguments, "paths"), cua_json_member(arguments, "repository") };
	int count = 0, yes = 0, maybe = 0;
	for (size_t i = 0; i < CUA_ARRAY_LEN(lists); i++) {
		for (const cJSON *at = lists[i] ? policy_first_text(lists[i]) : NULL; at;
				at = policy_next_text(lists[i], at)) {
			const char *path = cJSON_GetStringValue(at);
			const enum policy_match one = path
					? match(value, path, i == 0 ? view : &as_written)
					: POLICY_MAYBE;
			yes += one == POLICY_YES;
			maybe += one == POLICY_MAYBE;
			count++;
		}
	}
	if (count == 0) {
		return view->is_opaque ? POLICY_MAYBE : POLICY_NO;
	}
	return yes == count ? POLICY_YES : yes + maybe > 0 ? POLICY_MAYBE : POLICY_NO;
}

/* The folder that relative paths count from; NULL: not known. */
static const char *folder_of(const struct policy_view *view)
{
	return view->directory ? view->directory : view->call->workspace;
}

/* A pattern of file names: what may be meant by it, or all of it. */
static enum policy_match match_glob(const cJSON *value, const char *whole)
{
	for (const cJSON *at = policy_first_text(value); at; at = policy_next_text(value, at)) {
		if (fnmatch(at->valuestring, whole, 0) == 0) {
			return strpbrk(at->valuestring, "?[") ? POLICY_MAYBE : POLICY_YES;
		}
		if (agent_glob_may_mean(whole, at->valuestring)) {
			return POLICY_MAYBE;
		}
	}
	return POLICY_NO;
}

/* As it is written, and where it leads. */
static enum policy_match match_one_path(
		const cJSON *value, const char *path, const struct policy_view *view)
{
	char whole[AGENT_PATH_MAX];
	const char *folder = folder_of(view);
	const bool is_known = agent_path_resolve(folder ? folder : "/", path, whole);
	if (is_known && view->command && agent_glob_is(whole)) {
		return match_glob(value, whole);
	}
	return policy_matches(value, path, 0)
			? POLICY_YES
			: policy_match_known(value, is_known ? whole : NULL, 0);
}

enum policy_match policy_match_path(const cJSON *value, struct policy_view *view)
{
	return match_paths(value, view, match_one_path);
}

/* One of them is enough. */
enum policy_match policy_match_writes(const cJSON *value, struct policy_view *view)
{
	enum policy_match match = view->is_opaque ? POLICY_MAYBE : POLICY_NO;
	const cJSON *path = NULL;
	cJSON_ArrayForEach (path, cua_json_member(view->command, "writes")) {
		match = policy_either(match, match_one_path(value, path->valuestring, view));
	}
	return match;
}

static enum policy_match match_one_place(
		const cJSON *value, const char *path, const struct policy_view *view)
{
	char whole[AGENT_PATH_MAX];
	if (!view->call->workspace || !agent_path_resolve(folder_of(view), path, whole)) {
		return POLICY_MAYBE;
	}
	const bool is_inside = agent_path_is_under(whole, view->call->workspace);
	return is_inside == (strcmp(value->valuestring, "inside") == 0) ? POLICY_YES : POLICY_NO;
}

enum policy_match policy_match_place(const cJSON *value, struct policy_view *view)
{
	return match_paths(value, view, match_one_place);
}

enum cua_status policy_check_place(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err)
{
	return cJSON_IsString(value) ? policy_check_choice(yaml, value, places, err)
				     : cua_yaml_fail(yaml, value, err, "needs inside or outside");
}

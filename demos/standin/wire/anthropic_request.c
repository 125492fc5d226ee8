#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/anthropic_internal.h"

const struct check_member anthropic_cache_control[] = {
	{ "type", CHECK_TEXT, true, (const char *const[]){ "ephemeral", NULL } },
	{ "ttl", CHECK_TEXT, false, (const char *const[]){ "5m", "1h", NULL } },
	{ 0 },
};

static const struct check_member request_members[] = {
	{ "model", CHECK_TEXT, true, NULL },
	{ "messages", CHECK_LIST, true, NULL },
	{ "max_tokens", CHECK_NUMBER, true, NULL },
	{ "cache_control", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ "context_management", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ "inference_geo", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ "metadata", CHECK_OBJECT, false, NULL },
	{ "output_config", CHECK_OBJECT, false, NULL },
	{ "service_tier", CHECK_TEXT, false,
			(const char *const[]){ "auto", "standard_only", NULL } },
	{ "speed", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ "stop_sequences", CHECK_LIST, false, NULL },
	{ "stream", CHECK_BOOL, false, NULL },
	{ "system", CHECK_TEXT | CHECK_LIST, false, NULL },
	{ "temperature", CHECK_NUMBER, false, NULL },
	{ "thread", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ "thinking", CHECK_OBJECT, false, NULL },
	{ "tool_choice", CHECK_OBJECT, false, NULL },
	{ "tools", CHECK_LIST, false, NULL },
	{ "top_k", CHECK_NUMBER, false, NULL },
	{ "top_p", CHECK_NUMBER, false, NULL },
	{ 0 },
};

static const struct check_member output_config_members[] = {
	{ "effort", CHECK_TEXT | CHECK_NULL, false,
			(const char *const[]){ "low", "medium", "high", "xhigh", "max", NULL } },
	{ "format", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ 0 },
};

static const struct check_member thinking_members[] = {
	{ "type", CHECK_TEXT, true,
			(const char *const[]){ "adaptive", "between_tools", "disabled", "enabled",
					NULL } },
	{ "budget_tokens", CHECK_NUMBER, false, NULL },
	{ "display", CHECK_TEXT | CHECK_NULL, false,
			(const char *const[]){ "summarized", "omitted", "updates", NULL } },
	{ "block_binding", CHECK_OBJECT | CHECK_NULL, false, NULL },
	{ 0 },
};

static const struct check_member choice_members[] = {
	{ "type", CHECK_TEXT, true, (const char *const[]){ "auto", "any", "tool", "none", NULL } },
	{ "name", CHECK_TEXT, false, NULL },
	{ "disable_parallel_tool_use", CHECK_BOOL, false, NULL },
	{ 0 },
};

/* --- headers --- */

static const char *const betas[] = { "computer-use-2024-10-22", "computer-use-2025-01-24",
	"computer-use-2025-11-24", "context-management-2025-06-27", "compact-2026-01-12",
	"message-threads-2026-08-12", "compact-2026-09-04", "thinking-display-updates-2026-08-18",
	"thinking-binding-controls-2026-08-01", "interleaved-thinking-2025-05-14",
	"extended-cache-ttl-2025-04-11", "prompt-caching-2024-07-31", "context-1m-2025-08-07",
	"token-efficient-tools-2025-02-19", "fast-mode-2026-02-01",
	"model-context-window-exceeded-2025-08-26", "structured-outputs-2025-11-13", NULL };

/* Calls each name of the list in turn; the first that is not among known, or is the one sought. */
static const char *find_beta(const char *header, const char *sought, size_t *ret_len)
{
	while (header && *header) {
		header += strspn(header, ", ");
		size_t len = strcspn(header, ", ");
		bool known = false;
		for (size_t i = 0; betas[i]; i++) {
			known |= strlen(betas[i]) == len && strncmp(betas[i], header, len) == 0;
		}
		bool found = sought ? strlen(sought) == len && strncmp(sought, header, len) == 0
				    : len && !known;
		if (found) {
			*ret_len = len;
			return header;
		}
		header += len;
	}
	return NULL;
}

bool anthropic_beta(const struct wire_request *request, const char *name)
{
	size_t len = 0;
	return find_beta(request->http->headers[WIRE_ANTHROPIC_BETA], name, &len) != NULL;
}

/* The second is what the vendor's own SDK sends since its version 1.0. */
static const char *const versions[] = { "2023-06-01", "2026-10-21", NULL };

static bool check_headers(struct wire_request *request)
{
	const char *const *headers = request->http->headers;
	size_t len = 0;
	const char *unknown = find_beta(headers[WIRE_ANTHROPIC_BETA], NULL, &len);
	const char *bearer = headers[WIRE_AUTHORIZATION], *key = headers[WIRE_X_API_KEY];
	if (!key && bearer && strncmp(bearer, "Bearer ", 7) == 0) {
		key = bearer + 7;
	}
	if (!key || !wire_accepts(request, key)) {
		return wire_refuse(request, 401, NULL, "",
				key ? "invalid x-api-key" : "x-api-key header is required");
	}
	if (!headers[WIRE_ANTHROPIC_VERSION]) {
		return wire_refuse(request, 400, NULL, "", "anthropic-version: header is required");
	}
	if (!check_any_of(headers[WIRE_ANTHROPIC_VERSION], versions)) {
		return wire_refuse(request, 400, NULL, "",
				"anthropic-version: \"%.40s\" is not a valid version",
				headers[WIRE_ANTHROPIC_VERSION]);
	}
	if (unknown) {
		return wire_refuse(request, 400, NULL, "",
				"Unexpected value(s) `%.*s` for the `anthropic-beta` header. "
				"Please "
				"consult our documentation at docs.claude.com or try again without "
				"the header.",
				(int)(len < 80 ? len : 80), unknown);
	}
	return true;
}

/* --- settings that depend on the model --- */

static bool check_model(struct wire_request *request)
{
	const char *model = check_text(request->root, "model");
	request->profile = anthropic_find_model(model);
	snprintf(request->model, sizeof(request->model), "%s", model);
	return request->profile || wire_refuse(request, 404, NULL, "", "model: %.80s", model);
}

static bool check_thinking(struct wire_request *request)
{
	const cJSON *thinking = check_get(request->root, "thinking");
	if (!thinking) {
		return true;
	}
	if (!check_members(request, "thinking", thinking, thinking_members)) {
		return false;
	}
	const char *type = check_text(thinking, "type");
	const cJSON *budget = check_get(thinking, "budget_tokens");
	const cJSON *max_tokens = check_get(request->root, "max_tokens");
	if (strcmp(type, "disabled") == 0 && anthropic_has(request, ANTHROPIC_ALWAYS_THINKS)) {
		return wire_refuse(request, 400, NULL, "",
				"thinking.type: `disabled` is not supported by %s.",
				request->model);
	}
	if (strcmp(type, "between_tools") == 0 &&
			!anthropic_has(request, ANTHROPIC_BETWEEN_TOOLS)) {
		return wire_refuse(request, 400, NULL, "",
				"thinking.type: `between_tools` is not supported by %s.",
				request->model);
	}
	if (strcmp(type, "enabled") == 0 && anthropic_has(request, ANTHROPIC_ADAPTIVE)) {
		return wire_refuse(request, 400, NULL, "",
				"\"thinking.type.enabled\" is not supported for this model. Use "
				"\"thinking.type.adaptive\" and \"output_config.effort\" to "
				"control "
				"thinking behavior.");
	}
	if (strcmp(type, "enabled") == 0 &&
			(!budget || budget->valuedouble < 1024 ||
					budget->valuedouble >= max_tokens->valuedouble)) {
		return wire_refuse(request, 400, NULL, "",
				"thinking.enabled.budget_tokens: must be at least 1024 and less "
				"than `max_tokens`");
	}
	if (check_get(thinking, "block_binding") &&
			!anthropic_beta(request, "thinking-binding-controls-2026-08-01")) {
		return request->api->bad_member(
				request, "thinking", "block_binding", CHECK_UNKNOWN, 0);
	}
	if (check_is(check_text(thinking, "display"), "updates") &&
			!anthropic_beta(request, "thinking-display-updates-2026-08-18")) {
		return wire_refuse(request, 400, NULL, "",
				"thinking.adaptive.display: Input should be 'summarized' or "
				"'omitted'");
	}
	return true;
}

static bool check_choice(struct wire_request *request)
{
	const cJSON *choice = check_get(request->root, "tool_choice");
	if (!choice) {
		return true;
	}
	if (!check_members(request, "tool_choice", choice, choice_members)) {
		return false;
	}
	const char *type = check_text(choice, "type");
	bool forces = strcmp(type, "any") == 0 || strcmp(type, "tool") == 0;
	if (forces && anthropic_has(request, ANTHROPIC_NO_FORCING)) {
		return wire_refuse(request, 400, NULL, "",
				"tool_choice: `%s` is not supported by %s.", type, request->model);
	}
	const char *name = check_text(choice, "name");
	if (strcmp(type, "tool") == 0 && (!name || !anthropic_offers(request, name))) {
		return wire_refuse(request, 400, NULL, "",
				"Tool '%.60s' not found in provided tools", name ? name : "");
	}
	return true;
}

static bool check_sampling(struct wire_request *request)
{
	static const char *const names[] = { "temperature", "top_p", "top_k" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		const cJSON *value = check_get(request->root, names[i]);
		if (value && value->valuedouble != 1.0 &&
				anthropic_has(request, ANTHROPIC_NO_SAMPLING)) {
			return wire_refuse(request, 400, NULL, "",
					"%s: only the default is supported by %s.", names[i],
					request->model);
		}
	}
	return true;
}

static bool check_system(struct wire_request *request)
{
	const cJSON *system = check_get(request->root, "system");
	struct cua_buffer texts;
	int index = 0;
	const cJSON *block;
	bool good = true;
	cua_buffer_init(&texts, WIRE_BODY_MAX);
	cJSON_ArrayForEach (block, system) {
		struct check_place place = check_index(request, "system", index++);
		if (!check_is(check_text(block, "type"), "text")) {
			good = wire_refuse(request, 400, NULL, "",
					"%s.type: Input should be 'text'", place.text);
		} else {
			good = anthropic_read_block(request, block, place.text, &texts);
		}
		if (!good) {
			break;
		}
	}
	cua_buffer_finish(&texts);
	return good;
}

/* --- breakpoints of the cache --- */

static int count_breakpoints(const cJSON *json)
{
	int count = 0;
	const cJSON *item;
	cJSON_ArrayForEach (item, json) {
		count += check_is(item->string, "cache_control") && cJSON_IsObject(item)
				? 1
				: count_breakpoints(item);
	}
	return count;
}

static bool check_breakpoints(struct wire_request *request)
{
	int count = count_breakpoints(request->root);
	const cJSON *top = check_get(request->root, "cache_control");
	if (cJSON_IsObject(top) &&
			!check_members(request, "cache_control", top, anthropic_cache_control)) {
		return false;
	}
	return count <= 4 ||
			wire_refuse(request, 400, NULL, "",
					"A maximum of 4 blocks with cache_control may be provided. "
					"Found %d.",
					count);
}

static bool check_length(struct wire_request *request)
{
	const struct anthropic_model *model = request->profile;
	const double tokens = check_get(request->root, "max_tokens")->valuedouble;
	if (tokens < 1) {
		return wire_refuse(request, 400, NULL, "",
				"max_tokens: Input should be greater than or equal to 1");
	}
	return !model->max_output || tokens <= model->max_output ||
			wire_refuse(request, 400, NULL, "",
					"max_tokens: %.0f > %d, which is the maximum allowed "
					"number of output tokens for %s",
					tokens, model->max_output, request->model);
}

bool anthropic_read(struct wire_request *request)
{
	const cJSON *root = request->root;
	if (!check_headers(request)) {
		return false;
	}
	if (!cJSON_IsObject(root)) {
		return wire_refuse(request, 400, NULL, "", "The request body is not valid JSON");
	}
	const cJSON *config = check_get(root, "output_config");
	if (!check_members(request, "", root, request_members) || !check_model(request) ||
			!anthropic_read_thread(request) ||
			!anthropic_read_tools(request, check_get(root, "tools")) ||
			!check_thinking(request) || !check_choice(request) ||
			!check_sampling(request) || !check_system(request) ||
			(config &&
					!check_members(request, "output_config", config,
							output_config_members)) ||
			!anthropic_read_context(request) || !check_breakpoints(request) ||
			!check_length(request)) {
		return false;
	}
	request->stream = cJSON_IsTrue(check_get(root, "stream"));
	bool is_oldest = check_is(request->tool, ANTHROPIC_OLDEST_TOOL);
	request->input.cannot = is_oldest ? anthropic_cannot_oldest : anthropic_cannot;
	request->input.split = ACT_SPLIT_BENT_DRAGS |
			(anthropic_uses_toolset(request) ? 0U : ACT_SPLIT_KEYS) | /* no repeat */
			(is_oldest ? ACT_SPLIT_CLICKS | ACT_SPLIT_DRAGS : 0U);
	request->input.one_call = cJSON_IsTrue(
			check_get(check_get(root, "tool_choice"), "disable_parallel_tool_use"));
	wire_offers(request, anthropic_offers);
	return anthropic_read_messages(request, check_get(root, "messages"));
}
